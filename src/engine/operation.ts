import { startOf, stepOf } from "../store/attempt.ts";
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
import { type FiberContext, fork, interruptNoWait, withContext } from "../effect/fork.ts";
import type { Flight } from "./flight.ts";
import { run } from "./background.ts";
import { traced } from "./tracing.ts";
import type { Acquired, Store } from "../store/store.ts";
import { begin } from "../store/typed.ts";

type Operations = Required<Omit<Store<unknown>, "name" | "peek" | "withCodec">>;
type Operation = (...args: unknown[]) => Effect.Effect<unknown, AdapterError, unknown>;
type Rest<O extends keyof Operations> = Parameters<Operations[O]> extends
  [key: string, ...rest: infer Rest] ? Rest : never;
type Answer<O extends keyof Operations> = ReturnType<Operations[O]> extends
  Effect.Effect<infer A, AdapterError, infer _> ? A : never;

/** Who asks a store. */
export interface Asker {
  readonly call: Keyed;
  readonly clock: Clock.Clock;
  /** What fibers run with that are started on its behalf. */
  readonly context: FiberContext;
  /** Takes what is thrown as it goes on with an answer. */
  die(defect: unknown): void;
}

/** How it goes on once there is an answer, or none. */
export interface Handlers<A> {
  onSuccess(answer: A): void;
  onFailure(error: AdapterError): void;
}

/**
 * Runs one operation of a store on the asker's key, for at most `operationTimeout`; then it counts as failed and is given
 * up. `rest` is what the operation takes after the key. What an adapter throws is an `AdapterError` as well.
 *
 * One of the handlers is called, once, at once or later, unless what this returns is called before: that gives it up.
 */
export function operate<O extends keyof Operations>(
  asker: Asker,
  operation: O,
  rest: Rest<O>,
  handlers: Handlers<Answer<O>>,
): () => void {
  const { call: { key, settings }, clock } = asker;
  const effect = begin(
    operation,
    key,
    () => (settings.store[operation] as Operation)(key, ...rest),
  );
  let waiting = true;
  let tooLate = false;
  let cancelDeadline: (() => boolean) | undefined;
  const end = <A>(handle: (answer: A) => void, answer: A) => {
    if (!waiting) return;
    waiting = false;
    cancelDeadline?.();
    try {
      if (tooLate) handlers.onFailure(late(asker.call, operation));
      else handle(answer);
    } catch (defect) {
      asker.die(defect);
    }
  };
  const done = (answer: unknown) => end(handlers.onSuccess, answer as Answer<O>);
  const failed = (error: AdapterError) => end(handlers.onFailure, error);

  const step = stepOf(effect);
  if (step !== undefined) {
    done(step(clock));
    return nothing;
  }
  const start = startOf(effect);
  const leave = start === undefined
    ? startInFiber(asker, effect, { onSuccess: done, onFailure: failed })
    : start(done, failed);
  // What has answered at once needs no deadline.
  if (!waiting) return nothing;
  cancelDeadline = deadline(clock, settings.operationTimeout, () => { // mutate: timeout
    tooLate = true;
    // It may clean up, but what hangs where it can't be interrupted isn't waited for.
    cancelDeadline = deadline(clock, 0, () => end(handlers.onFailure, late(asker.call, operation)));
    leave();
  });
  return () => {
    waiting = false;
    cancelDeadline?.();
    leave();
  };
}

function nothing(): void {}

/** Starts an operation that is more than one promise or step in a fiber of its own; what it returns interrupts that. */
function startInFiber<A>(
  { context }: Asker,
  effect: Effect.Effect<A, AdapterError, unknown>,
  { onSuccess, onFailure }: Handlers<A>,
): () => void {
  const fiber = fork(context, effect);
  fiber.addObserver((exit) =>
    exit._tag === "Success"
      ? onSuccess(exit.value)
      : onFailure(Cause.squash(exit.cause) as AdapterError)
  );
  return () => interruptNoWait(fiber);
}

/**
 * The same as an effect. Where its fiber can't be interrupted, the operation can't be either, but by its timeout.
 */
export function ask<O extends keyof Operations>(
  call: Keyed,
  operation: O,
  ...rest: Rest<O>
): ReturnType<Operations[O]> {
  const asking = Effect.clockWith((clock) =>
    withContext((context) =>
      callback<Answer<O>, AdapterError>((resume) => {
        const die = (defect: unknown) => resume(Effect.die(defect));
        const giveUp = operate({ call, clock, context, die }, operation, rest, {
          onSuccess: (answer) => resume(Effect.succeed(answer)),
          onFailure: (error) => resume(Effect.fail(error)),
        });
        return Effect.sync(giveUp);
      })
    )
  );
  return asking as ReturnType<Operations[O]>;
}
function late({ key, settings }: Keyed, operation: AdapterOperation): AdapterError {
  const { store, operationTimeout } = settings;
  return new AdapterError(operation, key, undefined, {
    reason: `${store.name} did not answer within ${operationTimeout} ms`,
  });
}

const outcomes = {
  acquire: ({ _tag }: Acquired<unknown>) => _tag.toLowerCase(),
  fill: (stored: boolean) => stored ? "stored" : "refused",
};

/** Runs an operation for a flight, with its span if the flight has spans. */
export function operateInSpan<O extends keyof typeof outcomes>(
  flight: Flight,
  operation: O,
  rest: Rest<O>,
  handlers: Handlers<Answer<O>>,
): void {
  if (!flight.hasSpans) return void operate(flight, operation, rest, handlers);
  const asking = ask(flight.call, operation, ...rest) as Effect.Effect<Answer<O>, AdapterError>;
  const outcomeOf = outcomes[operation] as (answer: Answer<O>) => string;
  run(
    flight,
    traced(flight, operation, asking, outcomeOf),
    (exit) =>
      exit._tag === "Success"
        ? handlers.onSuccess(exit.value)
        : handlers.onFailure(Cause.squash(exit.cause) as AdapterError),
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
  if (isCacheLockingError(error)) return error;
  const { operation, message } = error;
  const context = { key, phase: operation, adapter: store.name };
  return cacheLockingError(tagOf[operation] ?? "CACHE_GET_FAILED", message, context, error);
}
