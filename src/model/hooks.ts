import type { Duration, Effect } from "../effect/effect.ts";
import type { CacheLockingError } from "./errors.ts";

/** What a hook returns: any Effect. Its errors and requirements are in the call's own type. */
export type HookEffect = Effect.Effect<unknown, unknown, unknown>;

/** What every hook receives. */
export interface HookContext {
  /** The key of the call. */
  readonly key: string;
}

/** What `onLeader` receives. */
export interface LeaderHookContext extends HookContext {
  /** When the lease would have expired: epoch milliseconds. */
  readonly leaseUntil: number;
  /** Whether the value is stored. */
  readonly cached: boolean;
}

/** What `onFallback` receives. */
export interface FallbackHookContext extends HookContext {
  /** When the lease that the caller waited for would have expired: epoch milliseconds; 0 if none is known. */
  readonly leaseUntil: number;
  /** How long the caller waited. */
  readonly waited: Duration.Duration;
}

/** What `onFollowerWait` receives. */
export interface FollowerWaitHookContext extends FallbackHookContext {
  /** How the waiting ended. */
  readonly outcome: "HIT" | "FALLBACK";
}

/**
 * What a caller may run at the steps of its own call. A caller's hooks run by its own outcome, in its own fiber, before
 * its result; a hook that fails fails the call with the hook's error.
 */
export interface Hooks<V> {
  /** The entry was there. */
  readonly onHit?: ((value: V, context: HookContext) => HookEffect) | undefined;
  /** This caller led. */
  readonly onLeader?: ((value: V, context: LeaderHookContext) => HookEffect) | undefined;
  /** This caller waited for a leader, and its wait has ended. */
  readonly onFollowerWait?: ((context: FollowerWaitHookContext) => HookEffect) | undefined;
  /** This caller has the value of a fallback fetch. */
  readonly onFallback?: ((value: V, context: FallbackHookContext) => HookEffect) | undefined;
  /**
   * Something failed without failing the call: a fill, a release, a renewal, a watch, an entry that can't be decoded.
   * Without this hook it is logged as a warning. It runs in the fiber of the flight, so it may run after its caller left.
   */
  readonly onError?: ((error: CacheLockingError, context: HookContext) => HookEffect) | undefined;
}

/** No hooks. */
export type NoHooks = Record<never, never>;

/** What the hooks of a call return. */
export type HookResult<H> = {
  [Name in keyof H]: H[Name] extends infer F
    ? F extends (...args: never[]) => infer Result ? Result : never
    : never;
}[keyof H];

/** What the hooks of a call can fail with. */
export type HooksError<H> = HookResult<H> extends infer Result
  ? Result extends Effect.Effect<unknown, infer E, unknown> ? E : never
  : never;

/** What the hooks of a call require. */
export type HooksServices<H> = HookResult<H> extends infer Result
  ? Result extends Effect.Effect<unknown, unknown, infer R> ? R : never
  : never;
