import { describe } from "../model/describe.ts";
import * as Clock from "effect/Clock";
import * as Effect from "effect/Effect";
import type * as Scope from "effect/Scope";
import { AdapterError, type AdapterOperation } from "../model/errors.ts";
import { typed } from "./typed.ts";
import {
  type Acquired,
  type AcquireOptions,
  type Entry,
  type Failure,
  isFresh,
  type LeaseOutcome,
  type Store,
  type Watch,
} from "./store.ts";

/**
 * The hand-written half that keeps entries. `null` is the miss, in this layer only. Times to live are milliseconds.
 */
export interface CacheHalf<V = unknown> {
  /** The backend's name, for errors, spans and logs; `'custom'` by default. */
  readonly name?: string | undefined;
  /** Reads the value; `null` if there is none or it has expired. */
  get(key: string): Effect.Effect<V | null, unknown>;
  /** Stores the value for `ttl`, or without expiry if `ttl` is left out. */
  set(key: string, value: V, ttl?: number): Effect.Effect<unknown, unknown>;
  /** Removes the value; without it, the client's `delete` fails. */
  delete?(key: string): Effect.Effect<unknown, unknown>;
}

/** The answer of a hand-written {@linkcode LeasesHalf.acquire}. */
export interface LeaseAnswer {
  /** `'leader'` if the owner now holds the lease, `'follower'` if another does. */
  readonly role: "leader" | "follower";
  /** When the lease expires: epoch milliseconds. */
  readonly leaseUntil: number;
  /** The name of this lease, for `waitedFor`. */
  readonly lease?: string | undefined;
  /** Whether it can be told that its owner is gone. */
  readonly watched?: boolean | undefined;
  /** How the awaited lease ended, if that is known. */
  readonly after?: "failed" | "uncached" | undefined;
  /** What stood in the place of the lease, was none, and is replaced: to be reported. */
  readonly replaced?: AdapterError | undefined;
  /** How many fetches have failed in a row, if that is known. */
  readonly failures?: number | undefined;
  /** For how much longer nobody is to fetch, in milliseconds, for a follower of nobody that backs off. */
  readonly quietFor?: number | undefined;
  /** What the failure tells: its `payload`. */
  readonly payload?: string | undefined;
}

/** The answer of {@linkcode LeasesHalf.isReady}. */
export interface ReadyAnswer {
  /** Whether the leader said that it is done. */
  readonly ready: boolean;
  /** Whether its lease has expired. */
  readonly expired?: boolean | undefined;
}

/**
 * The hand-written half that keeps leases. It needs `acquire` and `release`; all other methods make it better. Times to live
 * are milliseconds.
 */
export interface LeasesHalf {
  /**
   * Takes the lease for `ttl` if there is no live one. An owner that holds it already is the leader again. With `backOff`, a
   * half that remembers a release's `failure` answers `'follower'` and `quietFor` while that lasts.
   */
  acquire(
    key: string,
    owner: string,
    ttl: number,
    waitedFor?: string,
    options?: { readonly backOff?: boolean | undefined },
  ): Effect.Effect<LeaseAnswer, unknown>;
  /** Ends the owner's lease, and does nothing if another holds it. `outcome` is undefined after a fill. */
  release(
    key: string,
    owner: string,
    outcome?: LeaseOutcome,
    failure?: Failure,
  ): Effect.Effect<unknown, unknown>;
  /** Extends the owner's lease to `ttl` from now; false if it is lost. Without it, a lease ends after its first `ttl`. */
  renew?(key: string, owner: string, ttl: number): Effect.Effect<boolean, unknown>;
  /** Marks that the leader is done, with or without a value. The next lease must begin without this mark. */
  markReady?(key: string): Effect.Effect<unknown, unknown>;
  /** Whether the leader of the awaited lease is done. */
  isReady?(key: string): Effect.Effect<ReadyAnswer, unknown>;
  /** As {@linkcode Store.watch}: wakes followers by push. */
  watch?(key: string): Effect.Effect<Watch | undefined, AdapterError, Scope.Scope>;
  /** As {@linkcode Store.announce}: has it known whether the owner is still there. */
  announce?(key: string, owner: string): () => void;
  /** See {@linkcode Store.closeIdle}. */
  closeIdle?(): void;
}

/** A hand-written adapter: one half keeps entries, one keeps leases. */
export interface Halves<V = unknown> {
  /** Keeps the entries. */
  readonly cache: CacheHalf<V>;
  /** Keeps the leases; without it, the option `leases` is needed. */
  readonly leases?: LeasesHalf | undefined;
}

/** The part that keeps entries: a whole store, or a hand-written half. */
export type Entries<V> = Pick<
  Store<V>,
  "name" | "copy" | "get" | "set" | "expire" | "delete" | "closeIdle" | "peek" | "tier" | "forget"
>;

/** The entries of a hand-written half, which has no clock to ask: nothing in it is ever stale, and what expires is gone. */
export function entriesOfHalf<V>(cache: CacheHalf<V>): Entries<V> {
  const remove = (operation: "expire" | "delete") => (key: string) =>
    cache.delete ? Effect.asVoid(typed(operation, key, () => cache.delete!(key))) : Effect.fail(
      new AdapterError(operation, key, undefined, {
        reason: "this cache half has no `delete`; add one",
      }),
    );
  return {
    name: cache.name ?? "custom",
    get: (key) =>
      Effect.map(
        typed("get", key, () => cache.get(key)),
        (value) => value === null ? undefined : { value },
      ),
    set: (key, value, { freshFor } = {}) =>
      Effect.asVoid(typed("set", key, () => cache.set(key, value, freshFor))),
    expire: remove("expire"),
    delete: remove("delete"),
  };
}

/**
 * Makes a store of separate entries and leases.
 *
 * Two backends have no atomic step in common, so three guarantees are weaker. After winning, a second step reads the entry
 * again. Fills aren't fenced: a leader that lost its lease since its last renewal can overwrite a newer value. And `delete`,
 * `expire` and `set` don't revoke the lease.
 */
export function storeOfHalves<V>(entries: Entries<V>, leases: LeasesHalf): Store<V> {
  const release = (key: string, owner: string, outcome?: LeaseOutcome, failure?: Failure) =>
    Effect.asVoid(typed("release", key, () => leases.release(key, owner, outcome, failure)));
  const markReady = (key: string) =>
    leases.markReady ? typed("ready", key, () => leases.markReady!(key)) : Effect.void;
  const isReady = (key: string) =>
    leases.isReady
      ? Effect.map(
        checked("ready", key, () => leases.isReady!(key), {
          must: "{ ready: true | false }",
          is: (answer) => typeof answer?.ready === "boolean",
        }),
        (answer) => answer.ready,
      )
      : Effect.succeed(false);
  const look = (
    key: string,
    ttl: number,
    freshBelow: number,
    answer: LeaseAnswer,
  ): Effect.Effect<Acquired<V>, AdapterError> =>
    Effect.gen(function* () {
      const entry = yield* ignoreCorrupt(entries.get(key, freshBelow > 0));
      const isHit = entry !== undefined && isFresh(entry, freshBelow);
      if (isHit) return { _tag: "Hit", entry }; // mutate: entry after winning
      if (answer.after === "uncached") return { _tag: "Ended", outcome: "uncached" };
      const until = answer.leaseUntil - (yield* Clock.currentTimeMillis);
      // Whoever keeps the leases may have another clock; what it says is that there is a lease.
      const remaining = until > 0 ? until : ttl;
      const { after, replaced, failures } = answer;
      if (answer.role === "leader") {
        return { _tag: "Leader", remaining, after, replaced, entry, failures };
      }
      if (answer.quietFor !== undefined) {
        const { quietFor: remaining, payload } = answer;
        return { _tag: "Failed", remaining, failures: failures ?? 0, payload, entry };
      }
      const lease = answer.lease ?? String(answer.leaseUntil);
      return { _tag: "Follower", remaining, lease, after, entry, watched: answer.watched };
    });
  const acquire = (key: string, owner: string, ttl: number, options: AcquireOptions) =>
    checked("acquire", key, () => leases.acquire(key, owner, ttl, options.waitedFor, options), {
      must: "{ role: 'leader' | 'follower', leaseUntil: epoch milliseconds }",
      is: (answer) =>
        (answer?.role === "leader" || answer?.role === "follower") && answer.leaseUntil >= 0,
    });

  return {
    name: entries.name,
    ...(entries.copy && { copy: (value: V) => entries.copy!(value) }),
    ...(entries.tier && { tier: entries.tier, peek: entries.peek!, forget: entries.forget! }),
    get: entries.get,
    set: entries.set,
    expire: entries.expire,
    delete: entries.delete,
    acquire: (key, owner, ttl, options = {}) =>
      Effect.gen(function* () {
        // Asked before: the next lease, which this acquire may begin, has no mark.
        const { waitedFor, freshBelow = 0 } = options;
        if (waitedFor !== undefined && (yield* isReady(key))) {
          return yield* look(key, ttl, freshBelow, {
            role: "follower",
            leaseUntil: 0,
            after: "uncached",
          });
        }
        const answer = yield* acquire(key, owner, ttl, options);
        const acquired = yield* look(key, ttl, freshBelow, answer);
        // The lease was won for nothing if the entry is there.
        if (answer.role === "leader" && acquired._tag !== "Leader") {
          yield* release(key, owner, "cancelled");
        }
        return acquired;
      }),
    renew: (key, owner, ttl) =>
      leases.renew
        ? checked("renew", key, () => leases.renew!(key, owner, ttl), {
          must: "true or false",
          is: (held) => typeof held === "boolean",
        })
        : Effect.succeed(true),
    fill: (key, owner, value, lifetime) =>
      Effect.gen(function* () {
        yield* entries.set(key, value, lifetime);
        yield* markReady(key);
        yield* release(key, owner);
        return true;
      }),
    release: (key, owner, outcome, failure) => {
      const released = release(key, owner, outcome, failure);
      return outcome !== "uncached" ? released : Effect.matchEffect(markReady(key), {
        onSuccess: () => released,
        onFailure: (error) => Effect.flatMap(released, () => Effect.fail(error)),
      });
    },
    ...(leases.watch ? { watch: (key: string) => leases.watch!(key) } : {}),
    ...(leases.announce
      ? { announce: (key: string, owner: string) => leases.announce!(key, owner) }
      : {}),
    closeIdle() {
      entries.closeIdle?.();
      leases.closeIdle?.();
    },
  };
}

/** Asks a leases half; what is no answer is a failure. */
function checked<A>(
  operation: AdapterOperation,
  key: string,
  ask: () => Effect.Effect<A, unknown>,
  { must, is }: { readonly must: string; readonly is: (answer: A) => boolean },
): Effect.Effect<A, AdapterError> {
  return Effect.flatMap(typed(operation, key, ask), (answer) => {
    if (is(answer)) return Effect.succeed(answer);
    const reason = `the leases half must answer ${must}, and answered ${describe(answer)}`;
    return Effect.fail(new AdapterError(operation, key, undefined, { reason }));
  });
}

/** A read that takes an entry that can't be decoded for a miss. */
function ignoreCorrupt<V>(
  read: Effect.Effect<Entry<V> | undefined, AdapterError>,
): Effect.Effect<Entry<V> | undefined, AdapterError> {
  return Effect.matchEffect(read, {
    onSuccess: Effect.succeed,
    onFailure: (error) => error.corrupt ? Effect.succeed(undefined) : Effect.fail(error),
  });
}
