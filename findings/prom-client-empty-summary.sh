#!/usr/bin/env bash
# Subject: prom-client's Summary, when nothing was observed in its window.
# Version: prom-client 15.1.3, Node 20 or later.
# A good guess: there is no quantile of no values, so it is NaN, as Prometheus' own client in Go has it,
#   or the series is left out.
# What happens: each quantile is 0: before the first observation, and again once `maxAgeSeconds` has
#   passed without one.
# Why it matters: an idle or a stuck process reports a 99th percentile of 0 s. The mean over a fleet is
#   too low by those that do nothing, and the alert on slow calls ends when there are no calls any
#   more. Compare with the rate of `_count`, or use a Histogram.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private":true}' > package.json
npm install --silent --no-audit --no-fund --ignore-scripts prom-client@15.1.3

cat > probe.mjs <<'JS'
import assert from "node:assert/strict";
import client from "prom-client";

const registry = new client.Registry();
const wait = new client.Summary({
  name: "wait_seconds",
  help: "How long callers waited",
  percentiles: [0.5, 0.99],
  maxAgeSeconds: 1,
  ageBuckets: 2,
  registers: [registry],
});
async function exported() {
  const lines = (await registry.metrics()).split("\n").filter((line) => /^wait_seconds[{_](quantile|count)/.test(line));
  return lines.map((line) => line.split(" ")[1]).join(" ");
}

const seen = { "before the first": await exported() };
wait.observe(2);
wait.observe(4);
seen["after two"] = await exported();
await new Promise((resolve) => setTimeout(resolve, 2500));
seen["2.5 s later"] = await exported();
console.log("median, 99th percentile, count:", seen);
assert.deepEqual(seen, { "before the first": "0 0 0", "after two": "3 4 2", "2.5 s later": "0 0 2" });
JS
node probe.mjs
