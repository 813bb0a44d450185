import { Effect, type Exit, Fiber, Scope } from "./effect.ts";

/** A fiber that tells of its end. */
export type Forked<A, E> = Fiber.Fiber<A, E> & {
  addObserver(observer: (exit: Exit.Exit<A, E>) => void): void;
};

// Effect 3 starts a fork at once and has no options for it.
const forkIn: <A, E, R>(
  effect: Effect.Effect<A, E, R>,
  scope: Scope.Scope,
  options: { readonly startImmediately: boolean },
) => Effect.Effect<Forked<A, E>, never, R> = Effect.forkIn;

const processScope = Effect.runSync(Scope.make());

/**
 * Starts an effect in a fiber that belongs to the process, or to a scope, not to the fiber that starts it, in that fiber's
 * context.
 *
 * It can be interrupted wherever it was started. (Effect 3 hands the starter's uninterruptibility on, and an interrupt
 * signal to every child.)
 */
export function forkDetached<A, E, R>(
  effect: Effect.Effect<A, E, R>,
  scope: Scope.Scope = processScope,
): Effect.Effect<Forked<A, E>, never, R> {
  return forkIn(Effect.interruptible(effect), scope, { startImmediately: true });
}

/** Interrupts a fiber, and doesn't wait for its end: it may hang where it can't be interrupted. */
export function interruptNoWait(fiber: Fiber.Fiber<unknown, unknown>): void {
  Effect.runFork(Fiber.interrupt(fiber));
}
