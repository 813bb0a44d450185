import { Effect } from "effect";
import type { Call } from "./call.ts";
import type { GetOrSetResult } from "./outcome.ts";

const defaultTracer = Effect.runSync(Effect.tracer);

/** The span of a call that missed, with its key, adapter and outcome. */
export function traced<A extends GetOrSetResult<unknown>, E, R>(
  { key, settings: { store } }: Call,
  effect: Effect.Effect<A, E, R>,
): Effect.Effect<A, E, R> {
  const told = Effect.tap(
    effect,
    ({ meta }) => Effect.annotateCurrentSpan("outcome", meta.cache),
  );
  return Effect.withSpan(told, "cache-locking.getOrSet", {
    attributes: { key, adapter: store.name },
  }) as Effect.Effect<A, E, R>;
}

/** The same for callers that join a flight, who may be thousands: only where a tracer was provided that keeps spans. */
export function tracedIfWatched<A extends GetOrSetResult<unknown>, E, R>(
  call: Call,
  effect: Effect.Effect<A, E, R>,
): Effect.Effect<A, E, R> {
  return Effect.flatMap(
    Effect.tracer,
    (tracer) => tracer === defaultTracer ? effect : traced(call, effect),
  );
}
