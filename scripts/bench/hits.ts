import { Effect } from "effect";
import { type Goal, ratioGoal } from "./goals.ts";
import { compare, type Effort, type Subject } from "./measure.ts";
import type { Comparison, Measured } from "./measured.ts";
import * as peers from "./peers.ts";

const CALLS = 1000;
const ENTRIES = 10_000;

/** Which keys are there, and which of them are asked for. */
interface Keys {
  readonly name: string;
  readonly stored: readonly string[];
  readonly asked: (call: number) => string;
}

const many = Array.from({ length: ENTRIES }, (_, index) => `user:${index}`);
const settings: readonly Keys[] = [
  { name: "one key", stored: ["user:0"], asked: () => "user:0" },
  // 7919 is a prime: every key has its turn, far from its neighbours.
  { name: "10,000 keys", stored: many, asked: (call) => many[(call * 7919) % ENTRIES]! },
  { name: "one hot key of 10,000", stored: many, asked: () => "user:5000" },
];

/** Times hits in memory: a run for each call, and all calls in one fiber. */
export async function benchHits(effort: Effort): Promise<Measured> {
  const comparisons: Comparison[] = [];
  const goals: Goal[] = [];
  for (const keys of settings) {
    const inEffects = [peers.effectCache, peers.client, peers.oneShot, peers.floor]
      .map((peer) => peer(source));
    const inPromises = [
      peers.lruCache,
      peers.asyncCacheDedupe,
      peers.bentoCache,
      peers.cacheManager,
    ]
      .map((peer) => peer(source));
    for (const key of keys.stored) {
      for (const { get } of inEffects) await Effect.runPromise(get(key));
      for (const { get } of inPromises) await get(key);
    }

    for (
      const [name, subjects] of [
        [`a run each, ${keys.name}`, [
          ...inEffects.map((peer) => eachRun(peer, keys)),
          ...inPromises.map((peer) => eachAwaited(peer, keys)),
        ]],
        [`one fiber, ${keys.name}`, inEffects.map((peer) => oneFiber(peer, keys))],
      ] as const
    ) {
      const comparison = { title: `Hit, ${name}`, timings: await compare(subjects, effort) };
      comparisons.push(comparison);
      goals.push(
        ratioGoal(name, "client.getOrSet", comparison, 1),
        ratioGoal(name, "Cache.getOrSet", comparison, 0.7),
      );
    }
  }
  return { comparisons, goals };
}

let fetched = 0;

function source(): Promise<number> {
  return Promise.resolve(++fetched);
}

function eachRun({ name, get }: peers.EffectPeer, { asked }: Keys): Subject {
  let call = 0;
  const run = async () => {
    for (let i = 0; i < CALLS; i++) await Effect.runPromise(get(asked(call++)));
  };
  return { name, calls: CALLS, run };
}

function eachAwaited({ name, get }: peers.PromisePeer, { asked }: Keys): Subject {
  let call = 0;
  const run = async () => {
    for (let i = 0; i < CALLS; i++) await get(asked(call++));
  };
  return { name: `${name}, bare`, calls: CALLS, run };
}

function oneFiber({ name, get }: peers.EffectPeer, { asked }: Keys): Subject {
  let call = 0;
  const loop = Effect.gen(function* () {
    for (let i = 0; i < CALLS; i++) yield* get(asked(call++));
  });
  return { name, calls: CALLS, run: () => Effect.runPromise(loop) };
}
