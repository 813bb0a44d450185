import { callback } from "../effect/callback.ts";
import { Effect } from "../effect/effect.ts";
import { AdapterError, type AdapterOperation } from "../model/errors.ts";

/** Begins an operation, which is done later. */
type Start<A> = (done: (answer: Effect.Effect<A, AdapterError>) => void) => void;

const START: unique symbol = Symbol("start");

type Startable<A> = Effect.Effect<A, AdapterError> & { [START]?: Start<A> };

/**
 * Runs what a client returns a promise for; how it fails is the operation's failure. `read` says what its answer means,
 * and `refused` what an error means, which it throws again if it is none of those that are answers.
 *
 * Such an effect can be given up without a fiber of its own, see {@linkcode startOf}: an operation that is this alone is
 * quicker than one that does more to it.
 */
export function attempt<A, B = A>(
  operation: AdapterOperation,
  key: string,
  run: () => PromiseLike<A>,
  read: (answer: A) => Effect.Effect<B, AdapterError> = Effect.succeed as never,
  refused?: (error: unknown) => Effect.Effect<B, AdapterError>,
): Effect.Effect<B, AdapterError> {
  const start: Start<B> = (done) => {
    const failed = (error: unknown) => done(Effect.fail(new AdapterError(operation, key, error)));
    // In one step: a promise more is a turn later.
    const understood = <T>(mean: (told: T) => Effect.Effect<B, AdapterError>) => (told: T) => {
      let answer;
      try {
        answer = mean(told);
      } catch (error) {
        return failed(error);
      }
      done(answer);
    };
    try {
      // A client's own kind of promise may answer at once.
      Promise.resolve(run()).then(
        understood(read),
        refused === undefined ? failed : understood(refused),
      );
    } catch (error) {
      queueMicrotask(() => failed(error));
    }
  };
  const effect: Startable<B> = callback<B, AdapterError>(start);
  effect[START] = start;
  return effect;
}

/** How an effect that is an {@linkcode attempt} begins; undefined for any other. */
export function startOf<A, E, R>(effect: Effect.Effect<A, E, R>): Start<A> | undefined {
  return (effect as { readonly [START]?: Start<A> })[START];
}
