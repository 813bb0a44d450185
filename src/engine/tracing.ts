import { Effect } from "../effect/effect.ts";
import type { Caller, Flight, Result } from "./flight.ts";

const defaultTracer = Effect.runSync(Effect.tracer);

/**
 * The span of a part of a call that missed, with its key, adapter and, if it succeeds, its outcome. The default tracer
 * keeps no spans, so none are made for it: a span takes longer than all else that a miss in memory does.
 */
export function traced<A, E, R>(
  { traced, first: { call } }: Flight,
  part: "getOrSet" | "acquire" | "fetch" | "wait" | "fill",
  effect: Effect.Effect<A, E, R>,
  outcomeOf: (result: A) => string,
): Effect.Effect<A, E, R> {
  if (!traced) return effect;
  const { key, settings: { store } } = call;
  const withOutcome = Effect.tap(
    effect,
    (result) => Effect.annotateCurrentSpan("outcome", outcomeOf(result)),
  );
  return Effect.withSpan(withOutcome, `cache-locking.${part}`, {
    attributes: { key, adapter: store.name },
  }) as Effect.Effect<A, E, R>;
}

/** The span of a call, once, however often it tries. An application has one tracer for all its calls. */
export function tracedCall(flight: Flight, caller: Caller, effect: Result): Result {
  if (caller.traced) return effect;
  caller.traced = true;
  return traced(flight, "getOrSet", effect, ({ meta }) => meta.cache);
}

/** Starts a flight's work once it is known whether its first caller's tracer keeps spans. */
export function tracedFlight(flight: Flight, started: Result): Result {
  return Effect.flatMap(Effect.tracer, (tracer) => {
    flight.traced = tracer !== defaultTracer;
    return flight.traced ? tracedCall(flight, flight.first, started) : started;
  });
}
