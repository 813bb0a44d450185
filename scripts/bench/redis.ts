import { cachified as cachifiedGet } from "@epic-web/cachified";
import KeyvRedis from "@keyv/redis";
import { createCache } from "async-cache-dedupe";
import { BentoCache, bentostore } from "bentocache";
import { redisBusDriver, redisDriver } from "bentocache/drivers/redis";
import { Cacheable } from "cacheable";
import { redisCacheAdapter } from "cachified-redis-adapter";
import { Effect } from "effect";
import { Redis } from "ioredis";
import { redisAdapter } from "../../adapters/redis.ts";
import { Cache } from "../../mod.ts";
import { monitor } from "../../tests/support/redis_clients.ts";
import { redis } from "../backends/redis.ts";
import { compare, type Effort, medianOf, type Subject } from "./measure.ts";
import { type Goal, printTimings, ratioGoal } from "./report.ts";

/** The source that a cache is in front of. */
type Source = (key: string) => Promise<string>;

/** A cache in Redis, as one process has it. */
interface Peer {
  readonly name: string;
  readonly get: (key: string) => Promise<unknown>;
  readonly close: () => unknown;
}

type MakePeer = (connect: () => Redis, source: Source) => Peer;

const VALUE = JSON.stringify({ id: 42, name: "Ada", notes: "x".repeat(200) });

/** Times hits and herds on a real Redis, beside other ways to have them. */
export async function benchRedis(effort: Effort): Promise<Goal[]> {
  const server = await redis.start(4);
  try {
    const connect = () => new Redis(server.url);
    return [...await benchHits(connect, effort), ...await benchHerds(connect, effort)];
  } finally {
    await server.stop();
  }
}

async function benchHits(connect: () => Redis, effort: Effort): Promise<Goal[]> {
  const goals: Goal[] = [];
  const source = () => Promise.resolve(VALUE);
  const peers = [bare, cacheLocking, asyncCacheDedupe, bentoCache].map((make) =>
    make(connect, source)
  );
  for (const { get } of peers) await get("hot");
  const [floor, ours, dedupe, bento] = peers as [Peer, Peer, Peer, Peer];

  const peersOf1 = [floor, inEffect(floor), ours, dedupe, bento];
  const alone = await compare(peersOf1.map((peer) => hits(peer, 1)), effort);
  printTimings("Redis: a hit, one caller", alone);
  goals.push(ratioGoal("redis, a hit", ours.name, alone, 1 / 1.15));

  const peersOf64 = [inEffect(dedupe), ours, dedupe, floor, bento];
  const many = await compare(peersOf64.map((peer) => hits(peer, 64)), effort);
  printTimings("Redis: a hit, 64 callers of one key", many);
  goals.push(ratioGoal("redis, 64 callers of a hot key", ours.name, many, 0.5));
  for (const { close } of peers) await close();
  return goals;
}

/** A peer that is run as cache-locking is: a run of Effect's for each call. */
function inEffect({ name, get, close }: Peer): Peer {
  const effect = (key: string) => Effect.promise(() => get(key));
  return { name: `${name}, in Effect`, get: (key) => Effect.runPromise(effect(key)), close };
}

function hits({ name, get }: Peer, callers: number): Subject {
  const run = async () => {
    for (let i = 0; i < 50; i++) {
      await Promise.all(Array.from({ length: callers }, () => get("hot")));
    }
  };
  return { name, calls: 50 * callers, run };
}

const PROCESSES = 4;
const CALLERS = 250;
const FETCH = 200;

/** Four processes' worth of clients, with 250 callers each, of a cold key. */
async function benchHerds(connect: () => Redis, { rounds }: Effort): Promise<Goal[]> {
  console.log(`\nRedis: ${PROCESSES} × ${CALLERS} callers of a cold key, a fetch of ${FETCH} ms`);
  console.log("  fetches, commands and the slowest caller in the median round");
  const observer = connect();
  const seen = await monitor(observer);
  for (
    const make of [
      cacheLocking,
      asyncCacheDedupe,
      bentoCache,
      cachified,
      cacheable,
      handWritten,
    ]
  ) {
    let fetches = 0;
    const source = () => {
      fetches++;
      return new Promise<string>((resolve) => setTimeout(resolve, FETCH, VALUE));
    };
    const peers = Array.from({ length: PROCESSES }, () => make(connect, source));
    const found = { fetches: [] as number[], commands: [] as number[], slowest: [] as number[] };
    for (let round = -1; round < Math.max(3, rounds / 3); round++) {
      const key = `herd:${crypto.randomUUID()}`;
      fetches = 0;
      await seen.take();
      const began = performance.now();
      await Promise.all(
        peers.flatMap(({ get }) => Array.from({ length: CALLERS }, () => get(key))),
      );
      const slowest = performance.now() - began;
      const commands = (await seen.take()).length;
      if (round < 0) continue;
      found.fetches.push(fetches);
      found.commands.push(commands);
      found.slowest.push(slowest);
    }
    const { name } = peers[0]!;
    console.log(
      `  ${name.padEnd(30)} ${medianOf(found.fetches)} fetches, ${medianOf(found.commands)} ` +
        `commands, ${medianOf(found.slowest).toFixed(0)} ms`,
    );
    for (const { close } of peers) await close();
  }
  seen.stop();
  observer.disconnect();
  return [];
}

const bare: MakePeer = (connect) => {
  const client = connect();
  return { name: "floor: ioredis.get", get: (key) => client.get(key), close: () => client.quit() };
};

const cacheLocking: MakePeer = (connect, source) => {
  const client = connect();
  const cache = Cache.make({ adapter: redisAdapter({ client }), cacheTtl: "1 hour" });
  return {
    name: "cache-locking",
    get: (key) => Effect.runPromise(cache.getOrSet(key, () => Effect.promise(() => source(key)))),
    close: () => client.quit(),
  };
};

const asyncCacheDedupe: MakePeer = (connect, source) => {
  const client = connect();
  const storage = { type: "redis", options: { client: client as never } } as const;
  const cache = createCache({ ttl: 3600, storage }).define("value", (key: string) => source(key));
  return { name: "async-cache-dedupe", get: (key) => cache.value(key), close: () => client.quit() };
};

const bentoCache: MakePeer = (connect, source) => {
  const client = connect();
  const { host, port } = client.options;
  client.disconnect();
  // It opens connections of its own, with the ioredis that it brings.
  const connection = { host: host!, port: port! };
  const store = bentostore()
    .useL2Layer(redisDriver({ connection }))
    .useBus(redisBusDriver({ connection }));
  const cache = new BentoCache({ default: "redis", stores: { redis: store } });
  return {
    name: "bentocache with its bus",
    get: (key) => cache.getOrSet({ key, ttl: "1h", factory: () => source(key) }),
    close: () => cache.disconnectAll(),
  };
};

/** cachified, through its adapter for Redis. It has no tier in memory. */
const cachified: MakePeer = (connect, source) => {
  const client = connect();
  const cache = redisCacheAdapter({
    get: (key) => client.get(key),
    // The adapter speaks to node-redis.
    set: (key, value, { EXAT } = { EXAT: 0 }) =>
      EXAT > 0 ? client.set(key, value, "EXAT", EXAT) : client.set(key, value),
    del: (key) => client.del(key),
  });
  return {
    name: "cachified",
    get: (key) => cachifiedGet({ cache, key, ttl: 3_600_000, getFreshValue: () => source(key) }),
    close: () => client.quit(),
  };
};

/** cacheable in two tiers, as its documentation has it: memory, and Redis through Keyv's client. */
const cacheable: MakePeer = (connect, source) => {
  const client = connect();
  const { host, port } = client.options;
  client.disconnect();
  const cache = new Cacheable({ secondary: new KeyvRedis(`redis://${host}:${port}`) });
  return {
    name: "cacheable with @keyv/redis",
    get: (key) => cache.getOrSet(key, () => source(key), { ttl: "1h" }),
    close: () => cache.disconnect(),
  };
};

/** What people write by hand: `SET NX PX`, and a look every 50 ms. */
const handWritten: MakePeer = (connect, source) => {
  const client = connect();
  const get = async (key: string): Promise<string> => {
    for (;;) {
      const value = await client.get(`hand:${key}`);
      if (value !== null) return value;
      if (await client.set(`hand:lock:${key}`, "1", "PX", 15_000, "NX")) {
        const fetched = await source(key);
        await client.set(`hand:${key}`, fetched, "PX", 3_600_000);
        await client.del(`hand:lock:${key}`);
        return fetched;
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  };
  return { name: "by hand: SET NX PX, 50 ms", get, close: () => client.quit() };
};
