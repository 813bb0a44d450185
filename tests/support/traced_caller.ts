/** A process of its own with OpenTelemetry: it calls as it is told to, and tells which spans were exported. */
import "./every_error.ts";
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
} from "@opentelemetry/sdk-trace-base";
import { Effect } from "effect";
import { Cache } from "../../mod.ts";
import type { Connect, Place } from "./connection.ts";
import { tracerOf } from "./open_telemetry.ts";
import { answer, beginning, messages } from "./worker.ts";

/** What such a process is started with. */
export interface Traced {
  readonly connection: string;
  readonly place: Place;
}

/** What it is told to do. */
export type TracedTask =
  /** To call, with a fetch that takes until it is told to end. */
  | { readonly type: "call"; readonly key: string; readonly staleWhileRevalidate?: number }
  | { readonly type: "end" }
  /** To store a value that is stale. */
  | { readonly type: "store stale"; readonly key: string }
  | { readonly type: "tell spans" };

/** What it tells: that it is there, fetches, waits or has stored; how its call ended; or its spans. */
export interface TracedTold {
  readonly is: "ready" | "fetching" | "waiting" | "stored" | "ended" | "spans";
  readonly outcome?: string;
  readonly value?: unknown;
  readonly spans?: readonly ToldSpan[];
}

/** What it tells of a span. */
export interface ToldSpan {
  readonly name: string;
  readonly traceId: string;
  readonly spanId: string;
  readonly parent: string | undefined;
  readonly outcome: unknown;
  readonly links: readonly { readonly traceId: string; readonly spanId: string }[];
}

const { connection, place } = beginning<Traced>();
const extension = import.meta.url.endsWith(".ts") ? "ts" : "js";
const module = new URL(`../adapters/${connection}.${extension}`, import.meta.url).href;
const { connect } = await import(module) as { readonly connect: Connect };
const { store, ready, close } = await connect(place);
await ready();

const exporter = new InMemorySpanExporter();
const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
const tracer = tracerOf(provider.getTracer("test"));
const say: (told: TracedTold) => void = answer;

let end: (value: string) => void = () => {};
const cache = Cache.make({
  adapter: store,
  cacheTtl: "1 minute",
  waitMax: "30 seconds",
  waitStrategy({ waitStep }) {
    say({ is: "waiting" });
    return waitStep;
  },
});
const fetcher = () =>
  Effect.promise(() =>
    new Promise<string>((resolve) => {
      end = resolve;
      say({ is: "fetching" });
    })
  );
const run = <A, E>(effect: Effect.Effect<A, E>) =>
  Effect.runPromise(Effect.withTracer(effect, tracer));
say({ is: "ready" });

for await (const task of messages<TracedTask>()) {
  switch (task.type) {
    case "call": {
      const { key, staleWhileRevalidate } = task;
      const options = staleWhileRevalidate === undefined ? {} : { staleWhileRevalidate };
      const calling = run(cache.getOrSet(key, fetcher, options));
      void calling.then(({ value, meta }) => say({ is: "ended", outcome: meta.cache, value }));
      break;
    }
    case "end":
      end("fetched");
      break;
    case "store stale":
      await Effect.runPromise(store.set(task.key, "old", { freshFor: 60_000, staleFor: 60_000 }));
      await Effect.runPromise(store.expire(task.key));
      say({ is: "stored" });
      break;
    case "tell spans": {
      const spans = exporter.getFinishedSpans().map((span): ToldSpan => ({
        name: span.name,
        ...span.spanContext(),
        parent: span.parentSpanContext?.spanId,
        outcome: span.attributes.outcome,
        links: span.links.map(({ context }) => context),
      }));
      say({ is: "spans", spans });
    }
  }
}
await provider.shutdown();
close();
