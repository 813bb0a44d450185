import { Effect } from "effect";
import { Cache, type CacheClient, isCacheLockingError, type Store } from "../../mod.ts";

/** What became of calls: how many came to each outcome, or to each error. */
export type Tally = Record<string, number>;

/** Traffic over stores, as long-lived programs have it. */
export interface Traffic {
  /** Lets one herd come, and waits until it is over. */
  readonly herd: () => Promise<void>;
  readonly tally: Tally;
}

/** How long entries live, in milliseconds: some are asked for again, and all are soon over. */
const TTL = 400;
/** How many keys are in use at one time; each herd brings a new one, and an old one is never asked for again. */
const WINDOW = 50;
const CALLERS = 20;

/** What a fetch of a herd does. */
type Mood = "well" | "fails" | "throws" | "uncached" | "abandoned" | "invalidated" | "slow";
const moods: readonly Mood[] = [
  "well",
  "well",
  "well",
  "fails",
  "throws",
  "uncached",
  "abandoned",
  "invalidated",
  "slow",
];

/**
 * Makes traffic whose every call has the same signal, as a program has that ends with it, and some of whose callers leave
 * before.
 */
export function makeTraffic(stores: readonly Store<unknown>[], signal: AbortSignal): Traffic {
  const tally: Tally = {};
  let herds = 0;
  const count = (what: string) => tally[what] = (tally[what] ?? 0) + 1;
  const clients = stores.map((adapter) =>
    Cache.make({
      adapter,
      cacheTtl: TTL,
      leaseTtl: 300,
      waitMax: 300,
      waitStep: 20,
      hooks: { onError: ({ _tag }) => Effect.sync(() => count(`reported ${_tag}`)) },
    })
  );

  const herd = async () => {
    const mood = moods[herds++ % moods.length]!;
    // Few of them are new: most come back to a key while its entry lives, or just after.
    const key = `soak:${herds - Math.floor(Math.random() * WINDOW)}`;
    const leader = new AbortController();
    const calls = Array.from({ length: CALLERS }, (_, caller) => {
      const client = clients[caller % clients.length]!;
      const leaves = mood === "abandoned" && caller < 2;
      return call(client, key, mood, leaves ? AbortSignal.any([signal, leader.signal]) : signal)
        .then(count);
    });
    if (mood === "abandoned") setTimeout(() => leader.abort(), 3);
    if (mood === "invalidated") await Effect.runPromise(clients[0]!.delete(key));
    await Promise.all(calls);
  };
  return { herd, tally };
}

async function call(
  client: CacheClient,
  key: string,
  mood: Mood,
  signal: AbortSignal,
): Promise<string> {
  const fetcher = () => {
    if (mood === "throws") throw new Error("a bug");
    const fetching = Effect.sleep(mood === "slow" ? 400 : 5);
    return Effect.flatMap(
      fetching,
      () => mood === "fails" ? Effect.fail("no luck" as const) : Effect.succeed("x".repeat(200)),
    );
  };
  const options = { signal, shouldCache: () => mood !== "uncached" };
  return await Effect.runPromise(
    Effect.match(client.getOrSet(key, fetcher, options), {
      onSuccess: ({ meta }) => meta.cache,
      onFailure: (error) => isCacheLockingError(error) ? error._tag : error,
    }),
  );
}
