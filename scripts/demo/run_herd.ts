import { Effect, Exit } from "effect";
import type { CacheClient, CallOptions } from "../../mod.ts";
import type { Flags } from "./flags.ts";
import type { Fetch, Herd, HerdEvent, Outcome } from "./herd.ts";

/** What a caller got, and how. */
export interface Got {
  readonly value: string;
  readonly outcome: Outcome;
}

/** A cache, or none. */
export type GetOrSet = (
  key: string,
  fetcher: Effect.Effect<string, Error>,
) => Effect.Effect<Got, unknown>;

/** One process's share of a herd. */
export interface Share {
  readonly process: number;
  readonly processes: number;
  /** When the herd begins: epoch milliseconds, in the near future. */
  readonly begins: number;
  /** How many fetches there were before, in all processes. */
  readonly fetched: () => Promise<number>;
}

/** What the demo's clients have besides an adapter. */
export function optionsOf({ stale }: Flags): CallOptions<unknown> {
  return { cacheTtl: "1 minute", ...stale && { staleWhileRevalidate: "1 minute" } };
}

/** Stores the herd's entry, whose time then is over, if it is to be stale. */
export async function prepare(cache: CacheClient, { stale }: Flags): Promise<void> {
  if (!stale) return;
  await Effect.runPromise(cache.set(KEY, "Grace"));
  await Effect.runPromise(cache.expire(KEY));
}

/** Calls through a client. */
export function through(cache: CacheClient): GetOrSet {
  return (key, fetcher) =>
    Effect.map(
      cache.getOrSet(key, () => fetcher),
      ({ value, meta }) => ({ value, outcome: meta.cache }),
    );
}

const KEY = "user:42";
/** The first call of a program is slower than all others. */
const WARM_UP = "warm-up";

/** Lets all callers come at their times, and writes down what becomes of each. */
export async function runHerd(
  flags: Flags,
  getOrSet: GetOrSet,
  { process, processes, begins, fetched }: Share = alone(),
): Promise<Herd> {
  await Effect.runPromise(getOrSet(WARM_UP, Effect.succeed("")));
  const began = performance.now() + Math.max(0, begins - Date.now());
  const now = () => performance.now() - began;
  const fetch = makeSource(flags, now, fetched);

  const call = async (caller: number, arrival: number): Promise<HerdEvent> => {
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, arrival - now())));
    const fetches: Fetch[] = [];
    const start = now();
    const signal = flags.cancel && caller === 0 ? AbortSignal.timeout(flags.fetchMs / 2) : null;
    const exit = await Effect.runPromiseExit(
      getOrSet(KEY, fetch(fetches)),
      signal ? { signal } : {},
    );
    const outcome = Exit.isSuccess(exit)
      ? exit.value.outcome
      : signal?.aborted
      ? "CANCELLED"
      : "FAILED";
    return { caller, process, start, end: now(), outcome, fetches };
  };
  const own = [...arrivals(flags).entries()].filter(([caller]) => caller % processes === process);
  return Promise.all(own.map(([caller, arrival]) => call(caller, arrival)));
}

function alone(): Share {
  let fetches = 0;
  return {
    process: 0,
    processes: 1,
    begins: 0,
    fetched: () => Promise.resolve(fetches++),
  };
}

/** A source whose fetches take their time and write themselves down; the first may fail halfway. */
function makeSource({ fetchMs, fail }: Flags, now: () => number, fetched: Share["fetched"]) {
  return (fetches: Fetch[]): Effect.Effect<string, Error> =>
    Effect.flatMap(Effect.promise(fetched), (before) => {
      const start = now();
      const failing = before === 0 && fail;
      const fetching = Effect.flatMap(
        Effect.sleep(failing ? fetchMs / 2 : fetchMs),
        () => failing ? Effect.fail(new Error("the source is down")) : Effect.succeed("Ada"),
      );
      return Effect.onExit(fetching, (exit) =>
        Effect.sync(() => {
          const cancelled = Exit.isFailure(exit) && !failing;
          const ended = Exit.isSuccess(exit) ? "fetched" : cancelled ? "cancelled" : "failed";
          fetches.push({ start, end: now(), ended });
        }));
    });
}

/** When the callers come: one, then most while the first fetch runs, fewer and fewer, then some when the value is there. */
function arrivals({ callers, fetchMs }: Flags): number[] {
  const early = Math.ceil(callers * 0.8);
  return Array.from({ length: callers }, (_, caller) => {
    const wobble = (caller * 0.618) % 1 - 0.5;
    return caller === 0
      ? 0
      : caller < early
      ? fetchMs * (0.04 + 0.8 * ((caller + 0.8 * wobble) / early) ** 1.4)
      : fetchMs * (1.2 + 0.65 * ((caller + 0.8 * wobble - early) / (callers - early)));
  });
}
