import type { Call } from "./call.ts";
import { Effect } from "../effect/effect.ts";
import type { Caller, Flight } from "./flight.ts";
import type { GetOrSetResult } from "../model/outcome.ts";

const defaultTracer = Effect.runSync(Effect.tracer);

/** The span of a part of a call that missed, with its key, adapter and, if it succeeds, its outcome. */
export function traced<A, E, R>(
  part: "getOrSet" | "acquire" | "fetch" | "wait" | "fill",
  { key, settings: { store } }: Call,
  effect: Effect.Effect<A, E, R>,
  outcomeOf: (result: A) => string,
): Effect.Effect<A, E, R> {
  const told = Effect.tap(
    effect,
    (result) => Effect.annotateCurrentSpan("outcome", outcomeOf(result)),
  );
  return Effect.withSpan(told, `cache-locking.${part}`, {
    attributes: { key, adapter: store.name },
  }) as Effect.Effect<A, E, R>;
}

/** The span of a call, once, however often it tries. */
export function tracedCall(
  caller: Caller,
  effect: Effect.Effect<GetOrSetResult<unknown>, unknown>,
): Effect.Effect<GetOrSetResult<unknown>, unknown> {
  if (caller.traced) return effect;
  caller.traced = true;
  return traced("getOrSet", caller.call, effect, ({ meta }) => meta.cache);
}

/**
 * The span of a call that starts a flight. Those who join it, who may be thousands, have theirs only if a tracer was
 * provided that keeps spans: an application has one tracer for all.
 */
export function tracedFlight(
  flight: Flight,
  caller: Caller,
  effect: Effect.Effect<GetOrSetResult<unknown>, unknown>,
): Effect.Effect<GetOrSetResult<unknown>, unknown> {
  return Effect.flatMap(Effect.tracer, (tracer) => {
    flight.traced = tracer !== defaultTracer;
    return tracedCall(caller, effect);
  });
}
