import { callback } from "../effect/callback.ts";
import { timeOf } from "../effect/clock.ts";
import * as Effect from "effect/Effect";
import { isPromise } from "./is_promise.ts";
import { AdapterError, type AdapterOperation, isAdapterError } from "../model/errors.ts";

/**
 * Starts an operation without a fiber of its own. Either `done` or `failed` is called, once, later or at once; what it
 * returns says that nobody waits for the answer any more.
 */
export type Start<A> = (
  done: (answer: A) => void,
  failed: (error: AdapterError) => void,
) => () => void;

const START: unique symbol = Symbol("start");
const STEP: unique symbol = Symbol("step");

type Startable<A> = Effect.Effect<A, AdapterError> & { [START]?: Start<A> };

/** How an effect that is an {@linkcode attempt} starts; undefined for any other. */
export function startOf<A, E, R>(effect: Effect.Effect<A, E, R>): Start<A> | undefined {
  return (effect as { readonly [START]?: Start<A> } | undefined)?.[START];
}

/** Gives the signal that fires once the caller has left, as it was interrupted or its time is out. */
export type CallerSignal = () => AbortSignal;

/**
 * An operation that is one promise. `read` says what its answer means, at once or by a promise, and `errorOf` what it means that the promise, or
 * `read`, failed: by default an `AdapterError` with what was thrown as its cause.
 *
 * An answer that comes when the caller has left isn't read.
 *
 * The engine runs such an effect in its caller's own fiber, see {@linkcode startOf}; an effect that does more to it, be it
 * a `map`, takes a fiber of its own.
 */
export function attempt<A, B = A>(
  operation: AdapterOperation,
  key: string,
  run: (signal: CallerSignal) => PromiseLike<A>,
  read: (answer: A) => B | PromiseLike<B> = (answer) => answer as never,
  errorOf: (error: unknown) => AdapterError = (error) =>
    isAdapterError(error) ? error : new AdapterError(operation, key, error),
): Effect.Effect<B, AdapterError> {
  const start: Start<B> = (done, failed) => {
    let left = false;
    let controller: AbortController | undefined;
    // Made when it is first asked for: most operations don't.
    const signal = () => {
      controller ??= new AbortController();
      if (left) controller.abort();
      return controller.signal;
    };
    const fail = (error: unknown) => failed(errorOf(error));
    // In one step: a promise more is a turn later.
    const answered = (answer: A) => {
      if (left) return;
      let meaning;
      try {
        meaning = read(answer);
      } catch (error) {
        return fail(error);
      }
      if (!isPromise(meaning)) return done(meaning);
      meaning.then((meaning) => {
        if (!left) done(meaning as B);
      }, fail);
    };
    try {
      // A client's own kind of promise may answer at once.
      Promise.resolve(run(signal)).then(answered, fail);
    } catch (error) {
      fail(error);
    }
    return () => {
      left = true;
      controller?.abort();
    };
  };
  return startable(start);
}

/** An operation that starts so. */
export function startable<A>(start: Start<A>): Effect.Effect<A, AdapterError> {
  const effect: Startable<A> = callback<A, AdapterError>((resume) => {
    const leave = start(
      (answer) => resume(Effect.succeed(answer)),
      (error) => resume(Effect.fail(error)),
    );
    return Effect.sync(leave);
  });
  effect[START] = start;
  return effect;
}

/** A step at a time of the wall clock and of the monotonic one. */
type Step<Rest extends unknown[], A> = (
  now: ReturnType<typeof timeOf>,
  key: string,
  ...rest: Rest
) => A;

/**
 * An operation of a store in this process that is one synchronous step and never fails. The engine takes the step without
 * a fiber, and without an effect, see {@linkcode stepOf}.
 */
export function step<Rest extends unknown[], A>(
  take: Step<Rest, A>,
): (key: string, ...rest: Rest) => Effect.Effect<A> {
  const operation = (key: string, ...rest: Rest) =>
    Effect.clockWith((clock) => Effect.succeed(take(timeOf(clock), key, ...rest)));
  return Object.assign(operation, { [STEP]: take });
}

/** The step that an operation is; undefined for any other. */
export function stepOf(operation: unknown): Step<unknown[], unknown> | undefined {
  return (operation as { readonly [STEP]?: Step<unknown[], unknown> } | undefined)?.[STEP];
}
