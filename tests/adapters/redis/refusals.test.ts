import { Effect, Exit } from "effect";
import type { Redis } from "ioredis";
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { redisAdapter, redisLeases } from "../../../adapters/redis.ts";
import { type BatchContext, Cache, type CacheLockingError } from "../../../mod.ts";
import { randomToken } from "../../../src/model/token.ts";
import { startRedisServer } from "../../servers/redis.ts";
import { skipWithout, variable } from "../../support/address.ts";
import { closed, connect, newest, newKey, run, skip } from "./fixture.ts";

const COMMANDS = ["get", "set", "del", "hget", "hset", "hmget", "hdel", "pexpire", "pttl"];
const SCRIPTS = ["eval", "evalsha"];

describe("an ACL of redis that forbids a command", { skip }, () => {
  const user = `refused-${randomToken()}`;
  let admin: Redis;
  before(() => void (admin = connect()));
  after(() => admin.call("ACL", "DELUSER", user));
  const allow = async (...rights: string[]) => {
    await admin.call("ACL", "SETUSER", user, "reset", "on", ">p", "~*", "&*", ...rights);
    return connect({ username: user, password: "p", enableReadyCheck: false });
  };
  const all = [...COMMANDS, ...SCRIPTS].map((name) => `+${name}`);

  // A connection sends EVAL first.
  for (const missing of [...COMMANDS, "eval"]) {
    it(`is named before the fetch: ${missing}`, async () => {
      if (missing === "eval") await admin.script("FLUSH");
      const client = await allow(...all.filter((right) => right !== `+${missing}`));
      const adapter = redisAdapter({ client });
      const key = newKey();
      let fetches = 0;
      const fetcher = (): Effect.Effect<never> => Effect.sync(() => ++fetches as never);
      const { message } = await run(Effect.flip(Cache.getOrSet({ adapter, key, fetcher })));
      assert.match(
        message,
        /; the user needs the keys of entries and leases, EVAL, EVALSHA, GET, /,
      );
      const many = await run(Cache.make({ adapter }).getOrSetMany([key, `${key}:2`], fetcher));
      assert.ok([...many.values()].every(Exit.isFailure));
      assert.equal(fetches, 0);
      assert.deepEqual(await admin.keys(`*${key}*`), []);
    });
  }

  it("takes no lease from another, whatever it forbids", async () => {
    const key = newKey();
    await run(redisAdapter({ client: admin }).acquire(key, "other", 60_000));
    for (const missing of ["hmget", "hget", "get"]) {
      const client = await allow(...all.filter((right) => right !== `+${missing}`));
      await run(Effect.exit(redisAdapter({ client }).acquire(key, "me", 60_000)));
      assert.equal(await admin.hget(`lease:{${key}}`, "owner"), "other", missing);
    }
  });

  it("names the keys that it forbids", async () => {
    const client = await allow("resetkeys", "~allowed:*", ...all);
    const store = redisAdapter({ client });
    const { message } = await run(Effect.flip(store.acquire(newKey(), "me", 1000)));
    assert.match(message, /; the user needs the keys of entries and leases/);
  });

  it("needs no more than what is named", async () => {
    const errors: CacheLockingError[] = [];
    const client = await allow(...all);
    const cache = Cache.make({
      adapter: redisAdapter({ client }),
      hooks: { onError: (error) => Effect.sync(() => void errors.push(error)) },
    });
    const key = newKey();
    assert.equal(
      (await run(cache.getOrSet(key, () => Effect.succeed(1)))).meta.cache,
      "MISS-LEADER",
    );
    assert.equal((await run(cache.getOrSet(key, () => Effect.succeed(2)))).meta.cache, "HIT");
    await run(cache.set(key, 3));
    await run(cache.delete(key));
    await run(Effect.flip(cache.getOrSet(key, () => Effect.fail("no"))));
    const leases = redisLeases({ client });
    await run(leases.acquire(key, "a", 1000));
    await run(leases.release(key, "a"));
    assert.deepEqual(errors, []);
    const keys = [1, 2, 3].map((each) => `${key}:${each}`);
    await admin.rpush(keys[1]!, "a list");
    for (const expected of ["MISS-LEADER", "HIT"]) {
      const fetchAll = ({ keys }: BatchContext<string>) =>
        Effect.succeed(new Map(keys.map((key) => [key, "value"])));
      const ends = await run(cache.getOrSetMany(keys, fetchAll));
      const found = [...ends.values()].map((end) => Exit.isSuccess(end) && end.value.meta.cache);
      assert.deepEqual(found, [expected, expected, expected]);
    }
    assert.deepEqual(errors.map(({ message }) => /is no string/.test(message)), [true]);
  });
});

const noServer = skipWithout("REDIS_SERVER");

describe("a server without a command", { skip: noServer }, () => {
  for (const missing of ["EVAL", "HSET"]) {
    it(`is named before the fetch: ${missing}`, async () => {
      const args = ["--rename-command", missing, ""];
      const server = await startRedisServer(variable("REDIS_SERVER")!, { args });
      try {
        const adapter = redisAdapter({ client: closed(new newest!.Redis(server.url)) });
        const fetcher = () => Effect.die("it fetched");
        const call = Cache.getOrSet({ adapter, key: newKey(), fetcher });
        const { message } = await run(Effect.flip(call));
        assert.match(message, /nknown .*; the server must have EVAL, and all of GET, SET, DEL/);
      } finally {
        await server.stop();
      }
    });
  }
});
