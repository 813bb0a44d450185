#!/usr/bin/env bash
# Subject: a histogram of Effect 4 with boundaries of one's own, by its three ways out of the program.
# Versions: effect 4.1.0, @effect/opentelemetry 4.0.1, @opentelemetry/sdk-metrics 2.12.1, Node 20 or
#   later.
# A good guess: `boundaries: [100, 500, 1000]`, as the documentation writes them, are four buckets,
#   and their counts add up to `count`, whichever exporter is used.
# What happens: so it is in Effect's own OTLP exporter and in its Prometheus text. Through
#   @effect/opentelemetry the last boundary is gone, and so is every value above the one before the
#   last: three buckets, whose counts are less than `count`. With `Metric.linearBoundaries` or
#   `exponentialBoundaries`, which end with infinity, the counts are right.
# Why it matters: just the slowest calls are in no bucket, so the 99th percentile is that of the fast
#   ones. Make them by `Metric.boundariesFromIterable`, which adds `Infinity`.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private":true}' > package.json
npm install --silent --no-audit --no-fund --ignore-scripts effect@4.1.0 @effect/opentelemetry@4.0.1 \
  @opentelemetry/api@1.9.1 @opentelemetry/sdk-metrics@2.12.1 @opentelemetry/resources@2.12.1

cat > probe.mjs <<'JS'
import assert from "node:assert/strict";
import { createServer } from "node:http";
import * as OtelMetrics from "@effect/opentelemetry/OtelMetrics";
import * as Resource from "@effect/opentelemetry/Resource";
import { AggregationTemporality, InMemoryMetricExporter, PeriodicExportingMetricReader } from "@opentelemetry/sdk-metrics";
import { Effect, Layer, Metric } from "effect";
import { FetchHttpClient } from "effect/http";
import { OtlpMetrics, OtlpSerialization, PrometheusMetrics } from "effect/observability";

const waits = [50, 100, 300, 700, 5000, 9000];
const histograms = {
  own: Metric.histogram("own", { boundaries: [100, 500, 1000] }),
  infinite: Metric.histogram("infinite", { boundaries: [100, 500, 1000, Infinity] }),
};
let post;
const posted = new Promise((resolve) => post = resolve);
const collector = createServer(async (request, response) => {
  const body = [];
  for await (const chunk of request) body.push(chunk);
  post(JSON.parse(Buffer.concat(body).toString()));
  response.setHeader("content-type", "application/json");
  response.end("{}");
});
await new Promise((resolve) => collector.listen(0, "127.0.0.1", resolve));

const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 });
const bridge = OtelMetrics.layer(() => reader).pipe(Layer.provide(Resource.layer({ serviceName: "probe" })));
const otlp = OtlpMetrics.layer({
  url: `http://127.0.0.1:${collector.address().port}/v1/metrics`,
  exportInterval: "200 millis",
  resource: { serviceName: "probe" },
}).pipe(Layer.provide([OtlpSerialization.layerJson, FetchHttpClient.layer]));

const [text, bridged, sent] = await Effect.runPromise(
  Effect.gen(function* () {
    for (const histogram of Object.values(histograms)) {
      for (const wait of waits) yield* Metric.update(histogram, wait);
    }
    yield* Effect.promise(() => reader.forceFlush());
    const text = yield* PrometheusMetrics.format();
    return [text, exporter.getMetrics(), yield* Effect.promise(() => posted)];
  }).pipe(Effect.provide(Layer.mergeAll(bridge, otlp))),
);

const seen = {};
for (const name of Object.keys(histograms)) {
  const point = bridged[0].scopeMetrics[0].metrics.find(({ descriptor }) => descriptor.name === name).dataPoints[0].value;
  const own = sent.resourceMetrics[0].scopeMetrics[0].metrics.find((metric) => metric.name === name).histogram.dataPoints[0];
  const lines = [...text.matchAll(new RegExp(`^${name}_bucket\\{le="(.+)"\\} (\\d+)`, "gm"))];
  const upTo = lines.map(([, , count]) => Number(count));
  seen[name] = {
    "@effect/opentelemetry": `${point.buckets.counts} of ${point.count}`,
    "OTLP": `${own.bucketCounts} of ${own.count}`,
    "Prometheus": `${upTo.map((count, index) => count - (upTo[index - 1] ?? 0))} of ${upTo.at(-1)}`,
  };
}
console.log("values in each bucket:", seen);
const all = "2,1,1,2 of 6";
assert.deepEqual(seen, {
  own: { "@effect/opentelemetry": "2,1,1 of 6", "OTLP": all, "Prometheus": all },
  infinite: { "@effect/opentelemetry": all, "OTLP": all, "Prometheus": all },
});
process.exit(0);
JS
node probe.mjs
