import { Deferred, Effect } from "effect";
import type { Cluster, Redis, RedisOptions } from "ioredis";
import type { Cluster as Cluster6, Redis as Redis6 } from "ioredis6";
import assert from "node:assert/strict";
import { type AddressInfo, createConnection, createServer, type Socket } from "node:net";
import process from "node:process";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import {
  redisAdapter,
  type RedisClient,
  redisLeases,
  type RedisSubscriber,
} from "../../../adapters/redis.ts";
import { Cache } from "../../../mod.ts";
import { randomToken } from "../../../src/model/token.ts";
import { opened, redisUrl } from "./clients.ts";
import {
  closed,
  connect,
  monitored,
  nameOf,
  newest,
  newKey,
  oldest,
  run,
  skip,
} from "./fixture.ts";
import { suite } from "./suite.ts";
import {
  assertLeaseAlone,
  assertMeet,
  assertRefused,
  assertTextUntold,
  assertUnusable,
  writesOf,
} from "../../support/adapter_cases.ts";
import { unlessLate } from "../../support/unless_late.ts";
import { assertTellsNothing, SECRETS } from "../../conformance/told.ts";

describe("redis: the suite", () => {
  const open = (options: RedisOptions, ioredis = newest) =>
    opened(() => new ioredis!.Redis(redisUrl!, options));
  suite(`one server, ioredis ${newest?.version}`, { open: open({}) });
  const prefix = "app:";
  const all: RedisOptions = {
    keyPrefix: prefix,
    enableAutoPipelining: true,
    maxRetriesPerRequest: null,
    stringNumbers: true,
  };
  const everyOption = { open: open(all, oldest), prefix, everyOption: true };
  suite(`every option, ioredis ${oldest?.version}`, everyOption);
});

describe("redis", { skip }, () => {
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

  it("finds in ioredis what it uses beside the documented functions", () => {
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
  });

  for (const [version, { Redis }] of Object.entries({ newest: newest!, oldest: oldest! })) {
    // Bun's sockets write what was corked in two parts.
    const skip = process.versions["bun"] !== undefined && "Bun's sockets write in two parts";
    it(`writes all commands of a turn at once, with the ${version} ioredis`, { skip }, async () => {
      const client = new Redis(redisUrl!);
      try {
        await client.ping();
        const { stream } = client as unknown as {
          stream: Record<"_write" | "_writev", (...args: unknown[]) => void>;
        };
        let writes = 0;
        for (const name of ["_write", "_writev"] as const) {
          const write = stream[name];
          stream[name] = (...args) => {
            writes++;
            write.apply(stream, args);
          };
        }
        const store = redisAdapter({ client });
        const all = (name: string) =>
          run(
            Effect.all(Array.from({ length: 10 }, () => store.get(name)), {
              concurrency: "unbounded",
            }),
          );
        assert.deepEqual(await all(newKey()), Array(10).fill(undefined));
        assert.equal(writes, 1);
        await run(store.get(newKey()));
        assert.equal(writes, 2);
      } finally {
        client.disconnect();
      }
    });
  }

  it("needs one command for a hit, three for a miss, and wakes by push", () =>
    unlessLate(async () => {
      const [one, two, three] = [connect(), connect(), connect()];
      const clientOf = (client: Redis) => Cache.make({ adapter: redisAdapter({ client }) });
      /** Has the second wait for the first, which fetches until it is told to end. */
      const leadAndFollow = async (key: string, during: () => Promise<unknown>) => {
        const [led, done] = await run(Effect.all([Deferred.make<true>(), Deferred.make<string>()]));
        const fetcher = () => Effect.andThen(Deferred.succeed(led, true), Deferred.await(done));
        const leading = run(clientOf(one).getOrSet(key, fetcher));
        await run(Deferred.await(led));
        const following = run(clientOf(two).getOrSet(key, () => Effect.succeed("other")));
        try {
          await during();
        } finally {
          await run(Deferred.succeed(done, "value"));
          await leading;
        }
        return await following;
      };
      // The scripts are known, the connection for pub/sub stands, and it is known that the second may push.
      const seen = await monitored(three);
      const { meta } = await leadAndFollow(newKey(), async () => {
        while (!(await seen.take()).some(([name]) => name === "subscribe")) await sleep(10);
        await sleep(100);
      });
      assert.equal(meta.cache, "MISS-FOLLOWER-HIT");
      for (const client of [one, two]) {
        await run(clientOf(client).getOrSet(newKey(), () => Effect.succeed(1)));
      }
      await seen.take();
      const key = newKey();

      await run(clientOf(one).getOrSet(key, () => Effect.succeed("value")));
      assert.deepEqual((await seen.take()).map(nameOf), ["get", "SCRIPT", "SCRIPT"]);

      await run(clientOf(two).getOrSet(key, () => Effect.succeed("other")));
      assert.deepEqual((await seen.take()).map(nameOf), ["get"]);

      const before: (string | undefined)[] = [];
      const { value } = await leadAndFollow(newKey(), async () => {
        for (let tries = 0; before.length < 6 && tries < 100; tries++) {
          await sleep(50);
          before.push(...(await seen.take()).map(nameOf));
        }
      });
      assert.deepEqual(before, ["get", "SCRIPT", "get", "SCRIPT", "subscribe", "SCRIPT"]);
      assert.equal(value, "value");
      // The fill, and the look that finds its value.
      assert.deepEqual((await seen.take()).map(nameOf), ["SCRIPT", "SCRIPT"]);
      seen.stop();
    }));

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

  it("says that a value is stored when the reply to its fill was lost and it was sent again", async () => {
    const own = redisAdapter({ client: connect() });
    for (const ioredis of [newest, oldest]) {
      const proxy = await losingTheReplyTo("the value");
      const store = redisAdapter({
        client: closed(new ioredis!.Redis({ host: "127.0.0.1", port: proxy.port })),
      });
      const key = newKey();
      assert.equal((await run(store.acquire(key, "a", 5000)))._tag, "Leader");
      assert.equal(await run(store.fill(key, "a", "the value")), true);
      assert.equal(proxy.lost(), 1);
      assert.deepEqual((await run(own.get(key)))?.value, "the value");
      assert.equal(await run(own.fill(key, "a", "another")), false);
      await proxy.stop();
    }
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
    assert.equal(defined.length, 17);
    assert.equal(new Set(defined).size, 17);
  });

  it("has the callers of configs that are written out in each call meet", async () => {
    const client = connect();
    const key = newKey();
    const seen = await monitored(connect());
    const config =
      () => ({ type: "redis", options: { client, cache: { keyPrefix: "herd:" } } } as const);
    await assertMeet(config, key);
    assert.deepEqual((await seen.take()).map(nameOf), ["get", "SCRIPT", "SCRIPT"]);
    seen.stop();
    assert.equal(await client.get(`herd:${key}`), "1");
  });

  it("refuses options that it can't use, with their names", async () => {
    const client = connect();
    const bad: [unknown, RegExp][] = [
      [
        {},
        /`client` must be an ioredis client, or one of iovalkey or of node-redis, 5 or 6, and is/,
      ],
      [{ client: {} }, /`client` must be an ioredis client/],
      [
        { client: { defineCommand() {}, getBuffer() {}, pttl() {} } },
        /`client` must be .*: it has no `cacheLocking1_acquireBuffer` after `defineCommand`/,
      ],
      [{ client, cache: { keyPrefix: 1 } }, /`cache.keyPrefix` must be a string, and is 1/],
      [
        { client, leases: { keyPrefix: "{a}" } },
        /may have braces only for the hash tag of the entries/,
      ],
      [{ client, subscriber: { isCluster: true } }, /`shardedSubscribers: true`/],
      [{ client, subscriber: 1 }, /`subscriber` must be an ioredis connection, and is 1/],
    ];
    await assertRefused("redis", [redisAdapter], bad);
  });

  it("names neither the bytes that it can't decode nor the value that it can't encode", async () => {
    const client = connect();
    const store = redisAdapter({ client });
    const key = newKey();
    await client.set(key, "secret bytes");
    await assertTextUntold(store, key);
  });

  it("keeps leases alone, for entries that are elsewhere", async () => {
    const [one, two] = [connect(), connect()];
    const key = newKey();
    // What else lies under the key in Redis is none of their business.
    await one.hset(key, "field", "value");
    await assertLeaseAlone([one, two].map((client) => redisLeases({ client })), key);
    assert.deepEqual(await one.keys(`*${key}*`), [key]);
  });
});

describe("a client of redis that can't be used", { skip }, () => {
  it("fails at once when it is closed", async () => {
    const client = connect();
    client.disconnect();
    await sleep(20);
    await assertUnusable(redisAdapter({ client }), /Connection is closed/);
  });
  it("fails after operationTimeout when it never connects and never gives up", async () => {
    const client = closed(new newest!.Redis(1, "127.0.0.1", { maxRetriesPerRequest: null }));
    client.on("error", () => {});
    const began = Date.now();
    await assertUnusable(redisAdapter({ client }), /redis did not answer within 100 ms/);
    assert.ok(Date.now() - began < 10_000);
  });
});

/** A network to the server that closes the connection in place of the first reply to what holds this text. */
async function losingTheReplyTo(text: string) {
  let lost = 0;
  const sockets = new Set<Socket>();
  const proxy = createServer((client) => {
    const server = createConnection(Number(new URL(redisUrl!).port), "127.0.0.1");
    let isLosing = false;
    for (const socket of [client, server]) sockets.add(socket.on("error", () => {}));
    client.on("data", (bytes) => {
      if (lost === 0 && bytes.includes(text)) lost = Number(isLosing = true);
      server.write(bytes);
    });
    server.on("data", (bytes) => isLosing ? client.destroy() : client.write(bytes));
    client.on("close", () => server.destroy());
    server.on("close", () => client.destroy());
  });
  await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
  return {
    port: (proxy.address() as AddressInfo).port,
    lost: () => lost,
    stop: () => {
      for (const socket of sockets) socket.destroy();
      return new Promise((resolve) => proxy.close(resolve));
    },
  };
}

describe("errors of redis", { skip }, () => {
  const [secret, password] = SECRETS as [string, string];
  const user = `refused-${randomToken()}`;
  let admin: Redis;
  before(async () => {
    admin = connect();
    await admin.call("ACL", "SETUSER", user, "on", `>${password}`, "~*", "+@all", "-set");
  });
  after(() => admin.call("ACL", "DELUSER", user));

  for (const [name, write] of Object.entries(writesOf(secret))) {
    it(`tell nothing of the value of a refused ${name}`, async () => {
      const store = redisAdapter({ client: connect({ username: user, password }) });
      const error = await run(Effect.flip(write(store, newKey())));
      assert.match(error.message, /can.t run|permission/i);
      assertTellsNothing(error);
    });
  }

  it("tell nothing of the arguments of a command that the server doesn't know", async () => {
    const refused = () =>
      Promise.reject(
        new Error(`ERR unknown command 'EVAL', with args beginning with: 'return 1' '${secret}' `),
      );
    const client = {
      getBuffer: refused,
      pttl: refused,
      defineCommand: (name: string) => Object.assign(client, { [`${name}Buffer`]: refused }),
      duplicate: () => client,
      on: () => {},
      removeListener: () => {},
    };
    const store = redisAdapter({ client: client as never });
    const error = await run(Effect.flip(store.set(newKey(), secret)));
    assert.match(error.message, /unknown command 'EVAL'; the server must have EVAL/);
    assertTellsNothing(error);
  });

  it("tell nothing of a refused login", async () => {
    const client = connect({
      username: `${user}-unknown`,
      password,
      maxRetriesPerRequest: 0,
      retryStrategy: () => null,
    });
    client.on("error", () => {});
    const cache = Cache.make({ adapter: redisAdapter({ client }) });
    assertTellsNothing(await run(Effect.flip(cache.get(newKey()))));
    const error = await run(Effect.flip(cache.set(newKey(), secret)));
    assert.equal(error._tag, "CACHE_SET_FAILED");
    assertTellsNothing(error);
  });
});
