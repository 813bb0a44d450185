import type { FetchContext } from "../model/fetch_context.ts";
import type { DurationInput } from "../model/duration.ts";
import type * as Effect from "effect/Effect";
import type { Halves, LeasesHalf } from "../store/halves.ts";
import type { Hooks, NoHooks } from "../model/hooks.ts";
import type { CommonOptions } from "./common_options.ts";
import type { Store } from "../store/store.ts";
import type { WaitStrategy } from "../model/wait_strategy.ts";

/**
 * Fetches the value of a key that isn't cached. Its errors and requirements are in the call's own type, but for a `Scope`:
 * each fetch has one of its own, which ends with it.
 */
export type Fetcher<V, E = never, R = never> = (context: FetchContext) => Effect.Effect<V, E, R>;

/** The options of a call, and the defaults of a client. */
export interface CallOptions<V> extends CommonOptions<V, DurationInput, WaitStrategy> {}

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
