import type { FetchContext } from "../engine/call.ts";
import type { DurationInput } from "../model/duration.ts";
import type { Effect } from "../effect/effect.ts";
import type { Halves, LeasesHalf } from "../store/halves.ts";
import type { Hooks, NoHooks } from "../model/hooks.ts";
import type { Codec } from "../store/codec.ts";
import type { Store } from "../store/store.ts";
import type { WaitStrategy } from "../model/wait_strategy.ts";

/** Fetches the value of a key that isn't cached. Its errors and requirements are in the call's own type. */
export type Fetcher<V, E = never, R = never> = (context: FetchContext) => Effect.Effect<V, E, R>;

/** The options of a call, and the defaults of a client. */
export interface CallOptions<V> {
  /**
   * The lifetime of the entry: a duration, or a function of the value that returns one. Zero means: do not store. Entries
   * don't expire by default.
   */
  readonly cacheTtl?: DurationInput | ((value: V) => DurationInput) | undefined;
  /**
   * How long a lease outlives a leader that dies; 5 seconds by default. The leader renews it every third of it while the
   * fetcher runs: for 5 minutes, or 20 times its length if that is longer.
   */
  readonly leaseTtl?: DurationInput | undefined;
  /** The longest time that a follower waits before it falls back; 10 seconds by default. */
  readonly waitMax?: DurationInput | undefined;
  /** The longest pause between two looks where the store has no push; 250 milliseconds by default. */
  readonly waitStep?: DurationInput | undefined;
  /**
   * How values become text or bytes; the adapter's by default, which is JSON where it has no other. For adapters that keep
   * values as they are, as memory does, it means nothing. Calls with different codecs don't share a flight.
   */
  readonly codec?: Codec | undefined;
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
  /** Aborting it fails the call with `ABORTED`. */
  readonly signal?: AbortSignal | undefined;
  /** Whether the callers of a key in this process share one flight; on by default, off in Cloudflare Workers. */
  readonly coalesce?: boolean | undefined;
  /**
   * The reaction to a failed read or acquire; 'fail' by default, which fails the call. `'bypass'` fetches without the
   * cache, once per process.
   */
  readonly onCacheFailure?: "fail" | "bypass" | undefined;
  /** The longest time that one operation of the backend may take before it counts as failed; 2 seconds by default. */
  readonly operationTimeout?: DurationInput | undefined;
  /**
   * Receives work that continues after its callers have left or have been answered, such as the release of a lease. For
   * hosts that end a request's work with its response: `(work) => context.waitUntil(work)` in a Cloudflare Worker. The
   * promise never rejects.
   */
  readonly waitUntil?: ((work: Promise<void>) => void) | undefined;
}

/** The caller's own hooks. Their errors and requirements are in the call's type. */
export interface HooksOptions<V, H = NoHooks> {
  /** Functions that run at the steps of the call. */
  readonly hooks?: (H & Hooks<V>) | undefined;
}

/** The places of entries and leases. `Config` is the type of the package's adapter configs. */
export interface AdapterOptions<Config> {
  /** A config, an adapter instance, or hand-written halves. */
  readonly adapter: Config | Store<unknown> | Halves<unknown>;
  /** Keeps the leases in another backend, or for an adapter that keeps none. */
  readonly leases?: LeasesHalf | undefined;
}

/** The options of `Cache.getOrSet`. */
export interface GetOrSetOptions<V, E, R, H, Config>
  extends CallOptions<V>, HooksOptions<V, H>, AdapterOptions<Config> {
  /** The key: a non-empty string of at most 64 kB in UTF-8. */
  readonly key: string;
  /** Fetches the value if it isn't cached. */
  readonly fetcher: Fetcher<V, E, R>;
}
