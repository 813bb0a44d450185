import * as Clock from "effect/Clock";
import * as Context from "effect/Context";
import * as Effect from "effect/Effect";
import type * as Exit from "effect/Exit";
import * as Fiber from "effect/Fiber";
import * as Option from "effect/Option";
import * as Runtime from "effect/Runtime";
import * as Tracer from "effect/Tracer";

/** A fiber that tells of its end. */
export type Forked<A, E> = Fiber.Fiber<A, E> & {
  addObserver(observer: (exit: Exit.Exit<A, E>) => void): void;
};

/** What a fiber runs with: services, and all else that it hands on to those that it starts. */
export type FiberContext = { readonly FiberContext: unique symbol };

type Fork = <A, E, R>(
  effect: Effect.Effect<A, E, R>,
  options?: { readonly uninterruptible: true },
) => Forked<A, E>;

// Effect 4 runs by a context, Effect 3 by a runtime, which hands on whether its fiber can be interrupted.
interface Effect4 {
  readonly runForkWith?: (context: FiberContext) => Fork;
  readonly withFiber: <A, E, R>(
    run: (fiber: {
      readonly context: FiberContext;
      readonly getRef: {
        (tracer: typeof Tracer.Tracer): Tracer.Tracer;
        (clock: typeof Clock.Clock): Clock.Clock;
      };
    }) => Effect.Effect<A, E, R>,
  ) => Effect.Effect<A, E, R>;
}

// Asked for as in callback.ts.
const runForkWith = (Effect as unknown as Effect4)?.runForkWith;
const withFiber = (Effect as unknown as Effect4)?.withFiber;
const runFork = (Runtime as unknown as { readonly runFork: (runtime: FiberContext) => Fork })
  ?.runFork;
const runtime = (Effect as unknown as { readonly runtime: () => Effect.Effect<FiberContext> })
  ?.runtime;

/** Hands out the context of the fiber that runs it, the tracer that spans are made with there, and its clock. */
export const withContext: <A, E, R>(
  run: (
    context: FiberContext,
    tracer: Tracer.Tracer,
    clock: Clock.Clock,
  ) => Effect.Effect<A, E, R>,
) => Effect.Effect<A, E, R> = runForkWith !== undefined
  ? (run) =>
    withFiber((fiber) => run(fiber.context, fiber.getRef(Tracer.Tracer), fiber.getRef(Clock.Clock)))
  : (run) =>
    Effect.flatMap(
      runtime(),
      (context) =>
        Effect.flatMap(Effect.tracer, (tracer) =>
          Effect.clockWith((clock) => run(context, tracer, clock))),
    );

/**
 * Starts an effect at once, in a fiber that belongs to the process, not to the one whose context it has. It can be
 * interrupted, wherever it was started.
 */
export const fork: <A, E, R>(
  context: FiberContext,
  effect: Effect.Effect<A, E, R>,
) => Forked<A, E> = runForkWith !== undefined
  ? (context, effect) => runForkWith(context)(effect)
  : (context, effect) => runFork(context)(Effect.interruptible(effect));

/**
 * The same, for an effect that can be interrupted nowhere but where it says so itself. Its end is told whatever interrupts
 * the fiber.
 */
export const forkUninterruptible: <A, E, R>(
  context: FiberContext,
  effect: Effect.Effect<A, E, R>,
  ended: (exit: Exit.Exit<A, E>) => void,
) => Fiber.Fiber<unknown, unknown> = runForkWith !== undefined
  ? (context, effect, ended) => {
    const fiber = runForkWith(context)(effect, { uninterruptible: true });
    fiber.addObserver(ended);
    return fiber;
  }
  : (context, effect, ended) => {
    const told = Effect.map(Effect.exit(effect), ended);
    return runFork(context)(Effect.uninterruptible(told));
  };

/** What a fiber hands on to those that it starts. */
export interface Heirloom<A> {
  /** The same context, with it. */
  within(context: FiberContext, value: A): FiberContext;
  /** What a fiber has of it. */
  of(context: FiberContext): A | undefined;
}

/** Makes a service that isn't in the types of the effects that it is provided to. */
export function heirloom<A>(key: string): Heirloom<A> {
  const { Service, GenericTag } = Context as unknown as Record<string, (key: string) => never>;
  const tag = (Service ?? GenericTag)!(key);
  const add = (services: unknown, value: A) =>
    Context.add(services as never, tag, value as never) as never;
  return {
    within(context, value) {
      if (runForkWith !== undefined) return add(context, value);
      const known = context as unknown as { readonly context: unknown };
      return Object.assign(Object.create(Object.getPrototypeOf(known)), known, {
        context: add(known.context, value),
      });
    },
    of: (context) => serviceIn(context, tag),
  };
}

/** The span that a fiber with this context is in. */
export function spanIn(context: FiberContext): Tracer.AnySpan | undefined {
  return serviceIn(context, Tracer.ParentSpan as never);
}

function serviceIn<A>(context: FiberContext, tag: never): A | undefined {
  const { context: services = context } = context as unknown as { context?: unknown };
  return Option.getOrUndefined(Context.getOption(services as never, tag));
}

/** Starts an effect in a fiber of its own, see {@linkcode fork}. */
export function forkDetached<A, E, R>(
  effect: Effect.Effect<A, E, R>,
): Effect.Effect<Forked<A, E>, never, R> {
  return withContext((context) => Effect.succeed(fork(context, effect)));
}

/** Interrupts a fiber, and doesn't wait for its end: it may hang where it can't be interrupted. */
export function interruptNoWait(fiber: Fiber.Fiber<unknown, unknown>): void {
  Effect.runFork(Fiber.interrupt(fiber));
}
