import { Effect, type Tracer } from "effect";

/** Runs an effect under a tracer that hands each span out as it begins, and gives it as it is handed back. */
export function withSpans<A, E, R>(
  effect: Effect.Effect<A, E, R>,
  begun: (span: Tracer.Span) => Tracer.Span,
): Effect.Effect<A, E, R> {
  return Effect.flatMap(Effect.tracer, (tracer) => {
    const keeping = Object.create(tracer, {
      span: {
        value: (...args: Parameters<Tracer.Tracer["span"]>) => begun(tracer.span(...args)),
      },
    }) as Tracer.Tracer;
    return Effect.withTracer(effect, keeping);
  });
}

/** The same, which keeps them in `spans`. */
export function keepSpans<A, E, R>(
  effect: Effect.Effect<A, E, R>,
  spans: Tracer.Span[],
  change: (span: Tracer.Span) => Tracer.Span = (span) => span,
): Effect.Effect<A, E, R> {
  return withSpans(effect, (made) => {
    const span = change(made);
    spans.push(span);
    return span;
  });
}

/** The id of a span's parent; undefined for a root. */
export function parentOf({ parent }: Tracer.Span): string | undefined {
  return (parent as unknown as { readonly value?: Tracer.AnySpan } | undefined)?.value?.spanId;
}

/** Its outcome, if it has one. */
export function outcomeOf({ attributes }: Tracer.Span): unknown {
  return attributes.get("outcome");
}
