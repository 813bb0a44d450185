#!/usr/bin/env bash
# Subject: OpenTelemetry's API: what a library asks for before the application has set up the SDK.
# Versions: @opentelemetry/api 1.9.1, @opentelemetry/sdk-metrics 2.12.1, @opentelemetry/sdk-trace-base
#   2.12.1, Node 20 or later.
# A good guess: a meter is like a tracer: what was made before the provider is set begins to work when
#   it is set.
# What happens: so it is with a tracer. A meter from before records nothing for good, nor does any
#   counter that is made of it, before or after; no warning says so. Only a `getMeter` after the setup
#   works.
# Why it matters: `const hits = metrics.getMeter("cache").createCounter("hits")` at the top of a module
#   is run by the import, which comes before the setup in most programs. Its traces are there, and its
#   counters are missing. Get the meter at the first use.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private":true}' > package.json
npm install --silent --no-audit --no-fund --ignore-scripts @opentelemetry/api@1.9.1 \
  @opentelemetry/sdk-metrics@2.12.1 @opentelemetry/sdk-trace-base@2.12.1

cat > probe.mjs <<'JS'
import assert from "node:assert/strict";
import { diag, DiagLogLevel, metrics, trace } from "@opentelemetry/api";
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from "@opentelemetry/sdk-metrics";
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from "@opentelemetry/sdk-trace-base";

const warnings = [];
const note = (message) => warnings.push(message);
diag.setLogger({ error: note, warn: note, info() {}, debug() {}, verbose() {} }, DiagLogLevel.ALL);

const tracer = trace.getTracer("library");
const meter = metrics.getMeter("library");
const counter = meter.createCounter("made_before");

const spans = new InMemorySpanExporter();
trace.setGlobalTracerProvider(
  new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(spans)] }),
);
const points = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
const provider = new MeterProvider({
  readers: [new PeriodicExportingMetricReader({ exporter: points, exportIntervalMillis: 3_600_000 })],
});
metrics.setGlobalMeterProvider(provider);

tracer.startSpan("a tracer from before").end();
counter.add(1);
meter.createCounter("a_meter_from_before").add(1);
metrics.getMeter("library").createCounter("a_meter_from_after").add(1);
await provider.forceFlush();

const seen = {
  spans: spans.getFinishedSpans().map(({ name }) => name),
  counters: points.getMetrics().flatMap(({ scopeMetrics }) =>
    scopeMetrics.flatMap((scope) => scope.metrics.map(({ descriptor }) => descriptor.name))
  ),
  warnings,
};
console.log(seen);
assert.deepEqual(seen, {
  spans: ["a tracer from before"],
  counters: ["a_meter_from_after"],
  warnings: [],
});
await provider.shutdown();
JS
node probe.mjs
