import * as Effect from "effect/Effect";
import type * as Tracer from "effect/Tracer";
import { withContext } from "../effect/fork.ts";
import type { Caller, Result } from "./flight.ts";
import type { Keyed } from "./call.ts";

const defaultTracer = Effect.runSync(Effect.tracer);

type Part = "getOrSet" | "acquire" | "fetch" | "wait" | "fill";

/** A part of a flight with its span, if the flight has spans. */
export function traced<A, E, R>(
  { hasSpans, call }: { readonly hasSpans?: boolean; readonly call: Keyed },
  part: Part,
  effect: Effect.Effect<A, E, R>,
  outcomeOf: (result: A) => string,
): Effect.Effect<A, E, R> {
  return hasSpans ? inSpan(call, part, effect, outcomeOf) : effect;
}

/**
 * Whether a tracer keeps spans. The default one doesn't, so none are made for it: a span takes longer than all else that a
 * miss in memory does.
 */
export function keepsSpans(tracer: Tracer.Tracer): boolean {
  return tracer !== defaultTracer;
}

/** What a call does, in its span: once, however often it tries. */
export function inOwnSpan(caller: Caller, next: (caller: Caller) => Result): Result {
  const inside = withContext((context): Result => {
    caller.context = context;
    return next(caller);
  });
  caller.span = "open";
  return inSpan(caller.call, "getOrSet", inside, ({ meta }) => meta.cache);
}

/** The span of a part of a call that missed, with its key, adapter and, if it succeeds, its outcome. */
function inSpan<A, E, R>(
  { key, settings: { store } }: Keyed,
  part: Part,
  effect: Effect.Effect<A, E, R>,
  outcomeOf: (result: A) => string,
): Effect.Effect<A, E, R> {
  const withOutcome = Effect.tap(
    effect,
    (result) => Effect.annotateCurrentSpan("outcome", outcomeOf(result)),
  );
  return Effect.withSpan(withOutcome, `cache-locking.${part}`, {
    attributes: { key, adapter: store.name },
  }) as Effect.Effect<A, E, R>;
}
