import type { Effect } from "../effect/effect.ts";
import type { Hooks } from "../model/hooks.ts";
import type { Store } from "../store/store.ts";
import type { WaitStrategy } from "../model/wait_strategy.ts";

/** The context of a fetcher. */
export interface FetchContext {
  /** The key of the call. */
  readonly key: string;
  /** Fires when the last caller of the fetch has left, and no caller needs the value any more. */
  readonly signal: AbortSignal;
}

/** The options of a call, validated, resolved and in milliseconds. */
export interface Settings {
  readonly store: Store<unknown>;
  readonly cacheTtl: number | undefined | ((value: unknown) => unknown);
  readonly leaseTtl: number;
  readonly waitMax: number;
  readonly waitStep: number;
  readonly waitStrategy: WaitStrategy;
  readonly shouldCache: ((value: unknown) => boolean) | undefined;
  /** How many failed fetches a waiting caller learns of before it fails: one more than the option `takeovers`. */
  readonly tries: number;
  readonly ownerId: string | undefined;
  readonly signal: AbortSignal | undefined;
  readonly coalesce: boolean;
  readonly bypass: boolean;
  readonly operationTimeout: number;
  readonly waitUntil: ((work: Promise<void>) => void) | undefined;
  readonly hooks: Hooks<unknown>;
}

/** A key, and the settings that it is used with. */
export interface Keyed {
  readonly settings: Settings;
  readonly key: string;
}

/** One call: the settings, the key, and the caller's own fetcher. */
export interface Call extends Keyed {
  readonly fetcher: (context: FetchContext) => Effect.Effect<unknown, unknown, unknown>;
}
