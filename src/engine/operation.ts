import { type Start, startOf } from "../store/attempt.ts";
import type { Keyed } from "./call.ts";
import { callback } from "../effect/callback.ts";
import { deadline } from "../effect/deadline.ts";
import { Cause, type Clock, Effect } from "../effect/effect.ts";
import {
  AdapterError,
  type AdapterOperation,
  type CacheLockingError,
  cacheLockingError,
  type CacheLockingErrorTag,
  isCacheLockingError,
} from "../model/errors.ts";
import { interruptNoWait, type Spawn, spawner } from "../effect/fork.ts";
import type { Store } from "../store/store.ts";
import { begin } from "../store/typed.ts";

type Operations = Required<Omit<Store<unknown>, "name" | "peek" | "withCodec">>;
type Operation = (...args: unknown[]) => Effect.Effect<unknown, AdapterError>;
type Rest<O extends keyof Operations> = Parameters<Operations[O]> extends
  [key: string, ...rest: infer Rest] ? Rest : never;

/**
 * Runs one operation of the call's store on its key, for at most `operationTimeout`; then it counts as failed and is given
 * up. `rest` is what the operation takes after the key.
 *
 * Where the caller can't be interrupted, the operation can't be either, but by its timeout. What an adapter throws is an
 * `AdapterError` as well.
 */
export function operate<O extends keyof Operations>(
  keyed: Keyed,
  operation: O,
  ...rest: Rest<O>
): ReturnType<Operations[O]> {
  const { key, settings: { store } } = keyed;
  const run = () => (store[operation] as Operation)(key, ...rest);
  // A store in this process answers at once.
  const answer = store.peek !== undefined
    ? begin(operation, key, run)
    : Effect.clockWith((clock) => {
      const effect = begin(operation, key, run);
      const start = startOf(effect);
      return start !== undefined ? bounded(clock, keyed, operation, start) : Effect.flatMap(
        spawner,
        (spawn) => bounded(clock, keyed, operation, inFiber(spawn, effect)),
      );
    });
  return answer as ReturnType<Operations[O]>;
}

/** Waits for an operation, for at most `operationTimeout`. */
function bounded<A>(
  clock: Clock.Clock,
  keyed: Keyed,
  operation: AdapterOperation,
  start: Start<A>,
): Effect.Effect<A, AdapterError> {
  return callback((resume) => {
    let waiting = true;
    let tooLate = false;
    let cancelDeadline: (() => boolean) | undefined;
    const end = (result: Effect.Effect<A, AdapterError>) => {
      if (!waiting) return;
      waiting = false;
      cancelDeadline?.();
      resume(tooLate ? Effect.fail(late(keyed, operation)) : result);
    };
    const leave = start(
      (value) => end(Effect.succeed(value)),
      (error) => end(Effect.fail(error)),
    );
    // What has answered at once needs no deadline.
    if (!waiting) return;
    const { operationTimeout } = keyed.settings;
    cancelDeadline = deadline(clock, operationTimeout, () => { // mutate: timeout
      tooLate = true;
      // It may clean up, but what hangs where it can't be interrupted isn't waited for.
      cancelDeadline = deadline(clock, 0, () => end(Effect.fail(late(keyed, operation))));
      leave();
    });
    return Effect.sync(() => {
      waiting = false;
      cancelDeadline?.();
      leave();
    });
  });
}

/** Starts an operation that is more than one promise or step in a fiber of its own. */
function inFiber<A>(spawn: Spawn, effect: Effect.Effect<A, AdapterError, unknown>): Start<A> {
  return (done, failed) => {
    const fiber = spawn(effect);
    fiber.addObserver((exit) =>
      exit._tag === "Success" ? done(exit.value) : failed(Cause.squash(exit.cause) as AdapterError)
    );
    return () => interruptNoWait(fiber);
  };
}

function late({ key, settings }: Keyed, operation: AdapterOperation): AdapterError {
  const { store, operationTimeout } = settings;
  return new AdapterError(operation, key, undefined, {
    reason: `${store.name} did not answer within ${operationTimeout} ms`,
  });
}

const tagOf = {
  get: "CACHE_GET_FAILED",
  set: "CACHE_SET_FAILED",
  delete: "CACHE_SET_FAILED",
  fill: "CACHE_SET_FAILED",
  acquire: "LEASE_ACQUIRE_FAILED",
  renew: "LEASE_ACQUIRE_FAILED",
  release: "LEASE_RELEASE_FAILED",
  ready: "LEASE_READY_FAILED",
  watch: "WAIT_FAILED",
} as const satisfies Record<AdapterOperation, CacheLockingErrorTag>;

/** The error of the phase that an operation belongs to. */
export function phaseError(
  { key, settings: { store } }: Keyed,
  error: AdapterError,
): CacheLockingError {
  if (isCacheLockingError(error)) return error;
  const { operation, message } = error;
  const context = { key, phase: operation, adapter: store.name };
  return cacheLockingError(tagOf[operation] ?? "CACHE_GET_FAILED", message, context, error);
}
