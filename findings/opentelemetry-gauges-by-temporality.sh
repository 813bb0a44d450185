#!/usr/bin/env bash
# Subject: OpenTelemetry's gauges, by the temporality that the exporter prefers.
# Version: @opentelemetry/sdk-metrics 2.12.1, Node 20 or later.
# A good guess: temporality is for sums and histograms. A gauge is its last value, whichever is
#   preferred; a series that a callback doesn't report any more is gone.
# What happens: it decides which gauges there are. With CUMULATIVE a series that an observable gauge has
#   reported once is exported for good, with its old value, also when its callback is removed. With
#   DELTA it goes; but there a gauge that was recorded by `record` is exported once, and then only
#   after each new `record`.
# Why it matters: with Prometheus or the default of OTLP the size of a cache that was closed, or the
#   lag of a replica that is gone, stays on the dashboard until the process ends. With delta, a gauge
#   that is set at each change is missing while nothing changes, and looks like a process that is down.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private":true}' > package.json
npm install --silent --no-audit --no-fund --ignore-scripts @opentelemetry/api@1.9.1 \
  @opentelemetry/sdk-metrics@2.12.1

cat > probe.mjs <<'JS'
import assert from "node:assert/strict";
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from "@opentelemetry/sdk-metrics";

async function rounds(temporality) {
  const exporter = new InMemoryMetricExporter(AggregationTemporality[temporality]);
  const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 });
  const provider = new MeterProvider({ readers: [reader] });
  const meter = provider.getMeter("probe");
  async function exported() {
    exporter.reset();
    await provider.forceFlush();
    const metrics = exporter.getMetrics().flatMap(({ scopeMetrics }) => scopeMetrics).flatMap(({ metrics }) => metrics);
    return metrics.flatMap(({ descriptor, dataPoints }) =>
      dataPoints.map(({ value, attributes }) => `${descriptor.name} ${attributes.cache ?? ""} ${value}`.replace("  ", " "))
    );
  }

  const sizes = new Map([["users", 7], ["orders", 1]]);
  meter.createObservableGauge("size").addCallback((result) => {
    for (const [cache, size] of sizes) result.observe(size, { cache });
  });
  const lag = meter.createObservableGauge("lag");
  const observeLag = (result) => result.observe(900);
  lag.addCallback(observeLag);
  meter.createGauge("leases").record(3);
  const first = await exported();
  sizes.delete("users");
  lag.removeCallback(observeLag);
  const second = await exported();
  await provider.shutdown();
  return { first, second };
}

const seen = { CUMULATIVE: await rounds("CUMULATIVE"), DELTA: await rounds("DELTA") };
console.log("`users` is closed and `lag` removed after the first export:", seen);
const all = ["size users 7", "size orders 1", "lag 900", "leases 3"];
assert.deepEqual(seen, {
  CUMULATIVE: { first: all, second: all },
  DELTA: { first: all, second: ["size orders 1"] },
});
JS
node probe.mjs
