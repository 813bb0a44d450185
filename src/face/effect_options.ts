import * as Duration from "effect/Duration";
import * as Effect from "effect/Effect";
import type { WaitStrategyContext } from "../model/wait_strategy.ts";
import type { WaitStrategy } from "./promise_options.ts";

/**
 * The options of the plain face as the other face has them: hooks return effects, and times are durations. What is no
 * option of its kind is left as it is, for who checks the options.
 */
export function effectOptions(options: unknown): unknown {
  if (!isObject(options)) return options;
  const { waitStrategy, hooks } = options;
  return {
    ...options,
    ...typeof waitStrategy === "function" && {
      waitStrategy: effectStrategy(waitStrategy as WaitStrategy),
    },
    ...isObject(hooks) && { hooks: effectHooks(hooks) },
  };
}

/** An effect that is one promise, and fails with what it was rejected with. */
export function promised<A>(run: () => A | PromiseLike<A>): Effect.Effect<A, unknown> {
  return Effect.tryPromise({ try: () => Promise.resolve(run()), catch: (error) => error });
}

/** A context or the like, with its durations in milliseconds. */
export function inMillis(context: object): object {
  const durations = Object.entries(context).filter(([, value]) => Duration.isDuration(value));
  if (durations.length === 0) return context;
  const millis = durations.map(([name, value]) => [name, Duration.toMillis(value)]);
  return { ...context, ...Object.fromEntries(millis) };
}

function effectHooks(hooks: object): object {
  return Object.fromEntries(
    Object.entries(hooks).map(([name, hook]) => [
      name,
      typeof hook !== "function" ? hook : (...args: [...unknown[], object]) => {
        const [context, ...value] = args.reverse();
        const told = name === "onOutcome" ? value.map((meta) => inMillis(meta as object)) : value;
        return promised(() => hook(...told, inMillis(context as object)));
      },
    ]),
  );
}

function effectStrategy(strategy: WaitStrategy): (context: WaitStrategyContext) => unknown {
  return (context) => strategy(inMillis(context) as never);
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}
