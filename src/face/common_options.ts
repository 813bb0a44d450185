import type { Metrics } from "../model/metrics.ts";
import type { Codec } from "../store/codec.ts";

/**
 * The options that both faces have, for calls and as the defaults of a client. They differ in what a duration and a wait
 * strategy are, and in hooks.
 */
export interface CommonOptions<V, Duration, WaitStrategy> {
  /**
   * The lifetime of the entry: a duration, or a function of the value that returns one. Zero means: do not store. Entries
   * don't expire by default.
   */
  readonly cacheTtl?: Duration | ((value: V) => Duration) | undefined;
  /**
   * By which part of it chance may shorten the `cacheTtl` of each entry, from 0 to 1; 0 by default. So entries that were
   * stored together don't expire together. A `ttl` that `set` is given stays as it is.
   */
  readonly ttlJitter?: number | undefined;
  /**
   * For how long after the `cacheTtl` callers get the stale value at once, while one process of all refreshes it in the
   * background; not at all by default. It needs a backend that keeps stale entries: all do but hand-written halves.
   */
  readonly staleWhileRevalidate?: Duration | undefined;
  /**
   * For how long after the `cacheTtl` a caller gets the stale value instead of an error: when its fetch fails, or the cache
   * does, and when it has waited for `waitMax`; not at all by default. Nobody tries a failed fetch again at once.
   */
  readonly staleIfError?: Duration | undefined;
  /**
   * The longest time that a caller waits for a fresh value who may have a stale one by `staleIfError`; there is none by
   * default. Then it gets the stale value, and its fetch goes on in the background and is stored. It doesn't keep a process
   * alive by itself.
   */
  readonly softTimeout?: Duration | undefined;
  /**
   * For how long nobody in any process fetches a stale entry again after its fetch failed; 1 second by default. It doubles
   * with each failure in a row, to 30 seconds at most, and chance shortens or lengthens it by up to 20 %. Callers who can't
   * have the stale value don't heed it.
   */
  readonly errorBackoff?: Duration | undefined;
  /**
   * Refreshes an entry in the background before its time ends, while callers hit: not by default. A number between 0 and 1 is
   * the part of `cacheTtl` after which the first call does so; with `{ beta }` chance decides for each call, the more likely
   * the nearer the end is and the longer the last fetch took (XFetch), and a larger `beta` is earlier. One process of all
   * refreshes. It needs a `cacheTtl`, and a backend that says how fresh an entry is: all do but hand-written halves.
   */
  readonly refreshAhead?: number | { readonly beta: number } | undefined;
  /**
   * How long a lease outlives a leader that dies, where the backend can't tell that; 5 seconds by default. The leader renews it every third of it while the
   * fetcher runs: for 5 minutes, or 20 times its length if that is longer, and with `fetchTimeout` until the fetch ends.
   */
  readonly leaseTtl?: Duration | undefined;
  /** The longest time that a follower waits before it falls back; 10 seconds by default. */
  readonly waitMax?: Duration | undefined;
  /**
   * The longest time that a fetch may run; there is none by default. Then it has failed: its signal fires, it is
   * interrupted, and its callers are answered at once, as after any failed fetch. One that goes on all the same is left to
   * itself, and its value is dropped.
   */
  readonly fetchTimeout?: Duration | undefined;
  /**
   * What becomes of a fetch whose last caller has left: `'interrupt'`, the default, or `'finish'`. Then one under a lease
   * goes on in the background, with its lease renewed, and its value is stored; later callers join it. If it fails,
   * `onError` is told. It doesn't keep a process alive by itself.
   */
  readonly abandonedFetch?: "interrupt" | "finish" | undefined;
  /** The longest pause between two looks where the store has no push; 250 milliseconds by default. */
  readonly waitStep?: Duration | undefined;
  /**
   * How values become text or bytes; the adapter's by default, which is JSON where it has no other. For adapters that keep
   * values as they are, as memory does, it means nothing. Calls with different codecs don't share a flight.
   */
  readonly codec?: Codec | undefined;
  /**
   * Whether each caller has a copy of its own; off by default: callers of one moment share one value, and in memory all do.
   * A value that can't be copied is shared.
   */
  readonly copy?: boolean | undefined;
  /** How long followers pause between two looks; by default jittered pauses that grow up to `waitStep`. */
  readonly waitStrategy?: WaitStrategy | undefined;
  /** Whether to store a value; by default all are stored. */
  readonly shouldCache?: ((value: V) => boolean) | undefined;
  /**
   * How many times waiting callers try a failed fetch again; 1 by default. A caller that has waited for one more failed
   * fetch than this fails with `FETCHER_FAILED`.
   */
  readonly takeovers?: number | undefined;
  /** A prefix of the random owner token of each lease, for people who read the backend. */
  readonly ownerId?: string | undefined;
  /** Aborting it fails the call: with `ABORTED`, and in promises with the signal's own reason. */
  readonly signal?: AbortSignal | undefined;
  /** Whether the callers of a key in this process share one flight; on by default, off in Cloudflare Workers. */
  readonly coalesce?: boolean | undefined;
  /**
   * The reaction to a failed read or acquire; 'fail' by default, which fails the call. `'bypass'` fetches without the
   * cache, once per process.
   */
  readonly onCacheFailure?: "fail" | "bypass" | undefined;
  /** The longest time that one operation of the backend may take before it counts as failed; 2 seconds by default. */
  readonly operationTimeout?: Duration | undefined;
  /**
   * Receives work that continues after its callers have left or have been answered, such as the release of a lease. For
   * hosts that end a request's work with its response: `(work) => context.waitUntil(work)` in a Cloudflare Worker. The
   * promise never rejects.
   */
  readonly waitUntil?: ((work: Promise<void>) => void) | undefined;
}

/** How failures become text or bytes, and back. */
export interface FailureCodec<F> {
  /** Turns a failure into text or bytes of at most 8 kB; throws for one that isn't to be shared. */
  encode(failure: F): string | Uint8Array;
  /** Turns the bytes into the failure. */
  decode(bytes: Uint8Array): F;
}

/** How the failures of fetches are shared by all processes. */
export interface FailuresOptions<F, Duration = unknown> {
  /**
   * What failures are: a caller fails with what `decode` returns. One that `encode` throws for, or whose bytes `decode` throws
   * for, or that is longer than 8 kB, isn't shared. Keep it in a constant.
   */
  readonly codec: FailureCodec<F>;
  /**
   * For how long nobody in any process fetches after a failure; 1 second by default. It doubles with each in a row, to 30
   * seconds at most, and chance shortens or lengthens it by up to 20 %.
   */
  readonly ttl?: Duration | undefined;
  /** Whether to share a failure; all but defects and interruptions are by default. */
  when?(failure: F): boolean;
}

/** Which entries a process keeps in its memory in front of the backend, and for how long. */
export interface L1Options<Duration = unknown> {
  /**
   * How old an entry may be that is served from here, since it was read. By default 1 second, or 1 minute while the adapter is
   * told of changes, as those of Redis, Postgres and MongoDB can be, in a cluster of Redis 5 seconds. While one that can be
   * isn't, 1 second at most. An entry is never served beyond its own time, nor while it is stale.
   */
  readonly ttl?: Duration | undefined;
  /** The largest number of entries; 10,000 by default. */
  readonly maxEntries?: number | undefined;
  /** What their values may weigh together, in bytes as the backend has them; 64 MiB by default. */
  readonly maxBytes?: number | undefined;
  /**
   * Whether each hit has a value of its own, which is decoded for it; off by default: all hits share one, as in memory. A codec
   * whose `decode` returns a promise keeps nothing here then.
   */
  readonly copy?: boolean | undefined;
  /**
   * Whether the server itself tells which keys were changed, by whoever: by hand, by another program, by eviction or a flush, too.
   * Off by default: this library tells. Redis can, on one server or behind Sentinel; for other
   * backends it means nothing.
   */
  readonly tracking?: boolean | undefined;
}

/** The options of a client alone, on both faces. `F` is the type of the failures that it shares. */
export interface ClientOptions<F = unknown, Duration = unknown> {
  /**
   * Has every process know of a failed fetch: for a while nobody fetches the key again, and callers fail with that very
   * failure, unless they may have a stale value. Off by default.
   */
  readonly failures?: FailuresOptions<F, Duration> | undefined;
  /**
   * Keeps entries that were read in this process, in front of the backend: a hit there costs no round trip. It may be as old as
   * its `ttl`: what another process changes is seen then, or at once where changes are told. What this process changes is seen
   * at once. Clients of one adapter that want the same of it share it. Off by default. For adapters in this process, as memory,
   * it means nothing; hand-written halves have none.
   */
  readonly l1?: boolean | L1Options<Duration> | undefined;
  /** What the client is called in spans, logs, metrics and `stats()`: a text that isn't empty. */
  readonly name?: string | undefined;
  /** Makes numbers of what the client does; `cache-locking/metrics` has two, for Effect and for OpenTelemetry. */
  readonly metrics?: Metrics | undefined;
}
