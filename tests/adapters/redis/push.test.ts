import { Effect, Fiber } from "effect";
import type { Redis } from "ioredis";
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { redisAdapter, type RedisClient, type RedisSubscriber } from "../../../adapters/redis.ts";
import { Cache, type CacheLockingError, type Store } from "../../../mod.ts";
import { connect, newest, newKey, oldest, run, skip } from "./fixture.ts";

describe("push of redis", { skip }, () => {
  const subscribers = async (client: Redis, key: string) =>
    Number((await client.pubsub("NUMSUB", `lease:{${key}}`) as unknown[])[1]);
  /** The connections for pub/sub of the clients of this name. */
  const connections = async (client: Redis, name: string) =>
    (await client.client("LIST") as string).split("\n").filter((line) =>
      line.includes(` name=${name} `) && / sub=[1-9]/.test(line)
    );
  /** Leads in one, and follows in the other until it is told to stop. */
  const follow = async (
    leader: Store<unknown>,
    follower: RedisClient,
    errors: CacheLockingError[] = [],
    options: { readonly subscriber?: RedisSubscriber } = {},
  ) => {
    const key = newKey();
    await run(leader.acquire(key, "leader", 60_000));
    const cache = Cache.make({
      adapter: redisAdapter({ client: follower, ...options }),
      waitStrategy: () => "1 minute",
      waitMax: "20 seconds",
      hooks: { onError: (error) => Effect.sync(() => void errors.push(error)) },
    });
    const fiber = Effect.runFork(cache.getOrSet(key, () => Effect.succeed("fallback")));
    await sleep(100);
    return { key, fiber };
  };

  it("opens one connection for all keys, and closes it when none is waited for", async () => {
    const [one, two] = [connect(), connect({ connectionName: "lazy" })];
    const store = redisAdapter({ client: one });
    const waits = await Promise.all(Array.from({ length: 5 }, () => follow(store, two)));
    assert.equal((await connections(one, "lazy")).length, 1);
    for (const { key, fiber } of waits) {
      assert.equal(await subscribers(one, key), 1);
      await run(store.fill(key, "leader", "filled"));
      assert.equal((await run(Fiber.join(fiber))).value, "filled");
    }
    await sleep(1300);
    assert.equal((await connections(one, "lazy")).length, 0);
  });

  it("closes it with the client", async () => {
    const [one, two] = [connect(), connect({ connectionName: "closed" })];
    const { fiber } = await follow(redisAdapter({ client: one }), two);
    assert.equal((await connections(one, "closed")).length, 1);
    two.disconnect();
    await sleep(100);
    assert.equal((await connections(one, "closed")).length, 0);
    await run(Fiber.interrupt(fiber));
  });

  it("stands for all who begin to wait while its connection comes up", async () => {
    for (const driver of [newest!, oldest!]) {
      const client = connect({ db: 1 }, driver);
      await client.ping();
      const store = redisAdapter({ client });
      const opening: Promise<unknown>[] = [];
      for (const began = performance.now(); performance.now() - began < 50;) {
        opening.push(run(Effect.scoped(store.watch!(newKey()))));
        await new Promise((resolve) => setImmediate(resolve));
      }
      await Promise.all(opening);
    }
  });

  it("subscribes again when the connection was cut", async () => {
    const [one, two] = [connect(), connect()];
    const store = redisAdapter({ client: one });
    const errors: CacheLockingError[] = [];
    const { key, fiber } = await follow(store, two, errors);
    await one.client("KILL", "TYPE", "pubsub");
    await sleep(400);
    assert.equal(await subscribers(one, key), 1);
    await run(store.fill(key, "leader", "filled"));
    assert.equal((await run(Fiber.join(fiber))).value, "filled");
    assert.deepEqual(errors, []);
  });

  it("uses the connection that it was given, with a prefix or without, and leaves it open", async () => {
    const one = connect();
    const store = redisAdapter({ client: one });
    for (const keyPrefix of ["", "app:"]) {
      const subscriber = connect({ keyPrefix });
      const { key, fiber } = await follow(store, connect(), [], { subscriber });
      assert.equal(await subscribers(one, key), 1);
      await run(store.fill(key, "leader", "filled"));
      assert.equal((await run(Fiber.join(fiber))).value, "filled");
      await sleep(1300);
      assert.equal(await subscribers(one, key), 0);
      assert.equal(subscriber.status, "ready");
    }
  });

  it("polls where it may not subscribe, and says so once", async () => {
    const admin = connect();
    await admin.acl("SETUSER", "nopush", "on", ">secret", "~*", "+@all", "resetchannels");
    const errors: CacheLockingError[] = [];
    const two = connect({ username: "nopush", password: "secret" });
    const key = newKey();
    const store = redisAdapter({ client: two });
    await run(redisAdapter({ client: admin }).acquire(key, "leader", 60_000));
    const cache = Cache.make({
      adapter: store,
      hooks: { onError: (error) => Effect.sync(() => void errors.push(error)) },
    });
    const fiber = Effect.runFork(cache.getOrSet(key, () => Effect.succeed("fallback")));
    await sleep(100);
    await run(redisAdapter({ client: admin }).fill(key, "leader", "filled"));
    assert.equal((await run(Fiber.join(fiber))).value, "filled");
    assert.deepEqual(errors.map(({ _tag }) => _tag), ["WAIT_FAILED"]);
    // Those who may not publish can still fill.
    await run(store.acquire(`${key}2`, "a", 1000));
    assert.equal(await run(store.fill(`${key}2`, "a", "filled", 1000)), true);
    await admin.acl("DELUSER", "nopush");
  });
});
