import type { Clock, Effect } from "./effect.ts";
import type { Cohort, Flight } from "./flight.ts";
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

/** A call that the entry did not answer, and what it went through so far. */
export interface Caller {
  readonly call: Call;
  /** The clock of the fiber that it runs in. */
  readonly clock: Clock.Clock;
  /** How many more failed fetches it may learn of. */
  tries: number;
  /** Whether it has its span. */
  traced: boolean;
  /** When it began to wait for others, in whole milliseconds of the monotonic clock. */
  waitingSince: number | undefined;
  /** How long it waited in all, in whole milliseconds, once it fetches for itself: it leads or falls back. */
  waited?: number | undefined;
  /** Until when the lease ran that it waited for. */
  leaseUntil: number | undefined;
  /** What the last fetch failed with that it waited for in this process. */
  lastFailure?: unknown;
  /** The flight that it opened last and hasn't left. */
  opened?: Flight | undefined;
  /** Its last cohort, and its place there. */
  cohort: Cohort | undefined;
  place: number;
  /** Wakes it in its flight. */
  resume: Resume | undefined;
}

/** Has a caller that waits go on. */
export type Resume = (next: Effect.Effect<GetOrSetResult<unknown>, unknown>) => void;

/** A caller that has gone through nothing yet. */
export function newCaller(call: Call, clock: Clock.Clock): Caller {
  return {
    call,
    clock,
    tries: call.settings.tries,
    traced: false,
    waitingSince: undefined,
    leaseUntil: undefined,
    cohort: undefined,
    place: 0,
    resume: undefined,
  };
}
