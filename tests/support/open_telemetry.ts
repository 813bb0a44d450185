import * as Otel from "@opentelemetry/api";
import { Effect, type Exit, type Option, type Tracer } from "effect";

/** What a tracer of Effect is asked for: of Effect 4 as one object, of Effect 3 as arguments. */
interface Asked {
  readonly name: string;
  readonly parent: Option.Option<Tracer.AnySpan>;
  readonly links: readonly Tracer.SpanLink[];
  readonly startTime: bigint;
}

const inOrder = ["name", "parent", "context", "links", "startTime", "kind"];

/** Makes a tracer of Effect whose spans are OpenTelemetry's, as `@effect/opentelemetry` does, which has one Effect alone. */
export function tracerOf(tracer: Otel.Tracer): Tracer.Tracer {
  const span = (...args: unknown[]) =>
    spanOf(
      tracer,
      (args.length === 1
        ? args[0]
        : Object.fromEntries(inOrder.map((name, index) => [name, args[index]]))) as Asked,
    );
  return Object.create(Effect.runSync(Effect.tracer), { span: { value: span } });
}

function spanOf(tracer: Otel.Tracer, { startTime, ...asked }: Asked): Tracer.Span {
  const parent = (asked.parent as { readonly value?: Tracer.AnySpan }).value;
  const links = [...asked.links];
  const attributes = new Map<string, unknown>();
  const span = tracer.startSpan(
    asked.name,
    { startTime: toTime(startTime), links: links.map(toLink) },
    parent === undefined
      ? Otel.ROOT_CONTEXT
      : Otel.trace.setSpanContext(Otel.ROOT_CONTEXT, toContext(parent)),
  );
  const { traceId, spanId, traceFlags } = span.spanContext();
  return {
    ...{ _tag: "Span", kind: "internal", status: { _tag: "Started", startTime }, ...asked },
    ...{ traceId, spanId, sampled: traceFlags === Otel.TraceFlags.SAMPLED, links, attributes },
    attribute(name: string, value: unknown) {
      attributes.set(name, value);
      span.setAttribute(name, value as string);
    },
    event() {},
    addLinks(more: readonly Tracer.SpanLink[]) {
      links.push(...more);
      span.addLinks(more.map(toLink));
    },
    end(endTime: bigint, _exit: Exit.Exit<unknown, unknown>) {
      span.end(toTime(endTime));
    },
  } as unknown as Tracer.Span;
}

function toLink({ span }: Tracer.SpanLink): Otel.Link {
  return { context: toContext(span) };
}

function toContext({ traceId, spanId, sampled }: Tracer.AnySpan): Otel.SpanContext {
  return { traceId, spanId, traceFlags: sampled ? Otel.TraceFlags.SAMPLED : 0 };
}

function toTime(nanos: bigint): Otel.HrTime {
  return [Number(nanos / 1_000_000_000n), Number(nanos % 1_000_000_000n)];
}
