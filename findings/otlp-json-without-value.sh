#!/usr/bin/env bash
# Subject: OTLP over HTTP with JSON, from OpenTelemetry's exporter for JavaScript: NaN and Infinity.
# Versions: @opentelemetry/exporter-metrics-otlp-http and -otlp-proto 0.223.0, sdk-metrics 2.12.1; the
#   receiver is PyPI's opentelemetry-proto 1.45.2 with its protobuf; Node 20 or later.
# A good guess: the exporters differ in the encoding alone. In protobuf's JSON, which OTLP is in, NaN
#   and Infinity are texts ("NaN"), so the receiver reads the same point from both.
# What happens: the JSON exporter writes `null`, which means that the field isn't set: the receiver
#   reads a point that has no value, for which it shows 0. From the protobuf exporter it reads NaN and
#   Infinity.
# Why it matters: the rate of hits of a cache that nobody has asked yet is 0 / 0. It is "no data" by one
#   exporter, and by the other a cache that never hits, with the alert for it. Leave the point out
#   while it is no number.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private":true}' > package.json
npm install --silent --no-audit --no-fund --ignore-scripts @opentelemetry/api@1.9.1 \
  @opentelemetry/sdk-metrics@2.12.1 @opentelemetry/exporter-metrics-otlp-http@0.223.0 \
  @opentelemetry/exporter-metrics-otlp-proto@0.223.0
pip install --quiet --disable-pip-version-check --root-user-action=ignore --no-warn-conflicts \
  --no-compile --target python opentelemetry-proto==1.45.2

cat > receive.py <<'PY'
import json, sys
from google.protobuf import json_format
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

body = sys.stdin.buffer.read()
request = ExportMetricsServiceRequest()
if sys.argv[1] == "application/json":
    json_format.Parse(body, request)
else:
    request.ParseFromString(body)
points = {}
for metric in request.resource_metrics[0].scope_metrics[0].metrics:
    point = metric.gauge.data_points[0]
    field = point.WhichOneof("value")
    points[metric.name] = f"{field or 'no value'}, shown as {point.as_double}"
print(json.dumps(points))
PY

cat > probe.mjs <<'JS'
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createServer } from "node:http";
import { OTLPMetricExporter as JsonExporter } from "@opentelemetry/exporter-metrics-otlp-http";
import { OTLPMetricExporter as ProtobufExporter } from "@opentelemetry/exporter-metrics-otlp-proto";
import { MeterProvider, PeriodicExportingMetricReader } from "@opentelemetry/sdk-metrics";

let received;
const receiver = createServer(async (request, response) => {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const [type] = request.headers["content-type"].split(";");
  received = execFileSync("python3", ["receive.py", type], {
    input: Buffer.concat(chunks),
    env: { ...process.env, PYTHONPATH: "python" },
  });
  response.setHeader("content-type", type);
  response.end(type === "application/json" ? "{}" : undefined);
});
await new Promise((resolve) => receiver.listen(0, "127.0.0.1", resolve));
const url = `http://127.0.0.1:${receiver.address().port}/v1/metrics`;

async function readFrom(exporter) {
  const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 });
  const provider = new MeterProvider({ readers: [reader] });
  const meter = provider.getMeter("probe");
  meter.createGauge("size").record(7);
  meter.createGauge("rate_of_hits").record(0 / 0);
  meter.createGauge("lag").record(Infinity);
  await provider.forceFlush();
  const points = JSON.parse(received);
  await provider.shutdown();
  return points;
}

const seen = { protobuf: await readFrom(new ProtobufExporter({ url })), JSON: await readFrom(new JsonExporter({ url })) };
console.log(seen);
assert.deepEqual(seen, {
  protobuf: {
    size: "as_double, shown as 7.0",
    rate_of_hits: "as_double, shown as nan",
    lag: "as_double, shown as inf",
  },
  JSON: {
    size: "as_double, shown as 7.0",
    rate_of_hits: "no value, shown as 0.0",
    lag: "no value, shown as 0.0",
  },
});
process.exit(0);
JS
node probe.mjs
