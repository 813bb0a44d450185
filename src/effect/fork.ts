import { Effect, type Exit, Fiber, Runtime } from "./effect.ts";

/** A fiber that tells of its end. */
export type Forked<A, E> = Fiber.Fiber<A, E> & {
  addObserver(observer: (exit: Exit.Exit<A, E>) => void): void;
};

/**
 * Starts an effect at once in a fiber that belongs to the process, not to the fiber whose context it has. It can be
 * interrupted, wherever it was started.
 */
export type Spawn = <A, E, R>(effect: Effect.Effect<A, E, R>) => Forked<A, E>;

// Effect 4 runs by a context, Effect 3 by a runtime, which hands on that its fiber can't be interrupted.
const { runForkWith } = Effect as unknown as {
  readonly runForkWith?: (context: unknown) => Spawn;
};
const inEffect3 = Runtime as unknown as {
  readonly runFork: (runtime: unknown) => Spawn;
};
const { runtime } = Effect as unknown as { readonly runtime: () => Effect.Effect<unknown> };

/** What starts fibers in the context of the fiber that asks for it. */
export const spawner: Effect.Effect<Spawn> = runForkWith !== undefined
  ? Effect.map(Effect.context(), runForkWith)
  : Effect.map(runtime(), (known): Spawn => {
    const spawn = inEffect3.runFork(known);
    return (effect) => spawn(Effect.interruptible(effect));
  });

/** Starts an effect in a fiber of its own, see {@linkcode Spawn}. */
export function forkDetached<A, E, R>(
  effect: Effect.Effect<A, E, R>,
): Effect.Effect<Forked<A, E>, never, R> {
  return Effect.map(spawner, (spawn) => spawn(effect));
}

/** Interrupts a fiber, and doesn't wait for its end: it may hang where it can't be interrupted. */
export function interruptNoWait(fiber: Fiber.Fiber<unknown, unknown>): void {
  Effect.runFork(Fiber.interrupt(fiber));
}
