import * as Effect from "effect/Effect";
import * as Tracer from "effect/Tracer";
import { spanIn, withContext } from "../effect/fork.ts";
import { randomToken } from "../model/token.ts";
import type { Caller, Flight, Result } from "./flight.ts";
import { attributesOf, type Keyed } from "./call.ts";

const defaultTracer = Effect.runSync(Effect.tracer);

type Part = "getOrSet" | "acquire" | "fetch" | "wait" | "fill";

/** A part of a flight with its span, if the flight has spans. */
export function traced<A, E, R>(
  { hasSpans, call }: { readonly hasSpans?: boolean; readonly call: Keyed },
  part: Part,
  effect: Effect.Effect<A, E, R>,
  outcomeOf: (result: A) => string,
  awaited?: string,
): Effect.Effect<A, E, R> {
  return hasSpans ? inSpan(call, part, effect, outcomeOf, { links: linksTo(awaited) }) : effect;
}

/**
 * A new owner token. If a flight's spans are recorded, it ends with the
 * [traceparent](https://www.w3.org/TR/trace-context/#traceparent-header) of its call, which its fetch is a part of: who finds
 * the lease is linked to that.
 */
export function ownerOf(flight: Flight): string {
  const { ownerId } = flight.call.settings;
  const token = randomToken();
  const trace = traceOf(flight);
  const owner = ownerId === undefined ? token : `${ownerId}:${token}`;
  return trace === undefined ? owner : `${owner}:${trace}`; // mutate: trace in the owner
}

/** What stands for a flight's call in links; undefined if its span isn't recorded. */
export function traceOf({ hasSpans, context }: Flight): string | undefined {
  const span = hasSpans ? spanIn(context) : undefined;
  if (!span?.sampled) return undefined;
  const trace = `00-${span.traceId}-${span.spanId}-01`;
  return TRACE.test(trace) ? trace : undefined;
}

const TRACE = /(?:^|:)00-(?!0{32})([\da-f]{32})-(?!0{16})([\da-f]{16})-01$/;

/** The links to the call that an owner token or a trace tells of: none if it tells of none. */
function linksTo(awaited: string | undefined): Tracer.SpanLink[] {
  const [, traceId, spanId] = awaited === undefined ? [] : TRACE.exec(awaited) ?? [];
  return spanId === undefined ? [] : [linkTo(Tracer.externalSpan({ traceId: traceId!, spanId }))];
}

function linkTo(span: Tracer.AnySpan): Tracer.SpanLink {
  return { _tag: "SpanLink", span, attributes: {} } as Tracer.SpanLink;
}

/** Links the span of a caller that has one to the call that it waits for, by an owner token or a trace. */
export function link({ span: state, context }: Caller, awaited: string | undefined): void {
  if (state !== "open") return;
  const [link] = linksTo(awaited);
  const span = spanIn(context);
  if (link === undefined || span?._tag !== "Span") return;
  const isKnown = span.links.some((known) => known.span.spanId === link.span.spanId);
  if (!isKnown) span.addLinks([link]);
}

/**
 * Whether a tracer keeps spans. The default one doesn't, so none are made for it: a span takes longer than all else that a
 * miss in memory does.
 */
export function keepsSpans(tracer: Tracer.Tracer): boolean {
  return tracer !== defaultTracer;
}

/**
 * What a call does, in its span if it is to have one: once, however often it tries. A refresh has one apart, which is linked
 * to the span that it was begun in.
 */
export function inOwnSpan(
  caller: Caller,
  next: (caller: Caller) => Result,
  isApart = false,
): Result {
  if (caller.span !== "missing") return next(caller);
  const inside = withContext((context): Result => {
    caller.context = context;
    return next(caller);
  });
  caller.span = "open";
  const spanned = (options?: Tracer.SpanOptions) =>
    inSpan(caller.call, "getOrSet", inside, ({ meta }) => meta.cache, options);
  if (!isApart) return spanned();
  return Effect.matchEffect(Effect.currentParentSpan, {
    onSuccess: (span) => spanned({ root: true, links: [linkTo(span)] }), // mutate: link of a refresh
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
