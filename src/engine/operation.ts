import { type Asker, run } from "./background.ts";
import type { Keyed } from "./call.ts";
import { callback } from "../effect/callback.ts";
import { deadline } from "../effect/deadline.ts";
import * as Cause from "effect/Cause";
import * as Effect from "effect/Effect";
import { fork, interruptNoWait, withContext } from "../effect/fork.ts";
import {
  AdapterError,
  type AdapterOperation,
  type CacheLockingError,
  cacheLockingError,
  type CacheLockingErrorTag,
  isCacheLockingError,
} from "../model/errors.ts";
import { type Start, startOf, stepOf, timeOf } from "../store/attempt.ts";
import type { Acquired, Store } from "../store/store.ts";
import { adapterErrorOf, typed } from "../store/typed.ts";
import { traced } from "./tracing.ts";

type Operations = Required<Omit<Store<unknown>, "name" | "peek" | "copy" | "withCodec">>;
type Operation = (...args: unknown[]) => Effect.Effect<unknown, AdapterError, unknown>;
type Rest<O extends keyof Operations> = Parameters<Operations[O]> extends
  [key: string, ...rest: infer Rest] ? Rest : never;
type Answer<O extends keyof Operations> = ReturnType<Operations[O]> extends
  Effect.Effect<infer A, AdapterError, infer _> ? A : never;

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
  { onSuccess, onFailure }: Handlers<Answer<O>>,
): () => void {
  const { call, clock } = asker;
  const { key, settings: { store, operationTimeout } } = call;
  let waiting = true;
  let tooLate = false;
  let cancelDeadline: (() => boolean) | undefined;
  const end = <A>(handle: (answer: A) => void, answer: A) => {
    if (!waiting) return;
    waiting = false;
    cancelDeadline?.();
    try {
      if (tooLate) onFailure(late(call, operation));
      else handle(answer);
    } catch (defect) {
      asker.die(defect);
    }
  };
  const done = (answer: unknown) => end(onSuccess, answer as Answer<O>);
  const failed = (error: AdapterError) => end(onFailure, error);
  let leave: () => void;
  try {
    const step = stepOf(store[operation]);
    if (step !== undefined) {
      done(step(timeOf(clock), key, ...rest));
      return nothing;
    }
    const effect = (store[operation] as Operation)(key, ...rest);
    const start = startOf(effect) ?? inFiber(asker, typed(operation, key, () => effect));
    leave = start(done, failed);
  } catch (error) {
    failed(adapterErrorOf(operation, key, error));
    return nothing;
  }
  // What has answered at once needs no deadline.
  if (!waiting) return nothing;
  cancelDeadline = deadline(clock, operationTimeout, () => { // mutate: timeout
    tooLate = true;
    // It may clean up, but what hangs where it can't be interrupted isn't waited for.
    cancelDeadline = deadline(clock, 0, () => end(onFailure, late(call, operation)));
    leave();
  });
  return () => {
    waiting = false;
    cancelDeadline?.();
    leave();
  };
}

function nothing(): void {}

/** Starts an operation that is more than one promise or step in a fiber of its own. */
function inFiber<A>(
  { context }: Asker,
  effect: Effect.Effect<A, AdapterError, unknown>,
): Start<A> {
  return (done, failed) => {
    const fiber = fork(context, effect);
    fiber.addObserver((exit) =>
      exit._tag === "Success" ? done(exit.value) : failed(Cause.squash(exit.cause) as AdapterError)
    );
    return () => interruptNoWait(fiber);
  };
}

/** The same as an effect. Where its fiber can't be interrupted, the operation can't be either, but by its timeout. */
export function ask<O extends keyof Operations>(
  call: Keyed,
  operation: O,
  ...rest: Rest<O>
): ReturnType<Operations[O]> {
  const asking = withContext((context, _tracer, clock) =>
    callback<Answer<O>, AdapterError>((resume) => {
      const die = (defect: unknown) => resume(Effect.die(defect));
      const giveUp = operate({ call, clock, context, die }, operation, rest, {
        onSuccess: (answer) => resume(Effect.succeed(answer)),
        onFailure: (error) => resume(Effect.fail(error)),
      });
      return Effect.sync(giveUp);
    })
  );
  return asking as ReturnType<Operations[O]>;
}

const outcomes = {
  acquire: ({ _tag }: Acquired<unknown>) => _tag.toLowerCase(),
  fill: (stored: boolean) => stored ? "stored" : "refused",
};

/** Runs an operation for a flight, in its span if the flight has spans. It can't be given up. */
export function operateInSpan<O extends keyof typeof outcomes>(
  flight: Asker & { readonly hasSpans: boolean },
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
