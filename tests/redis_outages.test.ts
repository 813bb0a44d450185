import { Effect } from "effect";
import type { Redis, RedisOptions } from "ioredis";
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { redisAdapter } from "../adapters/redis.ts";
import { Cache, type CallOptions } from "../mod.ts";
import { randomToken } from "../src/token.ts";
import { variable, withoutServer } from "./support/address.ts";
import { ioredisVersions } from "./support/redis_clients.ts";
import { type RedisServer, startRedisServer } from "./support/redis_server.ts";
import { type Network, openNetwork } from "./support/toxiproxy.ts";

const binary = variable("REDIS_SERVER");
const toxiproxy = variable("TOXIPROXY_URL");
const skip = binary === undefined
  ? withoutServer("REDIS_SERVER")
  : toxiproxy === undefined
  ? withoutServer("TOXIPROXY_URL")
  : false;

const FETCH = 300;
const TIMEOUT = 500;
/** What a slow machine may add. */
const SLACK = 250;

describe("redis in trouble", { skip }, () => {
  let server: RedisServer;
  let network: Network;
  let connect: (options?: RedisOptions) => Redis;
  const clients: Redis[] = [];
  before(async () => {
    const [{ Redis }] = await ioredisVersions();
    server = await startRedisServer(binary!);
    network = await openNetwork(toxiproxy!, server.port);
    connect = (options = {}) => {
      const client = new Redis(network.port, "127.0.0.1", options);
      client.on("error", () => {});
      clients.push(client);
      return client;
    };
  });
  after(async () => {
    for (const client of clients) client.disconnect();
    await network.close();
    await server.stop();
  });

  /** Processes with 50 callers each of a cold key, while something happens. */
  async function herd(
    during: () => Promise<void>,
    { onCacheFailure, ...options }: CallOptions<unknown> & { readonly client?: RedisOptions } = {},
  ) {
    const key = randomToken();
    const processes = await Promise.all([0, 1, 2].map(async () => {
      const client = connect(options.client);
      await client.ping();
      const cache = Cache.make({
        adapter: redisAdapter({ client }),
        operationTimeout: TIMEOUT,
        waitStep: 50,
        onCacheFailure,
      });
      return { cache, fetches: 0, values: 0, failures: [] as unknown[], slowest: 0 };
    }));
    const calls = processes.flatMap((process) => {
      const fetcher = () => Effect.as(Effect.sleep(FETCH), ++process.fetches);
      return Array.from({ length: 50 }, async () => {
        const began = performance.now();
        await Effect.runPromise(Effect.match(process.cache.getOrSet(key, fetcher), {
          onSuccess: () => process.values++,
          onFailure: (error) => process.failures.push(error._tag),
        }));
        process.slowest = Math.max(process.slowest, performance.now() - began);
      });
    });
    await during();
    await Promise.all(calls);
    return processes;
  }

  const nothing = () => Promise.resolve();
  const slowestOf = (processes: readonly { slowest: number }[]) =>
    Math.max(...processes.map(({ slowest }) => slowest));

  for (const maxRetriesPerRequest of [20, null]) {
    const client: RedisOptions = { maxRetriesPerRequest };
    describe(`with maxRetriesPerRequest ${maxRetriesPerRequest}`, () => {
      it("outlives a restart during a wait", async () => {
        const processes = await herd(async () => {
          await sleep(100);
          await server.stop();
          await sleep(100);
          server = await startRedisServer(binary!, { port: server.port });
        }, { onCacheFailure: "bypass", client });
        for (const { values, fetches } of processes) {
          assert.equal(values, 50);
          assert.ok(fetches <= 1, `${fetches} fetches`);
        }
        assert.ok(slowestOf(processes) < 200 + TIMEOUT + FETCH + SLACK, `${slowestOf(processes)}`);
      });

      it("outlives a cut that heals during a wait", async () => {
        const processes = await herd(async () => {
          await sleep(100);
          await network.cut();
          await sleep(100);
          await network.heal();
        }, { onCacheFailure: "bypass", client });
        for (const { values, fetches } of processes) {
          assert.equal(values, 50);
          assert.ok(fetches <= 1, `${fetches} fetches`);
        }
        assert.ok(slowestOf(processes) < 200 + TIMEOUT + FETCH + SLACK, `${slowestOf(processes)}`);
      });

      it("outlives a network that loses everything during a wait", async () => {
        const processes = await herd(async () => {
          await sleep(100);
          await network.blackhole();
        }, { onCacheFailure: "bypass", client });
        await network.heal();
        for (const { values, fetches } of processes) {
          assert.equal(values, 50);
          assert.ok(fetches <= 1, `${fetches} fetches`);
        }
        // What was waited before is a look of every 4 × `waitStep`.
        assert.ok(slowestOf(processes) < 300 + TIMEOUT + FETCH + SLACK, `${slowestOf(processes)}`);
      });

      it("bypasses a network that loses everything from the start", async () => {
        const connected = [connect(client), connect(client)];
        await Promise.all(connected.map((client) => client.ping()));
        await network.blackhole();
        for (const onCacheFailure of ["bypass", "fail"] as const) {
          const results = await Promise.all(connected.map(async (client) => {
            const key = randomToken();
            let fetches = 0;
            const cache = Cache.make({
              adapter: redisAdapter({ client }),
              operationTimeout: TIMEOUT,
              onCacheFailure,
            });
            const call = cache.getOrSet(key, () => Effect.as(Effect.sleep(FETCH), ++fetches));
            const began = performance.now();
            const exits = await Promise.all(
              Array.from({ length: 50 }, () => Effect.runPromiseExit(call)),
            );
            const took = performance.now() - began;
            return {
              succeeded: exits.filter(({ _tag }) => _tag === "Success").length,
              fetches,
              took,
            };
          }));
          for (const { succeeded, fetches, took } of results) {
            assert.deepEqual([succeeded, fetches], onCacheFailure === "bypass" ? [50, 1] : [0, 0]);
            assert.ok(took < TIMEOUT + FETCH + SLACK, `${took} ms`);
          }
        }
        await network.heal();
      });
    });
  }

  it("works again once the network does", async () => {
    const processes = await herd(nothing, { onCacheFailure: "fail" });
    assert.equal(processes.reduce((all, { fetches }) => all + fetches, 0), 1);
    for (const { values } of processes) assert.equal(values, 50);
  });
});
