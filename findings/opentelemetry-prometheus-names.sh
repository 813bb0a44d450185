#!/usr/bin/env bash
# Subject: the names that OpenTelemetry's exporters for Prometheus give to one and the same metric, in
#   JavaScript and in Python.
# Versions: @opentelemetry/exporter-prometheus 0.223.0 with sdk-metrics 2.12.1; PyPI's
#   opentelemetry-exporter-prometheus 0.66b2 with opentelemetry-sdk 1.45.2; Node 20 or later.
# A good guess: a metric's name and unit give one name in Prometheus, as the specification has a rule
#   for it: `cache.wait` in `s` is `cache_wait_seconds`.
# What happens: so it is in Python. JavaScript leaves the unit out of the name, so it is `cache_wait`
#   there, and `cache.read` in `By` is `cache_read_total` instead of `cache_read_bytes_total`.
# Why it matters: a dashboard or an alert that is written for one half of the services is empty for the
#   other, and an alert that is empty doesn't fire. A name with the unit in it ("cache.fetch.seconds")
#   is the same in both.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private":true}' > package.json
npm install --silent --no-audit --no-fund --ignore-scripts @opentelemetry/api@1.9.1 \
  @opentelemetry/sdk-metrics@2.12.1 @opentelemetry/exporter-prometheus@0.223.0
pip install --quiet --disable-pip-version-check --root-user-action=ignore --no-warn-conflicts \
  --no-compile --target python opentelemetry-sdk==1.45.2 opentelemetry-exporter-prometheus==0.66b2 \
  prometheus-client==0.26.0

cat > metrics.json <<'JSON'
[
  ["histogram", "cache.wait", "s"],
  ["histogram", "cache.fetch.seconds", "s"],
  ["counter", "cache.read", "By"],
  ["counter", "cache.hits", "{hit}"],
  ["gauge", "cache.full", "%"]
]
JSON

cat > names.py <<'PY'
import json
from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.sdk.metrics import MeterProvider
from prometheus_client import REGISTRY, generate_latest

reader = PrometheusMetricReader()
meter = MeterProvider(metric_readers=[reader]).get_meter("probe")
for kind, name, unit in json.load(open("metrics.json")):
    if kind == "histogram":
        meter.create_histogram(name, unit=unit).record(0.25)
    elif kind == "counter":
        meter.create_counter(name, unit=unit).add(3)
    else:
        meter.create_gauge(name, unit=unit).set(50)
print(generate_latest(REGISTRY).decode())
PY

cat > probe.mjs <<'JS'
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { PrometheusExporter, PrometheusSerializer } from "@opentelemetry/exporter-prometheus";
import { MeterProvider } from "@opentelemetry/sdk-metrics";

const reader = new PrometheusExporter({ preventServerStart: true });
const provider = new MeterProvider({ readers: [reader] });
const meter = provider.getMeter("probe");
for (const [kind, name, unit] of JSON.parse(readFileSync("metrics.json", "utf8"))) {
  if (kind === "histogram") meter.createHistogram(name, { unit }).record(0.25);
  else if (kind === "counter") meter.createCounter(name, { unit }).add(3);
  else meter.createGauge(name, { unit }).record(50);
}
const { resourceMetrics } = await reader.collect();
const names = (text) =>
  [...text.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name).filter((name) => name.startsWith("cache_"));
const seen = {
  JavaScript: names(new PrometheusSerializer().serialize(resourceMetrics)),
  Python: names(execFileSync("python3", ["names.py"], {
    encoding: "utf8",
    env: { ...process.env, PYTHONPATH: "python" },
  })),
};
console.log(seen);
assert.deepEqual(seen, {
  JavaScript: ["cache_wait", "cache_fetch_seconds", "cache_read_total", "cache_hits_total", "cache_full"],
  Python: ["cache_wait_seconds", "cache_fetch_seconds", "cache_read_bytes_total", "cache_hits_total", "cache_full_percent"],
});
await provider.shutdown();
JS
node probe.mjs
