import { callback } from "../effect/callback.ts";
import * as Effect from "effect/Effect";
import * as Exit from "effect/Exit";
import * as Fiber from "effect/Fiber";
import { type FiberContext, fork, interruptNoWait } from "../effect/fork.ts";

/** Goes on with an effect, in a fiber of its own unless it is an exit. */
type End<A> = (result: Effect.Effect<A, unknown>) => void;

/**
 * Begins so many things, and waits until each of them has ended. `begin` gets the number of each and what ends it; it returns
 * what stops it before that.
 */
export function sideBySide<A>(
  context: FiberContext,
  count: number,
  begin: (index: number, end: End<A>) => () => Effect.Effect<unknown>,
): Effect.Effect<Exit.Exit<A, unknown>[]> {
  return callback((resume) => {
    const exits = new Array<Exit.Exit<A, unknown>>(count);
    const stops: (() => Effect.Effect<unknown>)[] = [];
    let left = count;
    const ended = (index: number, exit: Exit.Exit<A, unknown>) => {
      exits[index] = exit;
      stops[index] = nothing;
      if (--left === 0) resume(Effect.succeed(exits));
    };
    for (let index = 0; index < count; index++) {
      const stop = begin(index, (result) => {
        if (Exit.isExit(result)) return ended(index, result as Exit.Exit<A, unknown>);
        const fiber = fork(context, result);
        const interrupt = () => {
          interruptNoWait(fiber);
          return Fiber.interrupt(fiber);
        };
        stops[index] = interrupt;
        fiber.addObserver((exit) => ended(index, exit));
      });
      stops[index] ??= stop;
    }
    if (count === 0) resume(Effect.succeed(exits));
    // All are told before any is waited for.
    return Effect.suspend(() =>
      stops.map((stop) => stop()).reduce((all, each) => Effect.flatMap(all, () => each), nothing())
    );
  });
}

const nothing = (): Effect.Effect<unknown> => Effect.void;
