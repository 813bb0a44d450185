import { Effect, Fiber } from "effect";
import type { Redis } from "ioredis";
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { Cluster as ValkeyCluster, Redis as Valkey } from "iovalkey";
import type * as NodeRedis6 from "redis";
import type * as NodeRedis5 from "redis5";
import {
  type IoredisClient,
  type IoredisSubscriber,
  type NodeRedisClient,
  type NodeRedisSubscriber,
  redisAdapter,
} from "../../../adapters/redis.ts";
import type { CacheLockingError } from "../../../mod.ts";
import { conformance } from "../../conformance/mod.ts";
import { withoutServer } from "../../support/address.ts";
import { assertRefused, assertUnusable } from "../../support/adapter_cases.ts";
import { closing } from "../../support/closing.ts";
import { follow } from "../../support/follow.ts";
import { sideBySide } from "../../support/side_by_side.ts";
import { until } from "../../support/until.ts";
import {
  hangUp,
  ioredisVersions,
  libraries,
  type Library,
  openClient,
  type Opened,
  redisClusterUrl,
  redisUrl,
} from "./clients.ts";
import { damageOf } from "./damage.ts";
import { connect, newKey, run, skip } from "./fixture.ts";
import { suite } from "./suite.ts";

const skipCluster = redisClusterUrl === undefined ? withoutServer("REDIS_CLUSTER_URL") : false;

const closed = closing(({ close }: Opened) => close());

/** Opens a client that is closed in the end. */
async function open(library: Library, options: Record<string, unknown> = {}): Promise<Opened> {
  return closed(await openClient(library, { url: redisUrl!, ...options }));
}

/** A client that is closed with the scope. */
function scoped(library: Library, options: Parameters<typeof openClient>[1]) {
  return Effect.acquireRelease(
    Effect.promise(() => openClient(library, options)),
    ({ close }) => Effect.sync(close),
  );
}

for (const library of libraries) {
  describe(`redis by ${library}: the suite`, () => {
    const open = (options: Record<string, unknown>) =>
      Effect.map(scoped(library, { url: redisUrl!, ...options }), ({ client }) => client);
    suite("one server", { open: open({}) });
    // node-redis has a `keyPrefix` from 6.1 on, for which there is a test below.
    const prefix = library === "iovalkey" ? "app:" : "";
    suite("every option", {
      open: open(
        library === "iovalkey"
          ? { keyPrefix: prefix, enableAutoPipelining: true, stringNumbers: true }
          : { RESP: library === "redis" ? 2 : 3, commandOptions: { typeMapping: { 58: String } } },
      ),
      prefix,
      everyOption: true,
    });
  });

  describe(`a cluster of redis by ${library}: the suite`, () => {
    let admin: InstanceType<typeof import("ioredis").Cluster>;
    before(async () => {
      if (skipCluster) return;
      const [{ Cluster }] = await ioredisVersions();
      admin = new Cluster([redisClusterUrl!]);
    });
    after(() => admin?.disconnect());
    const cases = conformance({
      open: Effect.map(
        scoped(library, { url: redisClusterUrl!, cluster: true }),
        ({ client }) => redisAdapter({ client }),
      ),
      // Followers of iovalkey poll in a cluster, and its leaders can't be told to be dead.
      mortal: library === "iovalkey" ? undefined : Effect.map(
        scoped(library, { url: redisClusterUrl!, cluster: true }),
        ({ client }) => ({ store: redisAdapter({ client }), die: () => hangUp(client) }),
      ),
      damage: damageOf(() => admin, { entry: (key) => key, lease: (key) => `lease:{${key}}` }),
      leftovers: (key) =>
        Effect.promise(async () => {
          const scans = admin.nodes("master").map((node) => node.keys(`*${key}*`));
          return (await Promise.all(scans)).flat().filter((name) =>
            [key, `${key}}`].some((end) => name.endsWith(end))
          );
        }),
      gaps: library === "iovalkey" ? { push: "its clusters listen to one node" } : {},
    });
    sideBySide(cases, { skip: skipCluster, atOnce: 4 });
  });
}

describe("types of the libraries of redis", () => {
  it("fit those of the adapter", () => {
    const client = (client: NodeRedisClient & NodeRedisSubscriber) => client;
    const pool = (client: NodeRedisClient) => client;
    const valkey = (client: IoredisClient & IoredisSubscriber) => client;
    const all: ((client: never) => unknown)[] = [
      (each: NodeRedis6.RedisClientType) => client(each),
      (each: ReturnType<typeof NodeRedis6.createClient>) => client(each),
      (each: ReturnType<typeof NodeRedis6.createCluster>) => client(each),
      (each: ReturnType<typeof NodeRedis6.createSentinel>) => client(each),
      (each: ReturnType<typeof NodeRedis6.createClientPool>) => pool(each),
      (each: NodeRedis5.RedisClientType) => client(each),
      (each: ReturnType<typeof NodeRedis5.createClient>) => client(each),
      (each: ReturnType<typeof NodeRedis5.createCluster>) => client(each),
      (each: ReturnType<typeof NodeRedis5.createSentinel>) => client(each),
      (each: ReturnType<typeof NodeRedis5.createClientPool>) => pool(each),
      (each: Valkey) => valkey(each),
      (each: ValkeyCluster) => valkey(each),
    ];
    assert.equal(all.length, 12);
  });
});

for (const library of libraries) {
  describe(`push of redis by ${library}`, { skip }, () => {
    const subscribers = async (client: Redis, key: string) =>
      Number((await client.pubsub("NUMSUB", `lease:{${key}}`) as unknown[])[1]);
    /** Leads in one, and follows in the other until it is pushed. */
    const followIn = async (
      leader: Redis,
      { client }: Opened,
      errors: CacheLockingError[] = [],
      subscriber?: Opened["client"],
    ) => {
      const store = redisAdapter({ client, subscriber });
      const follower = await follow(newKey(), redisAdapter({ client: leader }), store, { errors });
      await until(async () => await subscribers(leader, follower.key) === 1);
      return follower;
    };

    it("comes over one connection, which is closed when nobody waits", async () => {
      const [one, two] = [connect(), await open(library)] as const;
      const before = await connections(one);
      const waits = [];
      for (let i = 0; i < 5; i++) waits.push(await followIn(one, two));
      assert.equal(await connections(one), before + 1);
      for (const { fill } of waits) await fill();
      await until(async () => await connections(one) === before);
    });

    it("comes again after its connection was cut", async () => {
      const [one, two] = [connect(), await open(library)] as const;
      const errors: CacheLockingError[] = [];
      const { key, fill } = await followIn(one, two, errors);
      await one.client("KILL", "TYPE", "pubsub");
      await until(async () => await subscribers(one, key) === 1);
      await fill();
      assert.deepEqual(errors, []);
    });

    it("ends with the client", async () => {
      const [one, two] = [connect(), await open(library)] as const;
      const { key, fiber } = await followIn(one, two);
      two.close();
      await until(async () => await subscribers(one, key) === 0);
      await run(Fiber.interrupt(fiber));
    });

    it("comes over the connection that it was given, and leaves it open", async () => {
      const [one, two] = [connect(), await open(library)] as const;
      const subscriber = await open(library);
      const { key, fill } = await followIn(one, two, [], subscriber.client);
      await fill();
      await until(async () => await subscribers(one, key) === 0);
      await subscriber.ping();
    });
  });

  describe(`a client of ${library} that can't be used`, { skip }, () => {
    it("fails at once when it is closed", async () => {
      const { client, close } = await open(library);
      close();
      await sleep(20);
      await assertUnusable(redisAdapter({ client }), /[Cc]lient is closed|Connection is closed/);
    });
  });
}

/** How many connections subscribe to something. */
async function connections(admin: Redis): Promise<number> {
  const list = await admin.client("LIST") as string;
  return list.split("\n").filter((line) => / (sub|ssub)=[1-9]/.test(line)).length;
}

describe("redis by node-redis", { skip }, () => {
  it("refuses what it can't use, with the reason", async () => {
    const { client } = await open("redis5");
    const clientSideCache = { ttl: 0, maxEntries: 0, evictPolicy: "LRU" };
    const caching = await open("redis5", { RESP: 3, clientSideCache });
    const bad: [unknown, RegExp][] = [
      [
        { client, subscriber: 1 },
        /`subscriber` must be a connected client of node-redis, and is 1/,
      ],
      [{ client: caching.client }, /`client` must have no `clientSideCache`/],
    ];
    await assertRefused("redis", [redisAdapter], bad);
  });

  it("sends a script in full once, and again to a server that has forgotten it", async () => {
    const { client } = await open("redis5");
    const sent: string[] = [];
    const recorded = Object.create(client);
    recorded.withTypeMapping = (mapping: never) => {
      const commands = client as NodeRedisClient;
      const mapped = commands.withTypeMapping(mapping);
      return {
        get: (key: string) => mapped.get(key),
        eval: (...args: [string, never]) => (sent.push("eval"), mapped.eval(...args)),
        evalSha: (...args: [string, never]) => (sent.push("evalSha"), mapped.evalSha(...args)),
      };
    };
    const store = redisAdapter({ client: recorded });
    const key = newKey();
    const set = () => run(store.set(key, 1));
    await set();
    await sleep(50);
    await set();
    assert.deepEqual(sent.splice(0), ["eval", inFull ? "eval" : "evalSha"]);
    await connect().script("FLUSH");
    await set();
    assert.deepEqual(sent, inFull ? ["eval"] : ["evalSha", "eval"]);
  });

  it("has the client's prefix before all names, and pushes", async (test) => {
    const one = connect();
    const [library] = libraries;
    const { client } = await open(library!, { keyPrefix: "app:" });
    // node-redis has the option from 6.1 on: the lockfile's version runs this, the oldest can't.
    if (!("_keyPrefix" in client)) return test.skip("this version has no `keyPrefix`");
    const follower = redisAdapter({ client });
    const leader = redisAdapter({ client: connect({ keyPrefix: "app:" }) });
    const { key, fill } = await follow(newKey(), leader, follower);
    await until(async () =>
      Number((await one.pubsub("NUMSUB", `app:lease:{app:${key}}`) as unknown[])[1]) === 1
    );
    await fill();
    assert.equal(await one.get(`app:${key}`), '"filled"');
  });

  it("has the callers of a pool share a fetch, by looking", async () => {
    const { createClientPool } = await import("redis5");
    const pool = createClientPool({ url: redisUrl! });
    pool.on("error", () => {});
    await pool.connect();
    try {
      const store = redisAdapter({ client: pool });
      const key = newKey();
      assert.equal(await run(Effect.scoped(store.watch!(key))), undefined);
      assert.equal((await run(store.acquire(key, "a", 1000)))._tag, "Leader");
      assert.equal((await run(store.acquire(key, "b", 1000)))._tag, "Follower");
      assert.equal(await run(store.fill(key, "a", "value")), true);
      assert.deepEqual(await run(store.get(key)), { value: "value" });
    } finally {
      pool.destroy();
    }
  });
});

/** Node 18 has no Web Crypto. */
const inFull = globalThis.crypto?.subtle === undefined;

for (const library of libraries.filter((library) => library !== "iovalkey")) {
  it(`a cluster of redis by ${library} pushes, also after connections were cut`, {
    skip: skipCluster,
  }, async () => {
    const [{ Cluster }] = await ioredisVersions();
    const admin = new Cluster([redisClusterUrl!]);
    try {
      const { client } = closed(
        await openClient(library, { url: redisClusterUrl!, cluster: true }),
      );
      const follower = redisAdapter({ client });
      const leader = redisAdapter({ client: admin });
      const channels = async () =>
        (await Promise.all(admin.nodes("master").map((node) => node.pubsub("SHARDCHANNELS"))))
          .flat().length;
      for (const cut of [false, true]) {
        const errors: CacheLockingError[] = [];
        // Some for each node.
        const waits = await Promise.all(
          Array.from({ length: 9 }, () => follow(newKey(), leader, follower, { errors })),
        );
        await until(async () => await channels() === 9);
        if (cut) {
          for (const node of admin.nodes("master")) await node.client("KILL", "TYPE", "pubsub");
          await until(async () => await channels() === 9);
        }
        for (const { fill } of waits) await fill();
        assert.deepEqual(errors, []);
        await until(async () => await channels() === 0);
      }
    } finally {
      admin.disconnect();
    }
  });
}
