import type * as Duration from "effect/Duration";
import type * as Effect from "effect/Effect";
import type { CacheLockingError } from "./errors.ts";
import type { CacheMeta } from "./outcome.ts";

/** The result of a hook: any Effect. Its errors and requirements are in the call's own type. */
export type HookEffect = Effect.Effect<unknown, unknown, unknown>;

/** The context of every hook. */
export interface HookContext {
  /** The key of the call. */
  readonly key: string;
}

/** The context of `onLeader`. */
export interface LeaderHookContext extends HookContext {
  /** The end of the lease, as it was last known: epoch milliseconds. */
  readonly leaseUntil: number;
  /** Whether the value is stored. */
  readonly cached: boolean;
}

/** The context of `onFallback`. */
export interface FallbackHookContext extends HookContext {
  /** The end of the lease that the caller waited for, as it was last known: epoch milliseconds; 0 if none is known. */
  readonly leaseUntil: number;
  /** How long the caller waited. */
  readonly waited: Duration.Duration;
}

/** The context of `onFollowerWait`. */
export interface FollowerWaitHookContext extends FallbackHookContext {
  /** How the wait ended. */
  readonly outcome: "HIT" | "FALLBACK";
}

/** The context of `onStale`. */
export interface StaleHookContext extends HookContext {
  /** For how long the value has been stale. */
  readonly staleFor: Duration.Duration;
  /**
   * `'refreshing'`: it is refreshed, or was tried to lately; `'slow'`: this caller has waited for `softTimeout` or
   * `waitMax`; `'failed'`: its fetch or the cache has failed, or a fetch has failed lately.
   */
  readonly reason: "refreshing" | "slow" | "failed";
  /** What has failed, if that is known here. */
  readonly error?: unknown;
}

/**
 * Functions that a caller may run at the steps of its own call. A caller's hooks run by its own outcome, in its own fiber,
 * before its result. A hook that fails fails the call with the hook's error.
 */
export interface Hooks<V> {
  /** The entry was in the cache. */
  readonly onHit?: ((value: V, context: HookContext) => HookEffect) | undefined;
  /** This caller fetched. */
  readonly onLeader?: ((value: V, context: LeaderHookContext) => HookEffect) | undefined;
  /** This caller waited for a leader, and its wait has ended. */
  readonly onFollowerWait?: ((context: FollowerWaitHookContext) => HookEffect) | undefined;
  /** This caller got the value of a fallback fetch. */
  readonly onFallback?: ((value: V, context: FallbackHookContext) => HookEffect) | undefined;
  /** This caller got the value of a fetch in place of a cache that has failed. */
  readonly onBypass?: ((value: V, context: HookContext) => HookEffect) | undefined;
  /** This caller got a stale value. */
  readonly onStale?: ((value: V, context: StaleHookContext) => HookEffect) | undefined;
  /** How this caller got its value, whatever the outcome; after the outcome's own hook. */
  readonly onOutcome?: ((meta: CacheMeta, context: HookContext) => HookEffect) | undefined;
  /**
   * A failure that does not fail the call: of a fill, a release, a renewal or a watch, an entry that can't be decoded, or a
   * fill that is refused, as its lease has expired or the key was set or deleted.
   * Without this hook, the error is logged as a warning. It runs in the fiber of the flight, so it may run after its caller
   * has left.
   */
  readonly onError?: ((error: CacheLockingError, context: HookContext) => HookEffect) | undefined;
}

/** What a caller has that has no hooks. */
export const noHooks: Hooks<unknown> = {};

/** No hooks. */
export type NoHooks = Record<never, never>;

/** The results of a call's hooks. */
export type HookResult<H> = {
  [Name in keyof H]: H[Name] extends infer F
    ? F extends (...args: never[]) => infer Result ? Result : never
    : never;
}[keyof H];

/** The errors of a call's hooks. */
export type HooksError<H> = HookResult<H> extends infer Result
  ? Result extends Effect.Effect<unknown, infer E, unknown> ? E : never
  : never;

/** The requirements of a call's hooks. */
export type HooksServices<H> = HookResult<H> extends infer Result
  ? Result extends Effect.Effect<unknown, unknown, infer R> ? R : never
  : never;
