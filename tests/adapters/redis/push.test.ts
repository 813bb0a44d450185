import { Effect, Fiber } from "effect";
import type { Redis } from "ioredis";
import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { redisAdapter, type RedisClient, type RedisSubscriber } from "../../../adapters/redis.ts";
import type { CacheLockingError, Store } from "../../../mod.ts";
import { assertPaced } from "../../support/flood.ts";
import { follow } from "../../support/follow.ts";
import { connect, newest, newKey, oldest, run, skip } from "./fixture.ts";
import { until } from "../../support/until.ts";

describe("push of redis", { skip }, () => {
  const subscribers = async (client: Redis, key: string) =>
    Number((await client.pubsub("NUMSUB", `lease:{${key}}`) as unknown[])[1]);
  /** The connections for pub/sub of the clients of this name. */
  const connections = async (client: Redis, name: string) =>
    (await client.client("LIST") as string).split("\n").filter((line) =>
      line.includes(` name=${name} `) && / sub=[1-9]/.test(line)
    );
  let admin: Redis;
  before(() => void (admin = connect()));
  /** Leads in one, and follows in the other, which listens by then, until it is told to stop. */
  const followIn = async (
    leader: Store<unknown>,
    client: RedisClient,
    errors: CacheLockingError[] = [],
    options: { readonly subscriber?: RedisSubscriber } = {},
  ) => {
    const follower = await follow(newKey(), leader, redisAdapter({ client, ...options }), {
      errors,
    });
    await until(async () => await subscribers(admin, follower.key) === 1);
    return follower;
  };

  it("is paced, however often a stranger publishes", async () => {
    const [one, two, stranger] = [connect(), connect(), connect()] as const;
    const key = newKey();
    await assertPaced({
      leader: redisAdapter({ client: one }),
      follower: redisAdapter({ client: two }),
      key,
      push: () => stranger.publish(`lease:{${key}}`, ""),
    });
  });

  it("opens one connection for all keys, and closes it when none is waited for", async () => {
    const [one, two] = [connect(), connect({ connectionName: "lazy" })];
    const store = redisAdapter({ client: one });
    const waits = await Promise.all(Array.from({ length: 5 }, () => followIn(store, two)));
    assert.equal((await connections(one, "lazy")).length, 1);
    for (const { key, fill } of waits) {
      assert.equal(await subscribers(one, key), 1);
      await fill();
    }
    await until(async () => (await connections(one, "lazy")).length === 0);
  });

  it("closes it with the client", async () => {
    const [one, two] = [connect(), connect({ connectionName: "closed" })];
    const { fiber } = await followIn(redisAdapter({ client: one }), two);
    assert.equal((await connections(one, "closed")).length, 1);
    two.disconnect();
    await until(async () => (await connections(one, "closed")).length === 0);
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
    const { key, fill } = await followIn(store, two, errors);
    await one.client("KILL", "TYPE", "pubsub");
    await until(async () => await subscribers(one, key) === 1);
    await fill();
    assert.deepEqual(errors, []);
  });

  it("uses the connection that it was given, with a prefix or without, and leaves it open", async () => {
    const one = connect();
    const store = redisAdapter({ client: one });
    for (const keyPrefix of ["", "app:"]) {
      const subscriber = connect({ keyPrefix });
      const { key, fill } = await followIn(store, connect(), [], { subscriber });
      await fill();
      await until(async () => await subscribers(one, key) === 0);
      assert.equal(subscriber.status, "ready");
    }
  });

  const forbidding: Record<string, readonly string[]> = {
    "may not use channels": ["+@all", "resetchannels"],
    "may not subscribe": ["+@all", "&*", "-subscribe"],
    "may not publish": ["+@all", "&*", "-publish"],
  };
  for (const [index, [what, rights]] of Object.entries(forbidding).entries()) {
    it(`polls where it ${what}, and says so once`, async () => {
      const admin = connect();
      const user = `nopush${index}`;
      await admin.acl("SETUSER", user, "reset", "on", ">secret", "~*", ...rights);
      const errors: CacheLockingError[] = [];
      const client = connect({ username: user, password: "secret" });
      const store = redisAdapter({ client });
      const leader = redisAdapter({ client: admin });
      for (let flights = 0; flights < 2; flights++) {
        const waits = await Promise.all(
          [1, 2, 3].map(() => follow(newKey(), leader, store, { errors, patient: false })),
        );
        await sleep(100);
        for (const { fill } of waits) await fill();
      }
      assert.deepEqual(errors.map(({ _tag }) => _tag), ["WAIT_FAILED"]);
      assert.match(errors[0]!.message, /permissions|can't .*; without this right followers poll/);
      // Those who may not publish can still fill.
      const key = newKey();
      await run(store.acquire(key, "a", 1000));
      assert.equal(await run(store.fill(key, "a", "filled", { freshFor: 1000 })), true);
      client.disconnect();
      await admin.acl("DELUSER", user);
    });
  }
});
