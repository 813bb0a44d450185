#!/usr/bin/env bash
# Subject: OpenTelemetry's counters and histograms, given NaN once.
# Version: @opentelemetry/sdk-metrics 2.12.1, @opentelemetry/api 1.9.1, Node 20 or later.
# A good guess: what can't be added is refused with a warning, as a negative number and a text are, and
#   the counter goes on.
# What happens: a histogram leaves NaN out. A counter adds it, without a word, and that series is NaN from
#   then on, until the process ends.
# Why it matters: `counter.add(body.length)` with a body that has none, or the difference of two times
#   of which one is missing, costs one process its whole series of bytes or of seconds, and the sum
#   over the fleet with it. Look at `Number.isFinite` before `add`.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private":true}' > package.json
npm install --silent --no-audit --no-fund --ignore-scripts @opentelemetry/api@1.9.1 \
  @opentelemetry/sdk-metrics@2.12.1

cat > probe.mjs <<'JS'
import assert from "node:assert/strict";
import { diag, DiagLogLevel } from "@opentelemetry/api";
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from "@opentelemetry/sdk-metrics";

let warnings = 0;
const count = () => warnings += 1;
diag.setLogger({ error: count, warn: count, info() {}, debug() {}, verbose() {} }, DiagLogLevel.WARN);

async function after(odd) {
  warnings = 0;
  const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
  const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 });
  const provider = new MeterProvider({ readers: [reader] });
  const meter = provider.getMeter("probe");
  const counter = meter.createCounter("bytes");
  const histogram = meter.createHistogram("wait");
  for (const value of [10, odd, 20]) {
    counter.add(value);
    histogram.record(value);
  }
  await provider.forceFlush();
  const [bytes, wait] = exporter.getMetrics()[0].scopeMetrics[0].metrics.map(({ dataPoints }) => dataPoints[0].value);
  await provider.shutdown();
  return { counter: bytes, sum: wait.sum, count: wait.count, warnings };
}

const seen = { "-1": await after(-1), '"5"': await after("5"), "NaN": await after(NaN) };
console.log("10, an odd value, 20:", seen);
const refused = { counter: 30, sum: 30, count: 2, warnings: 2 };
assert.deepEqual(seen, {
  "-1": refused,
  '"5"': refused,
  "NaN": { counter: NaN, sum: 30, count: 2, warnings: 0 },
});
JS
node probe.mjs
