import { Effect } from "effect";
import { Cache, fixedWaitStrategy, formatCacheLockingError, type Store } from "../../mod.ts";

/** What a player is asked to call for. Times are in milliseconds. */
export interface Play {
  readonly key: string;
  /** How many callers at once. */
  readonly callers: number;
  /** How long a fetch takes. */
  readonly fetch: number;
  /** What a fetch finds. */
  readonly value: string;
  readonly cacheTtl?: number;
  readonly leaseTtl?: number;
  /** The pause between two looks; it has followers look this often and no more. */
  readonly pause?: number;
  /** Whether callers of a process share a flight, as they do by default; otherwise each asks the backend for itself. */
  readonly coalesce?: boolean;
}

/** What came of it. */
export interface Outcome {
  /** When each fetch was begun, in milliseconds of a clock that all processes of the machine share. */
  readonly fetches: readonly number[];
  /** How many callers had which outcome. */
  readonly outcomes: Readonly<Record<string, number>>;
  /** The different values that there were. */
  readonly values: readonly string[];
  /** The different failures, in words. */
  readonly errors: readonly string[];
  /** When the last caller returned, by the same clock. */
  readonly returned: number;
}

/** One process that calls the library, or what is as good as one to the backend. */
export interface Player {
  /** Has it call; `fetching` resolves when it begins to fetch. */
  call(play: Play): { readonly fetching: Promise<void>; readonly outcome: Promise<Outcome> };
  /** Deletes an entry; rejects with the failure in words. */
  delete(key: string): Promise<void>;
  /** Reads an entry; rejects with the failure in words. */
  get(key: string): Promise<string | undefined>;
  /** Ends it where it stands: the backend hears no more of it. */
  kill(): void;
}

/** So long that it is never what ends a wait: a busy machine may take its time. */
const PATIENCE = 30_000;

/** How long no call may take: a wait, and some operations that aren't answered. */
const HANGING = 75_000;

/** The failure of calls that don't return. */
export const HANGS = `a call hangs for ${HANGING / 1000} s and more`;

async function hanging(): Promise<string[]> {
  await new Promise((resolve) => setTimeout(resolve, HANGING));
  return [HANGS];
}

/** Makes a player of a store in this process; other players may be of the same one. */
export function playerOver(store: Store<unknown>): Player {
  const { own, kill } = cutOff(store);
  const cache = Cache.make({ adapter: own, waitMax: PATIENCE, operationTimeout: 10_000 });
  // What a call fails with is in its outcome; the rest would fill the terminal.
  const hooks = { onError: () => Effect.void };
  return {
    call({ key, callers, fetch, value, pause, ...times }) {
      let begin!: () => void;
      const fetching = new Promise<void>((resolve) => begin = resolve);
      const fetches: number[] = [];
      const outcomes: Record<string, number> = {};
      const values = new Set<string>();
      const errors = new Set<string>();
      const fetcher = () =>
        Effect.suspend(() => {
          fetches.push(now());
          begin();
          return Effect.as(Effect.sleep(fetch), value);
        });
      const waits = pause === undefined ? {} : { waitStrategy: fixedWaitStrategy(pause) };
      const calling = Effect.match(cache.getOrSet(key, fetcher, { ...times, ...waits, hooks }), {
        onSuccess({ value, meta }) {
          outcomes[meta.cache] = (outcomes[meta.cache] ?? 0) + 1;
          values.add(String(value));
        },
        onFailure: (error) => void errors.add(wordsOf(error)),
      });
      const herd = Array.from({ length: callers }, () => Effect.runPromise(calling));
      const ended = Promise.all(herd).then(() => [...errors]);
      const outcome = Promise.race([ended, hanging()]).then((errors) => ({
        fetches,
        outcomes,
        values: [...values],
        errors,
        returned: now(),
      }));
      return { fetching, outcome };
    },
    delete: (key) => orWords(cache.delete(key)),
    async get(key) {
      const found = await orWords(cache.get(key));
      return found._tag === "Some" ? String(found.value) : undefined;
    },
    kill,
  };
}

/** A store of its own, with flights of its own, whose operations reach the backend no more once it is killed. */
function cutOff(
  store: Store<unknown>,
): { readonly own: Store<unknown>; readonly kill: () => void } {
  let killed = false;
  const own = new Proxy(store, {
    get(target, name) {
      const member = Reflect.get(target, name);
      if (typeof member !== "function" || !operations.has(name)) return member;
      return (...args: unknown[]) =>
        Effect.suspend(() =>
          killed ? Effect.never : Reflect.apply(member, target, args) as Effect.Effect<unknown>
        );
    },
  });
  return { own, kill: () => killed = true };
}

const operations: ReadonlySet<PropertyKey> = new Set(
  ["get", "set", "delete", "acquire", "renew", "fill", "release", "watch"],
);

/** A clock that all processes of the machine share. */
export function now(): number {
  return performance.timeOrigin + performance.now();
}

function orWords<A, E>(effect: Effect.Effect<A, E>): Promise<A> {
  return Effect.runPromise(Effect.mapError(effect, (error) => new Error(wordsOf(error))));
}

/** The failure and what caused it. */
function wordsOf(error: unknown): string {
  const causes: string[] = [];
  for (let at = error; at instanceof Error; at = at.cause) {
    const { message, errors } = at as AggregateError;
    const words = message || (errors ?? []).map(String).join(", ");
    if (words && !causes.some((cause) => cause.includes(words))) causes.push(words);
  }
  return causes.join(": ") || formatCacheLockingError(error);
}
