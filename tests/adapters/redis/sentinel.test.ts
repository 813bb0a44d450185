import { Deferred, Effect, Fiber } from "effect";
import type { Redis } from "ioredis";
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { redisAdapter, type RedisClient } from "../../../adapters/redis.ts";
import { Cache } from "../../../mod.ts";
import type { PromiseCache } from "../../../promise.ts";
import { variable, withoutServer } from "../../support/address.ts";
import { ioredisVersions, libraries, openNodeRedis } from "./clients.ts";
import { kept, l1Of, seen } from "../../support/told.ts";
import { until } from "../../support/until.ts";
import { startRedisServer, startSentinel } from "../../servers/redis.ts";

const binary = variable("REDIS_SERVER");
const skip = binary === undefined ? withoutServer("REDIS_SERVER") : false;

describe("Redis behind Sentinel", { skip }, () => {
  const stops: (() => unknown)[] = [];
  const clients: { readonly name: string; readonly client: RedisClient }[] = [];
  let sentinel: Redis;
  const opened: Redis[] = [];
  before(async () => {
    const master = await startRedisServer(binary!);
    stops.push(master.stop);
    const replica = await startRedisServer(binary!, {
      args: ["--replicaof", "127.0.0.1", String(master.port)],
    });
    stops.push(replica.stop);
    const { port, stop } = await startSentinel(binary!, master);
    stops.push(stop);
    const [newest, oldest] = await ioredisVersions();
    sentinel = new newest.Redis(port);
    opened.push(sentinel);
    const { Redis: Valkey } = await import("iovalkey") as unknown as typeof newest;
    const sentinels = [{ host: "127.0.0.1", port }];
    for (
      const [name, Redis] of [["6", newest.Redis], ["5", oldest.Redis], ["v", Valkey]] as const
    ) {
      const client = new Redis({ sentinels, name: "main" });
      client.on("error", () => {});
      opened.push(client);
      clients.push({ name, client });
    }
    for (const name of libraries.filter((name) => name !== "iovalkey")) {
      const { createSentinel } = await import(name) as typeof import("redis");
      const { client, close } = await openNodeRedis(
        createSentinel({ name: "main", sentinelRootNodes: sentinels }),
      );
      stops.push(close);
      clients.push({ name, client });
    }
  });
  after(async () => {
    for (const client of opened) client.disconnect();
    for (const stop of stops.reverse()) await stop();
  });
  const cacheOf = ({ client }: { readonly client: RedisClient }) =>
    Cache.make({ adapter: redisAdapter({ client }), waitStrategy: () => "1 minute" });

  /** Has one lead, and ends its fetch once the others follow: each has looked as its watch stood. */
  const assertWoken = async (key: string) => {
    const [leader, ...followers] = clients;
    const value = await Effect.runPromise(Deferred.make<string>());
    let began = false;
    const fetcher = () => Effect.suspend(() => (began = true, Deferred.await(value)));
    const leading = Effect.runFork(cacheOf(leader!).getOrSet(key, fetcher));
    await until(() => began);
    const following = followers.map(({ name, client }) => {
      const adapter = redisAdapter({ client });
      let looks = 0;
      const acquire: typeof adapter.acquire = (...asked) =>
        Effect.suspend(() => (looks++, adapter.acquire(...asked)));
      const cache = Cache.make({
        adapter: { ...adapter, acquire },
        waitStrategy: () => "1 minute",
        waitMax: "20 seconds",
      });
      const call = Effect.runPromise(cache.getOrSet(key, () => Effect.succeed("another")));
      return { name, call, stands: () => looks >= 2 };
    });
    await until(() => following.every(({ stands }) => stands()));
    await Effect.runPromise(Deferred.succeed(value, "value"));
    for (const { name, call } of following) {
      const { value, meta } = await call;
      assert.deepEqual([name, value, meta.cache], [name, "value", "MISS-FOLLOWER-HIT"]);
    }
    const led = await Effect.runPromise(Fiber.join(leading));
    assert.deepEqual([led.value, led.meta.cache], ["value", "MISS-LEADER"]);
  };

  it("followers are woken by push, of every library", async () => {
    assert.ok(clients.length >= 4);
    await assertWoken("a");
  });

  /** The L1s of clients of ioredis: those of node-redis behind Sentinel can't track. */
  let tracked: { readonly name: string; readonly cache: PromiseCache }[];
  it("tells L1s itself of changes", async () => {
    tracked = clients.slice(0, 3).map(({ name, client }) => {
      const adapter = redisAdapter({ client, cache: { keyPrefix: `l1:${name}:` } });
      return { name, cache: l1Of(adapter, { tracking: true, ttl: 60_000 }) };
    });
    await Promise.all(tracked.map(({ cache }) => kept(cache, "a", "fetched")));
    const adapter = redisAdapter({ client: clients.at(-1)!.client });
    assert.throws(() => l1Of(adapter, { tracking: true }), { code: "VALIDATION_ERROR" });
  });

  it("goes on with the server that was promoted", async () => {
    const portOfMaster = async () => {
      const fields = await sentinel.call("SENTINEL", "MASTER", "main") as string[];
      return Number(fields[fields.indexOf("port") + 1]);
    };
    const before = await portOfMaster();
    for (let known = false; !known; await sleep(100)) {
      known = await sentinel.call("SENTINEL", "FAILOVER", "main").then(
        () => true,
        (error: Error) => /NOGOODSLAVE/.test(error.message) ? false : Promise.reject(error),
      );
    }
    while (await portOfMaster() === before) await sleep(50);
    await stops[0]!();
    const [{ Redis }] = await ioredisVersions();
    const promoted = new Redis(await portOfMaster());
    opened.push(promoted);
    for (const client of clients) {
      const cache = cacheOf(client);
      while (await promoted.get(client.name) === null) {
        await Effect.runPromise(Effect.ignore(cache.set(client.name, "value")));
        await sleep(50);
      }
      const call = cache.getOrSet(client.name, () => Effect.succeed("another"));
      assert.equal((await Effect.runPromise(call)).meta.cache, "HIT", client.name);
    }
  });

  it("followers are woken by push of the server that was promoted", () => assertWoken("after"));

  it("tells L1s itself of changes once it was promoted", async () => {
    const promoted = opened.at(-1)!;
    await Promise.all(tracked.map(async ({ name, cache }) => {
      await promoted.set(`l1:${name}:a`, '"new"');
      await seen(cache, "a", "new");
      await kept(cache, "a", "new");
      await promoted.set(`l1:${name}:a`, '"newer"');
      await seen(cache, "a", "newer");
    }));
  });
});
