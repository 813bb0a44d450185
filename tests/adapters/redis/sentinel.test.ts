import { Effect, Fiber } from "effect";
import type { Redis } from "ioredis";
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { redisAdapter } from "../../../adapters/redis.ts";
import { Cache } from "../../../mod.ts";
import { variable, withoutServer } from "../../support/address.ts";
import { ioredisVersions } from "./clients.ts";
import { startRedisServer, startSentinel } from "../../servers/redis.ts";

const binary = variable("REDIS_SERVER");
const skip = binary === undefined ? withoutServer("REDIS_SERVER") : false;

describe("Redis behind Sentinel", { skip }, () => {
  const stops: (() => unknown)[] = [];
  const clients: Redis[] = [];
  let sentinel: Redis;
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
    for (const { Redis } of [newest, oldest]) {
      const client = new Redis({ sentinels: [{ host: "127.0.0.1", port }], name: "main" });
      client.on("error", () => {});
      clients.push(client);
    }
  });
  after(async () => {
    for (const client of [sentinel, ...clients]) client.disconnect();
    await Promise.all(stops.map((stop) => stop()));
  });
  const cacheOf = (client: Redis) =>
    Cache.make({ adapter: redisAdapter({ client }), waitStrategy: () => "1 minute" });

  it("followers are woken by push", async () => {
    const [one, two] = clients.map(cacheOf);
    const leading = Effect.runFork(one!.getOrSet("a", () => Effect.as(Effect.sleep(500), "value")));
    await sleep(200);
    const followed = await Effect.runPromise(two!.getOrSet("a", () => Effect.succeed("another")));
    const led = await Effect.runPromise(Fiber.join(leading));
    assert.deepEqual([led.value, led.meta.cache], ["value", "MISS-LEADER"]);
    assert.deepEqual([followed.value, followed.meta.cache], ["value", "MISS-FOLLOWER-HIT"]);
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
    clients.push(promoted);
    const cache = cacheOf(clients[0]!);
    while (await promoted.get("b") === null) {
      await Effect.runPromise(Effect.ignore(cache.set("b", "value")));
      await sleep(50);
    }
    const { meta } = await Effect.runPromise(cache.getOrSet("b", () => Effect.succeed("another")));
    assert.equal(meta.cache, "HIT");
  });
});
