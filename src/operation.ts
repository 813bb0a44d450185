import { Cause, Effect, Exit, Fiber } from "effect";
import { causeKind } from "./cause.ts";
import { describe } from "./describe.ts";
import {
  AdapterError,
  type AdapterOperation,
  type CacheLockingError,
  cacheLockingError,
  type CacheLockingErrorTag,
  isAdapterError,
} from "./errors.ts";
import { forkApart } from "./fork.ts";
import type { Store } from "./store.ts";

/**
 * Runs one operation of a store, for at most `timeout` milliseconds; then it is interrupted and counts as failed.
 *
 * Where the caller can't be interrupted, the operation can't be either, but by its timeout. What an adapter throws is
 * an `AdapterError` as well. A store in this process answers at once, so it needs no timeout.
 */
export function operate<A, R>(
  store: Store<unknown>,
  operation: AdapterOperation,
  key: string,
  timeout: number,
  run: () => Effect.Effect<A, AdapterError, R>,
): Effect.Effect<A, AdapterError, R> {
  const answer = typed(operation, key, run);
  if (store.peek !== undefined) return answer;

  return Effect.uninterruptibleMask((restore) =>
    Effect.flatMap(forkApart(answer), (fiber) => {
      let late = false;
      const expire = Effect.flatMap(Effect.sleep(timeout), () => {
        late = true;
        return Fiber.interrupt(fiber);
      });
      return Effect.flatMap(forkApart(expire), (timer) =>
        Effect.flatMap(
          Effect.onExit(
            restore(Fiber.await(fiber)),
            (exit) =>
              Effect.flatMap(
                Fiber.interrupt(timer),
                () => Exit.isSuccess(exit) ? Effect.void : Fiber.interrupt(fiber),
              ),
          ),
          (exit) =>
            late && Exit.isFailure(exit)
              ? Effect.fail(
                new AdapterError(operation, key, undefined, {
                  reason: `${store.name} did not answer within ${timeout} ms`,
                }),
              )
              : exit,
        ));
    })
  );
}

/** Runs what an adapter does: whatever it throws, fails with or returns, its failures are `AdapterError`s. */
export function typed<A, E, R>(
  operation: AdapterOperation,
  key: string,
  run: () => Effect.Effect<A, E, R>,
): Effect.Effect<A, AdapterError, R> {
  const running = Effect.suspend((): Effect.Effect<A, E | AdapterError, R> => {
    const effect = run();
    return Effect.isEffect(effect) ? effect : Effect.fail(
      new AdapterError(operation, key, undefined, {
        reason: `the adapter must return an Effect, and returned ${describe(effect)}`,
      }),
    );
  });
  return Effect.matchCauseEffect(running, {
    onSuccess: Effect.succeed,
    onFailure: (cause) => {
      if (causeKind(cause) === "Interrupt") return Effect.failCause(cause as Cause.Cause<never>);
      const error = Cause.squash(cause);
      return Effect.fail(isAdapterError(error) ? error : new AdapterError(operation, key, error));
    },
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
  store: Store<unknown>,
  key: string,
  error: AdapterError,
): CacheLockingError {
  const { operation, message } = error;
  const context = { key, phase: operation, adapter: store.name };
  return cacheLockingError(tagOf[operation] ?? "CACHE_GET_FAILED", message, context, error);
}
