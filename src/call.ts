import type { Clock, Duration, Effect } from "effect";
import type { Hooks } from "./hooks.ts";
import type { GetOrSetResult } from "./outcome.ts";
import type { Store } from "./store.ts";
import type { WaitStrategy } from "./wait_strategy.ts";

/** What a fetcher is told. */
export interface FetchContext {
  /** The key of the call. */
  readonly key: string;
  /** Fires when the fetch is no longer wanted: its last caller has left. */
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
  readonly hooks: Hooks<unknown>;
}

/** One call: the settings, the key, and the caller's own fetcher. */
export interface Call {
  readonly settings: Settings;
  readonly key: string;
  readonly fetcher: (context: FetchContext) => Effect.Effect<unknown, unknown, unknown>;
}

/** A call that the entry did not answer, and what it went through so far. */
export interface Caller {
  readonly call: Call;
  /** The clock of the fiber that it runs in. */
  readonly clock: Clock.Clock;
  /** How many more failed fetches it may learn of. */
  tries: number;
  /** Whether it has its span. */
  traced?: boolean;
  /** When it began to wait for others, by the monotonic clock. */
  waitingSince?: number;
  /** When it was woken last. */
  wokenAt?: number;
  /** How long it waited in all, once its waiting ended without a value. */
  waited?: Duration.Duration;
  /** Until when the lease ran that it waited for. */
  leaseUntil?: number | undefined;
  /** How many failures its flight had learned of when it joined. */
  failuresBefore?: number;
  /** Wakes it in its flight. */
  resume?: (next: Effect.Effect<GetOrSetResult<unknown>, unknown>) => void;
  /** What the last fetch failed with that it waited for in this process. */
  lastFailure?: unknown;
}
