import type { FetchContext } from "../engine/call.ts";
import type { DurationInput } from "../model/duration.ts";
import type { Effect } from "../effect/effect.ts";
import type { Halves, LeasesHalf } from "../store/halves.ts";
import type { Hooks, NoHooks } from "../model/hooks.ts";
import type { Store } from "../store/store.ts";
import type { WaitStrategy } from "../model/wait_strategy.ts";

/** Fetches the value of a key that isn't cached. Its errors and requirements are in the call's own type. */
export type Fetcher<V, E = never, R = never> = (context: FetchContext) => Effect.Effect<V, E, R>;

/** The options of a call, and the defaults of a client. */
export interface CallOptions<V> {
  /**
   * For how long the value is stored: a duration, or a function of the value that returns one. Zero means: do not store.
   * Without expiry if it is left out.
   */
  readonly cacheTtl?: DurationInput | ((value: V) => DurationInput) | undefined;
  /**
   * How long a lease lives without its leader; 15 seconds by default. It is renewed every third of it while the fetcher
   * runs, for at most 20 times its length.
   */
  readonly leaseTtl?: DurationInput | undefined;
  /** The longest that a follower waits before it falls back; 4 seconds by default. */
  readonly waitMax?: DurationInput | undefined;
  /** The longest pause between two looks where the store has no push; 250 milliseconds by default. */
  readonly waitStep?: DurationInput | undefined;
  /** How long followers pause between two looks; by default jittered pauses that grow up to `waitStep`. */
  readonly waitStrategy?: WaitStrategy | undefined;
  /** Whether a value is stored; by default all are. */
  readonly shouldCache?: ((value: V) => boolean) | undefined;
  /**
   * How many times a failed fetch is tried again by another waiting caller; 1 by default. A caller that has waited for
   * one more failed fetch than this fails with `FETCHER_FAILED`.
   */
  readonly takeovers?: number | undefined;
  /** Stands before the random owner token of each lease, for people who read the backend. */
  readonly ownerId?: string | undefined;
  /** Aborting it fails the call with `ABORTED`. */
  readonly signal?: AbortSignal | undefined;
  /** Shares one flight per key in this process; on by default, but in Cloudflare Workers. */
  readonly coalesce?: boolean | undefined;
  /**
   * What a failed read or acquire does: `'fail'`, the default, fails the call; `'bypass'` fetches without the cache, once
   * per process.
   */
  readonly onCacheFailure?: "fail" | "bypass" | undefined;
  /** The longest that one operation of the backend may take before it counts as failed; 2 seconds by default. */
  readonly operationTimeout?: DurationInput | undefined;
  /**
   * Receives work that continues after its callers have left or have been answered, such as the release of a lease. For
   * hosts that end a request's work with its response: `(work) => context.waitUntil(work)` in a Cloudflare Worker. The
   * promise never rejects.
   */
  readonly waitUntil?: ((work: Promise<void>) => void) | undefined;
}

/** The caller's own hooks, whose errors and requirements are in the call's type. */
export interface HooksOptions<V, H = NoHooks> {
  /** What is run at the steps of the call. */
  readonly hooks?: (H & Hooks<V>) | undefined;
}

/** Where entries and leases are kept. `Config` is what the package's adapters are configured with. */
export interface AdapterOptions<Config> {
  /** A config, an adapter instance, or hand-written halves. */
  readonly adapter: Config | Store<unknown> | Halves<unknown>;
  /** Keeps the leases elsewhere than the adapter does, or for an adapter that keeps none. */
  readonly leases?: LeasesHalf | undefined;
}

/** The options of `Cache.getOrSet`. */
export interface GetOrSetOptions<V, E, R, H, Config>
  extends CallOptions<V>, HooksOptions<V, H>, AdapterOptions<Config> {
  /** The key: a non-empty string. */
  readonly key: string;
  /** Fetches the value if it isn't cached. */
  readonly fetcher: Fetcher<V, E, R>;
}
