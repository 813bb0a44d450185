import { Effect } from "effect";
import { memoryAdapter } from "../../adapters/memory.ts";
import {
  Cache,
  type CacheClient,
  type CacheOutcome,
  type CallOptions,
  type HooksOptions,
  isCacheLockingError,
} from "../../mod.ts";
import { processOver } from "./process_store.ts";

export const KEY = "user:42";

/** A fetcher that takes a time and counts. */
export function source<V>(
  millis: number,
  value: (fetch: number) => Effect.Effect<V, unknown> | V,
) {
  const counter = { fetches: 0, running: 0, most: 0 };
  const fetcher = () =>
    Effect.suspend(() => {
      const fetch = ++counter.fetches;
      counter.most = Math.max(counter.most, ++counter.running);
      return Effect.ensuring(
        Effect.flatMap(Effect.sleep(millis), () => {
          const result = value(fetch);
          return Effect.isEffect(result)
            ? result as Effect.Effect<V, unknown>
            : Effect.succeed(result);
        }),
        Effect.sync(() => counter.running--),
      );
    });
  return { counter, fetcher };
}

export const all = <A, E>(effects: Effect.Effect<A, E>[]) =>
  Effect.all(effects, { concurrency: "unbounded" });

export const times = <A>(count: number, make: (index: number) => A) =>
  Array.from({ length: count }, (_, index) => make(index));

/** Starts an effect on its own, so that it can be interrupted. */
export const start = <A, E>(effect: Effect.Effect<A, E>) =>
  Effect.flatMap(Effect.scope, (scope) => Effect.forkIn(effect, scope));

export const outcomes = (results: readonly { meta: { cache: CacheOutcome } }[]) => {
  const counts: Record<string, number> = {};
  for (const { meta } of results) counts[meta.cache] = (counts[meta.cache] ?? 0) + 1;
  return counts;
};

export const errorOf = <A, E>(effect: Effect.Effect<A, E>) =>
  Effect.match(effect, { onSuccess: () => undefined, onFailure: (error) => error });

export const tagOf = (error: unknown) => isCacheLockingError(error) ? error._tag : error;

/** Processes over one backend, each with a client and two milliseconds away. */
export function processes(count: number, { poll = false, ...defaults }: ProcessesOptions = {}) {
  const backend = memoryAdapter();
  const stores = times(count, () => processOver(backend, { latency: 2, poll }));
  // Their hooks are those of tests, which neither fail nor need anything.
  const clients = stores.map((adapter): CacheClient =>
    Cache.make({ ...defaults, adapter }) as CacheClient
  );
  return { backend, stores, clients };
}

export interface ProcessesOptions extends CallOptions<unknown>, HooksOptions<unknown> {
  readonly poll?: boolean;
}
