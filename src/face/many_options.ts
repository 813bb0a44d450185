import type { CacheLockingError } from "../model/errors.ts";
import type * as Effect from "effect/Effect";
import type * as Exit from "effect/Exit";
import type { DurationInput } from "../model/duration.ts";
import type { BatchContext, CommonManyOptions, FetchedBatch } from "./common_many_options.ts";
import type { CallOptions, HooksOptions } from "./options.ts";
import type { GetOrSetResult } from "../model/outcome.ts";

/**
 * Fetches the values of keys that aren't cached. A key that has none fails, unless the option `absent` has a value for it.
 * What it finds for other keys is dropped.
 */
export type BatchFetcher<K, V, E = never, R = never> = (
  context: BatchContext<K>,
) => Effect.Effect<FetchedBatch<K, V>, E, R>;

/** The options of `getOrSetMany` and `getOrSetAll`. */
export interface ManyOptions<V, H>
  extends CallOptions<V>, HooksOptions<V, H>, CommonManyOptions<V, DurationInput> {}

/** How the calls for many keys ended, in the order of the keys: each has its value, or its own failure. */
export type ManyResults<K, V, E> = ReadonlyMap<
  K,
  Exit.Exit<GetOrSetResult<V>, E | CacheLockingError>
>;
