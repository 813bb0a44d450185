import * as Effect from "effect/Effect";
import type * as Tracer from "effect/Tracer";
import { withContext } from "../effect/fork.ts";
import type { Caller, Result } from "./flight.ts";
import { attributesOf, type Keyed } from "./call.ts";

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

/**
 * What a call does, in its span: once, however often it tries. A refresh has one apart, which is linked to the span that it
 * was begun in.
 */
export function inOwnSpan(
  caller: Caller,
  next: (caller: Caller) => Result,
  isApart = false,
): Result {
  const inside = withContext((context): Result => {
    caller.context = context;
    return next(caller);
  });
  caller.span = "open";
  const spanned = (options?: Tracer.SpanOptions) =>
    inSpan(caller.call, "getOrSet", inside, ({ meta }) => meta.cache, options);
  if (!isApart) return spanned();
  return Effect.matchEffect(Effect.currentParentSpan, {
    onSuccess: (span) =>
      spanned({
        root: true,
        links: [{ _tag: "SpanLink", span, attributes: {} } as Tracer.SpanLink],
      }),
    onFailure: () => spanned({ root: true }),
  });
}

/** The span of a part of a call that missed, with its client's name, key, adapter and, if it succeeds, its outcome. */
function inSpan<A, E, R>(
  call: Keyed,
  part: Part,
  effect: Effect.Effect<A, E, R>,
  outcomeOf: (result: A) => string,
  options?: Tracer.SpanOptions,
): Effect.Effect<A, E, R> {
  const withOutcome = Effect.tap(
    effect,
    (result) => Effect.annotateCurrentSpan("outcome", outcomeOf(result)),
  );
  return Effect.withSpan(withOutcome, `cache-locking.${part}`, {
    ...options,
    attributes: attributesOf(call),
  }) as Effect.Effect<A, E, R>;
}
