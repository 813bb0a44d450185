import { callback } from "../effect/callback.ts";
import { Effect } from "../effect/effect.ts";
import { AdapterError, type AdapterOperation, isAdapterError } from "../model/errors.ts";

/** Begins an operation, which is done later; what it returns says that nobody waits for it any more. */
type Start<A> = (done: (answer: Effect.Effect<A, AdapterError>) => void) => () => void;

const START: unique symbol = Symbol("start");

type Startable<A> = Effect.Effect<A, AdapterError> & { [START]?: Start<A> };

/** Gives the signal that fires once the caller has left, as it was interrupted or its time is out. */
export type CallerSignal = () => AbortSignal;

/**
 * An operation that is one promise. `read` says what its answer means, and `errorOf` what it means that it failed:
 * an `AdapterError` with what was thrown as its cause, by default.
 *
 * The engine runs such an effect in its caller's own fiber, see {@linkcode startOf}; an effect that does more to it, be it
 * a `map`, takes a fiber of its own.
 */
export function attempt<A, B = A>(
  operation: AdapterOperation,
  key: string,
  run: (signal: CallerSignal) => PromiseLike<A>,
  read: (answer: A) => Effect.Effect<B, AdapterError> = Effect.succeed as never,
  errorOf = (error: unknown) =>
    isAdapterError(error) ? error : new AdapterError(operation, key, error),
): Effect.Effect<B, AdapterError> {
  const start: Start<B> = (done) => {
    let controller: AbortController | undefined;
    let left = false;
    // Made when it is first asked for: most operations don't.
    const signal = () => {
      controller ??= new AbortController();
      if (left) controller.abort();
      return controller.signal;
    };
    const failed = (error: unknown) => done(Effect.fail(errorOf(error)));
    // In one step: a promise more is a turn later.
    const answered = (answer: A) => {
      let meaning;
      try {
        meaning = read(answer);
      } catch (error) {
        return failed(error);
      }
      done(meaning);
    };
    try {
      // A client's own kind of promise may answer at once.
      Promise.resolve(run(signal)).then(answered, failed);
    } catch (error) {
      queueMicrotask(() => failed(error));
    }
    return () => {
      left = true;
      controller?.abort();
    };
  };
  const effect: Startable<B> = callback<B, AdapterError>((resume) => Effect.sync(start(resume)));
  effect[START] = start;
  return effect;
}

/** How an effect that is an {@linkcode attempt} begins; undefined for any other. */
export function startOf<A, E, R>(effect: Effect.Effect<A, E, R>): Start<A> | undefined {
  return (effect as { readonly [START]?: Start<A> })[START];
}
