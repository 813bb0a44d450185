import { Effect } from "effect";
import { randomUUID } from "node:crypto";
import type { Subject } from "./measure.ts";
import { callOf, type MakePeer, type Peer } from "./peer.ts";

/** What a cache is asked for while it is timed. */
export type Load = (make: MakePeer) => Promise<Subject>;

/** The value of all keys. */
export const VALUE = { id: 42, name: "Ada", notes: "x".repeat(200) };

/** Does some calls of a cache, each with the next key. */
type Calls = (peer: Peer, keyOf: (call: number) => string, calls: number) => Promise<unknown>;

const source = (_: string) => Promise.resolve(VALUE);
const users = Array.from({ length: 10_000 }, (_, index) => `user:${index}`);
const oneKey = { stored: ["user:0"], asked: () => "user:0" };
// 7919 is a prime: every key has its turn, far from its neighbours.
const manyKeys = { stored: users, asked: (call: number) => users[(call * 7919) % users.length]! };
const hotKey = { stored: users, asked: () => "user:5000" };
const keyEach = { stored: users.slice(0, 64), asked: (call: number) => users[call % 64]! };

/** One call after the other, each in a run of its own; of a cache that speaks in promises, each awaited. */
const aRunEach: Calls = async (peer, keyOf, calls) => {
  const call = callOf(peer);
  for (let i = 0; i < calls; i++) await call(keyOf(i));
};

/** One call after the other, all in one fiber. */
const inOneFiber: Calls = ({ effect }, keyOf, calls) =>
  Effect.runPromise(Effect.gen(function* () {
    for (let i = 0; i < calls; i++) yield* effect!(keyOf(i));
  }));

/** So many calls at once, and the next ones when all have their value. */
const atOnce = (callers: number): Calls => async (peer, keyOf, calls) => {
  const call = callOf(peer);
  for (let i = 0; i < calls; i += callers) {
    await Promise.all(Array.from({ length: callers }, (_, caller) => call(keyOf(i + caller))));
  }
};

/** All calls at once, in one fiber. */
const atOnceInOneFiber: Calls = ({ effect }, keyOf, calls) =>
  Effect.runPromise(
    Effect.all(
      Array.from({ length: calls }, (_, call) => Effect.suspend(() => effect!(keyOf(call)))),
      {
        concurrency: "unbounded",
      },
    ),
  );

function hits({ stored, asked }: typeof manyKeys, does: Calls, calls: number): Load {
  return async (make) => {
    const peer = make(source);
    // A cache of two tiers may have it in the nearer one from the second call on.
    for (const key of [...stored, ...stored]) await callOf(peer)(key);
    let first = 0;
    const run = () => {
      const begins = first;
      first += calls;
      return does(peer, (call) => asked(begins + call), calls);
    };
    return { name: peer.name, run, calls, close: peer.close };
  };
}

/** Misses in a cache that is made anew, and grows. */
function misses(does: Calls): Load {
  const calls = 5000;
  let caches = 0;
  return (make) => {
    let fetches = 0;
    const counted = (key: string) => {
      fetches++;
      return source(key);
    };
    const run = async () => {
      fetches = 0;
      const cache = caches++;
      await does(make(counted), (call) => `user:${cache}:${call}`, calls);
      if (fetches !== calls) throw new Error(`Fetched ${fetches} times for ${calls} misses`);
    };
    return Promise.resolve({ name: make(source).name, run, calls });
  };
}

/** Keys of which nobody has asked before, all at once. */
function coldKeys(calls: number): Load {
  return (make) => {
    const peer = make(source);
    const each = atOnce(calls);
    const run = () => {
      const prefix = randomUUID();
      return each(peer, (call) => `${prefix}:${call}`, calls);
    };
    return Promise.resolve({ name: peer.name, run, calls, close: peer.close });
  };
}

/** So many keys at once: those of which nobody has asked before, or those that are stored. */
function manyAtOnce(count: number, are: "cold" | "warm"): Load {
  return async (make) => {
    const peer = make(source);
    const ask = peer.many ?? ((keys) => Promise.all(keys.map(callOf(peer))));
    const keysOf = (prefix: string) =>
      Array.from({ length: count }, (_, key) => `${prefix}:${key}`);
    const warm = keysOf("many");
    await ask(warm);
    const run = () => ask(are === "warm" ? warm : keysOf(randomUUID()));
    return { name: peer.name, run, calls: 1, close: peer.close };
  };
}

/**
 * Herds of one cold key. All callers come before the fetch ends, which itself takes no time: what callers cost as they come
 * hides behind a fetch that takes its time, and by what they cost after it they are late.
 */
function stampedes(does: Calls, from: "the first caller" | "the end of the fetch"): Load {
  const callers = 10_000;
  return (make) => {
    let fetching: Promise<unknown>;
    let endFetch: (value: unknown) => void;
    let fetches = 0;
    let fetched = 0;
    const peer = make(() => {
      if (++fetches > 1) throw new Error(`Fetched ${fetches} times for one herd`);
      return fetching;
    });
    const run = () => {
      fetching = new Promise((resolve) => endFetch = resolve);
      fetches = 0;
      const key = randomUUID();
      const come = (call: number) => {
        if (call === callers - 1) {
          setTimeout(() => {
            fetched = performance.now();
            endFetch(VALUE);
          });
        }
        return key;
      };
      return does(peer, come, callers);
    };
    const after = from === "the end of the fetch" ? () => fetched : undefined;
    return Promise.resolve({ name: peer.name, run, calls: 1, after });
  };
}

/** Each by its name. */
export const loads = {
  hit: hits(oneKey, aRunEach, 1000),
  hitInOneFiber: hits(oneKey, inOneFiber, 1000),
  hitOfMany: hits(manyKeys, aRunEach, 1000),
  hitOfManyInOneFiber: hits(manyKeys, inOneFiber, 1000),
  hotHit: hits(hotKey, aRunEach, 1000),
  hotHitInOneFiber: hits(hotKey, inOneFiber, 1000),
  miss: misses(aRunEach),
  missInOneFiber: misses(inOneFiber),
  stampede: stampedes(atOnce(10_000), "the first caller"),
  stampedeInOneFiber: stampedes(atOnceInOneFiber, "the first caller"),
  stampedesEnd: stampedes(atOnce(10_000), "the end of the fetch"),
  stampedesEndInOneFiber: stampedes(atOnceInOneFiber, "the end of the fetch"),
  remoteHit: hits(oneKey, aRunEach, 50),
  remoteHitsOfOneKey: hits(oneKey, atOnce(64), 3200),
  remoteHitsOfDistinctKeys: hits(keyEach, atOnce(64), 640),
  remoteMisses: coldKeys(1000),
  manyWarmKeys: manyAtOnce(100, "warm"),
  manyColdKeys: manyAtOnce(1000, "cold"),
} satisfies Record<string, Load>;
