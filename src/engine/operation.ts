import { startOf } from "../store/attempt.ts";
import type { Keyed } from "./call.ts";
import { callback } from "../effect/callback.ts";
import { deadline } from "../effect/deadline.ts";
import { type Clock, Effect } from "../effect/effect.ts";
import {
  AdapterError,
  type AdapterOperation,
  type CacheLockingError,
  cacheLockingError,
  type CacheLockingErrorTag,
} from "../model/errors.ts";
import { forkDetached, interruptNoWait } from "../effect/fork.ts";
import type { Store } from "../store/store.ts";
import { begin } from "../store/typed.ts";

type Operations = Required<Omit<Store<unknown>, "name" | "peek">>;
type Rest<O extends keyof Operations> = Parameters<Operations[O]> extends
  [key: string, ...rest: infer Rest] ? Rest : never;

/**
 * Runs one operation of the call's store on its key, for at most `operationTimeout`; then it is interrupted and counts as
 * failed. `rest` is what the operation takes after the key.
 *
 * Where the caller can't be interrupted, the operation can't be either, but by its timeout. What an adapter throws is
 * an `AdapterError` as well. A store in this process answers at once, so it needs no timeout.
 */
export function operate<O extends keyof Operations>(
  ...asked: [keyed: Keyed, operation: O, ...rest: Rest<O>]
): ReturnType<Operations[O]> {
  const answer = Effect.clockWith((clock): Effect.Effect<unknown, unknown, unknown> => {
    const operation = operationOf(clock, ...asked);
    return Effect.isEffect(operation)
      ? operation
      : callback((resume) => Effect.sync(operation(resume as never)));
  });
  return answer as ReturnType<Operations[O]>;
}

/** Begins an operation, which is done later, once; what it returns calls it off. */
type Begin<O extends keyof Operations> = (
  done: (answer: ReturnType<Operations[O]>) => void,
) => () => void;

/**
 * The same, for whoever knows the clock of its fiber. What is a promise can be begun there as a part of something else.
 */
export function operationOf<O extends keyof Operations>(
  clock: Clock.Clock,
  { key, settings: { store, operationTimeout } }: Keyed,
  operation: O,
  ...rest: Rest<O>
): ReturnType<Operations[O]> | Begin<O> {
  const run = () =>
    (store[operation] as (...args: unknown[]) => Effect.Effect<unknown, AdapterError>)(
      key,
      ...rest,
    );
  const late = () =>
    new AdapterError(operation, key, undefined, {
      reason: `${store.name} did not answer within ${operationTimeout} ms`,
    });
  const begun = begin(operation, key, run);
  const bounded = store.peek !== undefined ? begun : within(clock, operationTimeout, begun, late);
  return bounded as ReturnType<Operations[O]> | Begin<O>;
}

/** Runs an effect until it is too late: a promise in the caller's own fiber, anything else in one that is interrupted then. */
function within<A, R>(
  clock: Clock.Clock,
  timeout: number,
  effect: Effect.Effect<A, AdapterError, R>,
  late: () => AdapterError,
) {
  const start = startOf(effect);
  if (start !== undefined) {
    return (done: (answer: Effect.Effect<A, AdapterError>) => void) => {
      // The backend is asked first: the rest is done while it answers.
      const leave = start((answer) => {
        if (callOff()) done(answer);
      });
      const callOff = deadline(clock, timeout, () => {
        leave();
        done(Effect.fail(late()));
      });
      return () => {
        if (callOff()) leave();
      };
    };
  }
  return Effect.uninterruptibleMask((restore) =>
    Effect.flatMap(forkDetached(effect), (fiber) => {
      const answered = callback<A, AdapterError>((resume) => {
        let isLate = false;
        let callOff = deadline(clock, timeout, () => {
          isLate = true;
          // What hangs where it can't be interrupted isn't waited for.
          callOff = deadline(clock, 0, () => resume(Effect.fail(late())));
          interruptNoWait(fiber);
        });
        fiber.addObserver((exit) => {
          callOff();
          resume(isLate ? Effect.fail(late()) : exit);
        });
        return Effect.sync(() => callOff());
      });
      return Effect.onInterrupt(restore(answered), () => Effect.sync(() => interruptNoWait(fiber)));
    })
  );
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
  const { operation, message } = error;
  const context = { key, phase: operation, adapter: store.name };
  return cacheLockingError(tagOf[operation] ?? "CACHE_GET_FAILED", message, context, error);
}
