import { Effect } from "effect";
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { redisAdapter } from "../../../adapters/redis.ts";
import { Cache, type CacheLockingError } from "../../../mod.ts";
import { type RedisCluster, redisCommand, startRedisCluster } from "../../servers/redis.ts";
import { skipWithout, variable } from "../../support/address.ts";
import { until } from "../../support/until.ts";
import { randomToken } from "../../../src/model/token.ts";
import { unlessLate } from "../../support/unless_late.ts";
import { ioredisVersions, libraries, openClient, type Opened } from "./clients.ts";

const skip = skipWithout("REDIS_SERVER");
// Node 18 has one version of ioredis, twice.
const clients: Record<string, (url: string) => Promise<Pick<Opened, "client" | "close">>> = {};
for (const { version, Cluster } of skip ? [] : await ioredisVersions()) {
  clients[`ioredis${version}`] = (url) => {
    const client = new Cluster([url]);
    return Promise.resolve({ client, close: () => client.disconnect() });
  };
}
for (const library of libraries) {
  clients[library] = (url) => openClient(library, { url, cluster: true });
}

describe("a slot that moves to another node of a cluster", { skip }, () => {
  let cluster: RedisCluster;
  before(async () => void (cluster = await startRedisCluster(variable("REDIS_SERVER")!)));
  after(() => cluster?.stop());

  for (const [version, open] of Object.entries(clients)) {
    describe(version, () => {
      let client: Opened["client"];
      let close: Opened["close"] | undefined;
      let look: InstanceType<Awaited<ReturnType<typeof ioredisVersions>>[0]["Cluster"]>;
      before(async () => {
        ({ client, close } = await open(cluster.url));
        const [{ Cluster }] = await ioredisVersions();
        look = new Cluster([cluster.url]);
      });
      after(() => {
        close?.();
        look?.disconnect();
      });

      it("has a cold key's callers wait until it has moved, for one fetch", () =>
        unlessLate(async () => {
          const key = `cold:${version}:${randomToken()}`;
          const other = await open(cluster.url);
          let fetches = 0;
          const fetcher = () => Effect.sync(() => `value ${++fetches}`);
          const slot = await startMoving(key);
          try {
            const calls = [client, other.client].flatMap((client) => {
              const { cache } = cacheOf(client);
              return [1, 2, 3].map(() => Effect.runPromise(cache.getOrSet(key, fetcher)));
            });
            const answers = Promise.allSettled(calls);
            await sleep(1200);
            await slot.finish();
            for (const answer of await answers) {
              assert.equal(
                answer.status,
                "fulfilled",
                String((answer as PromiseRejectedResult).reason),
              );
              assert.equal(answer.value.value, "value 1");
            }
          } finally {
            other.close();
          }
          assert.equal(fetches, 1);
        }));

      it("fails a cold key's caller once `operationTimeout` is over", async () => {
        const key = `late:${version}`;
        const slot = await startMoving(key);
        const { cache } = cacheOf(client);
        const began = performance.now();
        const call = Effect.runPromise(
          Effect.flip(cache.getOrSet(key, () => Effect.succeed(1), { operationTimeout: 1200 })),
        );
        assert.equal((await call)._tag, "LEASE_ACQUIRE_FAILED");
        assert.ok(performance.now() - began >= 1190);
        await slot.finish();
        const { value } = await Effect.runPromise(cache.getOrSet(key, () => Effect.succeed(2)));
        assert.equal(value, 2);
      });

      it("renews and releases a lease meanwhile", () =>
        unlessLate(async () => {
          const key = `held:${version}:${randomToken()}`;
          const { cache, errors } = cacheOf(client);
          let fail = (_: Effect.Effect<never, string>) => {};
          const failing = new Promise<Effect.Effect<never, string>>((resolve) => fail = resolve);
          const call = Effect.runPromise(
            Effect.flip(cache.getOrSet(
              key,
              () => Effect.flatten(Effect.promise(() => failing)),
              { leaseTtl: 900 },
            )),
          );
          const isHeld = async () => await look.hget(`lease:{${key}}`, "owner") !== null;
          await until(isHeld);
          const slot = await startMoving(key);
          await sleep(1800);
          assert.ok(await isHeld());
          fail(Effect.fail("down"));
          await call;
          assert.equal(await isHeld(), false);
          assert.deepEqual(errors, []);
          await slot.finish();
        }));
    });
  }

  function cacheOf(client: Parameters<typeof redisAdapter>[0]["client"]) {
    const errors: CacheLockingError[] = [];
    const cache = Cache.make({
      adapter: redisAdapter({ client }),
      hooks: { onError: (error) => Effect.sync(() => void errors.push(error)) },
    });
    return { cache, errors };
  }

  /** Starts to move a key's slot, without the keys in it, until `finish`. */
  async function startMoving(key: string) {
    const [seed] = cluster.ports;
    const slot = Number(
      (await redisCommand(seed!, `CLUSTER KEYSLOT ${key}`)).slice(1).split("\r")[0],
    );
    const nodes = await Promise.all(cluster.ports.map(async (port) => {
      const line = (await redisCommand(port, "CLUSTER NODES")).split("\n")
        .find((line) => line.includes("myself"))!;
      const [id, , , , , , , , ...ranges] = line.trim().split(" ");
      const isSource = ranges.some((range) => {
        const [from, to = from] = range.split("-").map(Number);
        return from! <= slot && slot <= to!;
      });
      return { port, id: id!, isSource };
    }));
    const source = nodes.find(({ isSource }) => isSource)!;
    const target = nodes.find(({ isSource }) => !isSource)!;
    await redisCommand(target.port, `CLUSTER SETSLOT ${slot} IMPORTING ${source.id}`);
    await redisCommand(source.port, `CLUSTER SETSLOT ${slot} MIGRATING ${target.id}`);
    return {
      async finish() {
        const names = (await redisCommand(source.port, `CLUSTER GETKEYSINSLOT ${slot} 100`))
          .split("\r\n").filter((_, at) => at > 1 && at % 2 === 0).filter(Boolean);
        for (const name of names) {
          await redisCommand(source.port, `MIGRATE 127.0.0.1 ${target.port} ${name} 0 5000`);
        }
        for (const { port } of [target, source]) {
          await redisCommand(port, `CLUSTER SETSLOT ${slot} NODE ${target.id}`);
        }
      },
    };
  }
});
