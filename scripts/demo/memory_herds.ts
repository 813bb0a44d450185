import { Effect, Exit } from "effect";
import { memoryAdapter } from "../../adapters/memory.ts";
import { Cache } from "../../mod.ts";
import type { Flags } from "./flags.ts";
import type { Fetch, Herd, HerdEvent, Herds, Outcome } from "./herd.ts";

type Got = { readonly value: string; readonly outcome: Outcome };
type GetOrSet = (key: string, fetcher: Effect.Effect<string, Error>) => Effect.Effect<Got, unknown>;

const KEY = "user:42";
/** The first call of a program is slower than all others. */
const WARM_UP = "warm-up";

/** The same herd twice in this process: first with nothing but a Map, then with the memory adapter. */
export async function memoryHerds(flags: Flags): Promise<Herds> {
  const values = new Map<string, string>();
  const unprotected: GetOrSet = (key, fetcher) =>
    Effect.suspend((): Effect.Effect<Got, Error> => {
      const value = values.get(key);
      if (value !== undefined) return Effect.succeed({ value, outcome: "HIT" });
      return Effect.map(fetcher, (value) => {
        values.set(key, value);
        return { value, outcome: "MISS" };
      });
    });

  const cache = Cache.make({ adapter: memoryAdapter(), cacheTtl: "1 minute" });
  const withCacheLocking: GetOrSet = (key, fetcher) =>
    Effect.map(
      cache.getOrSet(key, () => fetcher),
      ({ value, meta }) => ({ value, outcome: meta.cache }),
    );

  return {
    unprotected: await runHerd(flags, unprotected),
    protected: await runHerd(flags, withCacheLocking),
  };
}

/** Lets all callers come at their times, and writes down what becomes of each. */
async function runHerd(flags: Flags, getOrSet: GetOrSet): Promise<Herd> {
  await Effect.runPromise(getOrSet(WARM_UP, Effect.succeed("")));
  const began = performance.now();
  const now = () => performance.now() - began;
  const fetch = makeSource(flags, now);

  const call = async (caller: number, arrival: number): Promise<HerdEvent> => {
    await new Promise((resolve) => setTimeout(resolve, arrival));
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
    return { caller, process: 0, start, end: now(), outcome, fetches };
  };
  return Promise.all(arrivals(flags).map((arrival, caller) => call(caller, arrival)));
}

/** A source whose fetches take their time and write themselves down; the first may fail halfway. */
function makeSource({ fetchMs, fail }: Flags, now: () => number) {
  let fetched = 0;
  return (fetches: Fetch[]): Effect.Effect<string, Error> =>
    Effect.suspend(() => {
      const start = now();
      const failing = fetched++ === 0 && fail;
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
