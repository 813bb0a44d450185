#!/usr/bin/env bash
# Subject: OpenTelemetry's metrics: a view that leaves out an attribute, and observable instruments.
# Version: @opentelemetry/sdk-metrics 2.12.1, Node 20 or later.
# A good guess: the series that differ only in that attribute are added up, of an observable counter as
#   of a counter. The specification says so, too.
# What happens: of an observable counter or up-down counter the series that the callback reports last
#   is exported as the sum; the others are dropped, without a word. A counter's are added up.
# Why it matters: an attribute such as the tenant is left out because it has too many values. From then
#   on the cache's entries, bytes or hits are those of one tenant, and it is another one when the order
#   of the reports changes. Add up in the callback.
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
  createAllowListAttributesProcessor,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from "@opentelemetry/sdk-metrics";

const tenants = { one: 100, two: 20, three: 3 };

async function exported(views) {
  const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
  const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 });
  const provider = new MeterProvider({ readers: [reader], views });
  const meter = provider.getMeter("probe");
  const counter = meter.createCounter("counter");
  const observe = (result) => {
    for (const [tenant, value] of Object.entries(tenants)) result.observe(value, { tenant });
  };
  for (const [tenant, value] of Object.entries(tenants)) counter.add(value, { tenant });
  meter.createObservableCounter("observable_counter").addCallback(observe);
  meter.createObservableUpDownCounter("observable_up_down_counter").addCallback(observe);
  await provider.forceFlush();
  const [{ scopeMetrics: [{ metrics }] }] = exporter.getMetrics();
  await provider.shutdown();
  return Object.fromEntries(
    metrics.map(({ descriptor, dataPoints }) => [
      descriptor.name,
      dataPoints.map(({ value }) => value).join(", "),
    ]),
  );
}

const seen = {
  "by tenant": await exported([]),
  "without the tenant": await exported([
    { instrumentName: "*", attributesProcessors: [createAllowListAttributesProcessor([])] },
  ]),
};
console.log(seen);
assert.deepEqual(seen, {
  "by tenant": {
    "counter": "100, 20, 3",
    "observable_counter": "100, 20, 3",
    "observable_up_down_counter": "100, 20, 3",
  },
  "without the tenant": {
    "counter": "123",
    "observable_counter": "3",
    "observable_up_down_counter": "3",
  },
});
JS
node probe.mjs
