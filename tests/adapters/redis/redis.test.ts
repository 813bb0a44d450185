import { Deferred, Effect, Fiber } from "effect";
import type { Cluster, Redis, RedisOptions } from "ioredis";
import type { Cluster as Cluster6, Redis as Redis6 } from "ioredis6";
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import {
  redisAdapter,
  type RedisClient,
  redisLeases,
  type RedisSubscriber,
} from "../../../adapters/redis.ts";
import { Cache, type CacheLockingError, type Store } from "../../../mod.ts";
import { randomToken } from "../../../src/model/token.ts";
import { conformance } from "../../conformance/mod.ts";
import { withoutServer } from "../../support/address.ts";
import { ioredisVersions, monitor, opened, redisUrl } from "./clients.ts";
import { sideBySide } from "../../support/side_by_side.ts";
import { reversed } from "../../support/reversed.ts";

const skip = redisUrl === undefined ? withoutServer("REDIS_URL") : false;
const [newest, oldest] = skip ? [] : await ioredisVersions();

describe("redis: the suite", () => {
  let admin: Redis;
  before(() => void (skip || (admin = new oldest!.Redis(redisUrl!))));
  after(() => void (skip || admin.disconnect()));

  const suite = (
    name: string,
    options: RedisOptions,
    adapter: Omit<Parameters<typeof redisAdapter>[0], "client">,
    { entry, lease }: Record<"entry" | "lease", (key: string) => string>,
    ioredis = newest,
  ) =>
    describe(`${name}, ioredis ${ioredis?.version}`, () => {
      const cases = conformance({
        open: Effect.map(
          opened(() => new ioredis!.Redis(redisUrl!, options)),
          (client) => redisAdapter({ client, ...adapter }),
        ),
        corrupt: (key) => Effect.promise(() => admin.set(entry(key), "{")),
        leftovers: (key) =>
          Effect.promise(async () => [
            ...await admin.keys(entry(key)),
            ...await admin.keys(lease(key)),
          ]),
        values: adapter.codec ? [[null, "é"]] : [],
      });
      sideBySide(cases, { skip, atOnce: 4 });
    });

  suite("one server", {}, {}, { entry: (key) => key, lease: (key) => `lease:{${key}}` });
  suite(
    "every option",
    {
      keyPrefix: "app:",
      enableAutoPipelining: true,
      maxRetriesPerRequest: null,
      stringNumbers: true,
    },
    { cache: { keyPrefix: "cache:" }, leases: { keyPrefix: "locks:" }, codec: reversed },
    { entry: (key) => `app:cache:${key}`, lease: (key) => `app:locks:{app:cache:${key}}` },
    oldest,
  );
});

describe("redis", { skip }, () => {
  const clients: { disconnect(): void }[] = [];
  const connect = (options: RedisOptions = {}, { Redis } = newest!) => {
    const client = new Redis(redisUrl!, options);
    clients.push(client);
    return client;
  };
  /** Whatever comes of a test, it must not keep the process alive. */
  const monitored = async (client: Redis) => {
    const seen = await monitor(client);
    clients.push({ disconnect: seen.stop });
    return seen;
  };
  after(() => clients.forEach((client) => client.disconnect()));
  const run = Effect.runPromise;
  const newKey = () => `redis.test:${randomToken()}`;
  const nameOf = ([name]: string[]) => /^eval/i.test(name!) ? "SCRIPT" : name;

  it("has clients of ioredis 5 and 6, of one server and of a cluster, fit its types", () => {
    const fits = (client: RedisClient & RedisSubscriber) => client;
    const all: ((client: never) => unknown)[] = [
      (client: Redis) => fits(client),
      (client: Cluster) => fits(client),
      (client: Redis6) => fits(client),
      (client: Cluster6) => fits(client),
    ];
    assert.equal(all.length, 4);
  });

  it("finds in ioredis what it uses beside the documented functions, or says what is missing", async () => {
    for (const { Redis, Cluster } of [newest!, oldest!]) {
      const options = { lazyConnect: true, keyPrefix: "app:" };
      const client = new Redis(redisUrl!, options);
      client.defineCommand("cacheLocking1_test", { lua: "return 1", numberOfKeys: 1 });
      assert.equal(typeof (client as never)["cacheLocking1_testBuffer"], "function");
      assert.equal(client.isCluster, false);
      assert.equal(client.options.keyPrefix, "app:");
      const cluster = new Cluster([redisUrl!], { ...options, shardedSubscribers: true });
      assert.equal(cluster.isCluster, true);
      assert.equal(cluster.options.keyPrefix, "app:");
      assert.equal(cluster.options.shardedSubscribers, true);
      cluster.disconnect();
    }
    const without = {
      ...connect(),
      getBuffer: () => Promise.resolve(null),
      defineCommand: () => {},
    };
    const { message } = await run(
      Effect.flip(redisAdapter({ client: without as never }).delete("a")),
    );
    assert.match(message, /no `cacheLocking1_delete_2Buffer` after `defineCommand`/);
  });

  it("needs one command for a hit, three for a miss, and wakes by push", async () => {
    const [one, two, three] = [connect(), connect(), connect()];
    const clientOf = (client: Redis) => Cache.make({ adapter: redisAdapter({ client }) });
    // The scripts are known, and the connection for pub/sub stands.
    const warm = newKey();
    await Promise.all([one, two].map(async (client) => {
      await run(clientOf(client).getOrSet(warm, () => Effect.as(Effect.sleep(50), 1)));
      await run(clientOf(client).getOrSet(`${warm}2`, () => Effect.succeed(1)));
    }));
    const seen = await monitored(three);
    const key = newKey();

    await run(clientOf(one).getOrSet(key, () => Effect.succeed("value")));
    assert.deepEqual((await seen.take()).map(nameOf), ["get", "SCRIPT", "SCRIPT"]);

    await run(clientOf(two).getOrSet(key, () => Effect.succeed("other")));
    assert.deepEqual((await seen.take()).map(nameOf), ["get"]);

    const key2 = newKey();
    const done = await run(Deferred.make<string>());
    const leading = run(clientOf(one).getOrSet(key2, () => Deferred.await(done)));
    await sleep(50);
    const following = run(clientOf(two).getOrSet(key2, () => Effect.succeed("other")));
    const before: (string | undefined)[] = [];
    for (let tries = 0; before.length < 6 && tries < 100; tries++) {
      await sleep(50);
      before.push(...(await seen.take()).map(nameOf));
    }
    assert.deepEqual(before, ["get", "SCRIPT", "get", "SCRIPT", "subscribe", "SCRIPT"]);
    await run(Deferred.succeed(done, "value"));
    assert.equal((await following).value, "value");
    await leading;
    // The fill, and the look that finds its value.
    assert.deepEqual((await seen.take()).map(nameOf), ["SCRIPT", "SCRIPT"]);
    seen.stop();
  });

  it("knows scripts that the server has forgotten", async () => {
    const client = connect();
    const store = redisAdapter({ client });
    const key = newKey();
    await run(store.acquire(key, "a", 1000));
    await client.script("FLUSH");
    assert.equal(await run(store.renew(key, "a", 1000)), true);
    await client.script("FLUSH");
    assert.equal((await run(store.acquire(key, "a", 1000)))._tag, "Leader");
    assert.equal(await run(store.fill(key, "a", 1)), true);
  });

  it("is a store of its own, whatever its options, and adds its scripts to a client once", async () => {
    const client = connect();
    const defined: string[] = [];
    const { defineCommand } = client;
    client.defineCommand = (name, definition) => {
      defined.push(name);
      defineCommand.call(client, name, definition);
    };
    const options = { client, cache: { keyPrefix: "a:" } };
    const stores = [options, options, { client }].map((options) => redisAdapter(options));
    assert.equal(new Set(stores).size, 3);
    await Promise.all(stores.map((store) => run(store.delete(newKey()))));
    assert.equal(defined.length, 6);
    assert.equal(new Set(defined).size, 6);
  });

  it("has the callers of configs that are written out in each call meet", async () => {
    const client = connect();
    const key = newKey();
    let fetches = 0;
    const herd = Array.from({ length: 50 }, () =>
      Cache.getOrSet({
        adapter: { type: "redis", options: { client, cache: { keyPrefix: "herd:" } } },
        key,
        cacheTtl: 1000,
        fetcher: () => Effect.as(Effect.sleep(20), ++fetches),
      }));
    const seen = await monitored(connect());
    const results = await run(Effect.all(herd, { concurrency: "unbounded" }));
    assert.deepEqual(new Set(results.map(({ value }) => value)), new Set([1]));
    assert.deepEqual((await seen.take()).map(nameOf), ["get", "SCRIPT", "SCRIPT"]);
    seen.stop();
    assert.equal(await client.get(`herd:${key}`), "1");
  });

  it("refuses options that it can't use, with their names", async () => {
    const client = connect();
    const bad: [unknown, RegExp][] = [
      [{}, /`client` must be an ioredis client, and is undefined/],
      [{ client: {} }, /`client` must be an ioredis client/],
      [{ client, cache: { keyPrefix: 1 } }, /`cache.keyPrefix` must be a string, and is 1/],
      [{ client, leases: { keyPrefix: "" } }, /`leases.keyPrefix` must not be that of the entries/],
      [{ client, leases: { keyPrefix: "{a}" } }, /may have braces only for the same hash tag/],
      [{ client, subscriber: { isCluster: true } }, /`shardedSubscribers: true`/],
      [{ client, subscriber: 1 }, /`subscriber` must be an ioredis connection, and is 1/],
    ];
    for (const [options, message] of bad) {
      assert.throws(() => redisAdapter(options as never), { name: "TypeError", message });
    }
    const none = { adapter: { type: "redis", options: {} as never }, key: "a" } as const;
    const error = await run(
      Effect.flip(Cache.getOrSet({ ...none, fetcher: () => Effect.succeed(1) })),
    );
    assert.equal(error._tag, "VALIDATION_ERROR");
    assert.match(error.message, /`client` must be given, and is undefined/);
  });

  it("names neither the bytes that it can't decode nor the value that it can't encode", async () => {
    const client = connect();
    const store = redisAdapter({ client });
    const key = newKey();
    await client.set(key, "secret bytes");
    const unreadable = await run(Effect.flip(store.get(key)));
    assert.equal(unreadable.corrupt, true);
    assert.equal(
      unreadable.message,
      `Cannot read the entry of "${key}": the codec can't decode what is stored`,
    );
    assert.equal(unreadable.cause, undefined);
    const unwritable = await run(Effect.flip(store.set(key, { secret: 1n })));
    assert.equal(
      unwritable.message,
      `Cannot store the value of "${key}": the codec can't encode the value`,
    );
  });

  it("keeps leases alone, for entries that are elsewhere", async () => {
    const [one, two] = [connect(), connect()];
    const key = newKey();
    // What else lies under the key in Redis is none of their business.
    await one.hset(key, "field", "value");
    const entries = new Map<string, unknown>();
    const cache = {
      get: (key: string) => Effect.sync(() => entries.get(key) ?? null),
      set: (key: string, value: unknown) => Effect.sync(() => entries.set(key, value)),
    };
    const clientOf = (client: Redis) =>
      Cache.make({ adapter: { cache }, leases: redisLeases({ client }) });
    let fetches = 0;
    const fetcher = () => Effect.as(Effect.sleep(50), ++fetches);
    const results = await Promise.all(
      [one, two].map((client) => run(clientOf(client).getOrSet(key, fetcher))),
    );
    assert.deepEqual(results.map(({ value }) => value), [1, 1]);
    assert.deepEqual(await one.keys(`*${key}*`), [key]);
  });

  describe("push", () => {
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

  describe("a client that can't be used", () => {
    const failing = { key: "a", operationTimeout: 100 } as const;
    it("fails at once when it is closed", async () => {
      const client = connect();
      client.disconnect();
      await sleep(20);
      const error = await run(Effect.flip(Cache.getOrSet({
        ...failing,
        adapter: redisAdapter({ client }),
        fetcher: () => Effect.succeed(1),
      })));
      assert.equal(error._tag, "CACHE_GET_FAILED");
      assert.match(error.message, /Connection is closed/);
    });
    it("fails after operationTimeout when it never connects and never gives up", async () => {
      const client = new newest!.Redis(1, "127.0.0.1", { maxRetriesPerRequest: null });
      clients.push(client);
      client.on("error", () => {});
      const adapter = redisAdapter({ client });
      const began = Date.now();
      const error = await run(Effect.flip(
        Cache.getOrSet({ ...failing, adapter, fetcher: () => Effect.succeed(1) }),
      ));
      assert.equal(error._tag, "CACHE_GET_FAILED");
      assert.match(error.message, /redis did not answer within 100 ms/);
      const bypassed = await run(Cache.getOrSet({
        ...failing,
        adapter,
        onCacheFailure: "bypass",
        fetcher: () => Effect.succeed(1),
      }));
      assert.equal(bypassed.meta.cache, "BYPASS");
      assert.ok(Date.now() - began < 1000);
    });
  });
});
