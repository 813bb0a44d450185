import { Effect } from "effect";
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { type IoredisClient, redisAdapter } from "../../../adapters/redis.ts";
import { Cache } from "../../../mod.ts";
import { randomToken } from "../../../src/model/token.ts";
import { variable, withoutServer } from "../../support/address.ts";
import { ioredisVersions } from "./clients.ts";
import {
  startRedisCluster,
  startRedisServer,
  startReplicas,
  startSentinel,
} from "../../servers/redis.ts";
import type { StartedServer } from "../../servers/server.ts";

const binary = variable("REDIS_SERVER");
const skip = binary === undefined ? withoutServer("REDIS_SERVER") : false;

/** What ends with a test, the last first. */
type Ends = (() => unknown)[];

async function ending(test: (ends: Ends) => Promise<void>): Promise<void> {
  const ends: Ends = [];
  try {
    await test(ends);
  } finally {
    for (const end of ends.reverse()) await end();
  }
}

/**
 * Kills a primary by SIGKILL, as `stop` does, in the midst of a fetch of 6 s, for which callers of two processes wait: no
 * replica is told, and no client.
 */
async function survive(clients: readonly IoredisClient[], key: string, primary: StartedServer) {
  let fetches = 0;
  const failures: string[] = [];
  const herds = clients.map((client) => {
    const { getOrSet } = Cache.make({
      adapter: redisAdapter({ client }),
      waitMax: "20 seconds",
      hooks: { onError: () => Effect.void },
    });
    const fetcher = () => Effect.as(Effect.sleep(6000), ++fetches);
    return () =>
      Promise.all(
        Array.from({ length: 50 }, () =>
          Effect.runPromise(Effect.match(getOrSet(key, fetcher), {
            onSuccess: ({ value }) => assert.equal(typeof value, "number"),
            onFailure: ({ message }) => void failures.push(message),
          }))),
      );
  });
  const [first, second] = herds;
  const led = first!();
  while (fetches === 0) await sleep(20);
  const followed = second!();
  await sleep(1000);
  await primary.stop();
  await Promise.all([led, followed]);
  assert.deepEqual(failures, []);
  assert.ok(await clients[0]!.getBuffer(key), "nothing is stored");
  // The replica may not have had the lease: then another leads, too.
  assert.ok(fetches <= 2, `${fetches} fetches`);
}

describe("a primary of redis that is killed under a herd fails no follower", { skip }, () => {
  it("behind Sentinel", () =>
    ending(async (ends) => {
      const main = await startRedisServer(binary!);
      ends.push(main.stop);
      const args = ["--replicaof", "127.0.0.1", String(main.port)];
      const replica = await startRedisServer(binary!, { args });
      ends.push(replica.stop);
      const sentinel = await startSentinel(binary!, main);
      ends.push(sentinel.stop);
      const [{ Redis }] = await ioredisVersions();
      const asked = new Redis(sentinel.port);
      ends.push(() => asked.disconnect());
      await asked.call("SENTINEL", "SET", "main", "down-after-milliseconds", "3000");
      const clients = [0, 1].map(() => {
        const sentinels = [{ host: "127.0.0.1", port: sentinel.port }];
        const client = new Redis({ sentinels, name: "main" });
        client.on("error", () => {});
        ends.push(() => client.disconnect());
        return client;
      });
      const told = async (field: string) => {
        const fields = await asked.call("SENTINEL", "MASTER", "main") as string[];
        return Number(fields[fields.indexOf(field) + 1]);
      };
      while (await told("num-slaves") < 1) await sleep(100);
      await survive(clients, randomToken(), main);
      assert.equal(await told("port"), replica.port);
    }));

  it("in a cluster", () =>
    ending(async (ends) => {
      const args = ["--cluster-node-timeout", "3000"];
      const cluster = await startRedisCluster(binary!, { args });
      ends.push(cluster.stop);
      const { stop } = await startReplicas(binary!, cluster, { args });
      ends.push(stop);
      const [{ Cluster }] = await ioredisVersions();
      const clients = [0, 1].map(() => {
        const client = new Cluster([cluster.url]);
        client.on("error", () => {});
        ends.push(() => client.disconnect());
        return client;
      });
      const [client] = clients;
      let key = randomToken();
      // One of the first server's slots.
      while (await client!.cluster("KEYSLOT", key) > 5000) key = randomToken();
      await survive(clients, key, cluster.nodes[0]!);
    }));
});
