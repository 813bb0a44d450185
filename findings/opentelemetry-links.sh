#!/usr/bin/env bash
# Subject: OpenTelemetry's limits per span: links beside attributes.
# Versions: @opentelemetry/sdk-trace-base 2.12.1, @opentelemetry/api 1.9.1, Node 20 or later.
# A good guess: beyond the limit of 128 what comes later is dropped, so what was set first stays.
# What happens: so it is with attributes. Of links that are given to `startSpan` or added later the
#   newest 128 stay, and the oldest are dropped.
# Why it matters: the first link of a batch or of a busy fetch is the one that says what began it, and
#   just that one is gone. Keep what matters as an attribute too, or add it last.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private":true}' > package.json
npm install --silent --no-audit --no-fund --ignore-scripts \
  @opentelemetry/sdk-trace-base@2.12.1 @opentelemetry/api@1.9.1

cat > probe.mjs <<'JS'
import assert from "node:assert/strict";
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from "@opentelemetry/sdk-trace-base";

const exporter = new InMemorySpanExporter();
const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
const tracer = provider.getTracer("probe");
const link = (index) => ({
  context: {
    traceId: "0af7651916cd43dd8448eb211c80319c",
    spanId: (index + 1).toString(16).padStart(16, "0"),
    traceFlags: 1,
  },
});
const indices = Array.from({ length: 200 }, (_, index) => index);

const added = tracer.startSpan("added");
for (const index of indices) added.addLink(link(index)).setAttribute(`n${index}`, index);
added.end();
tracer.startSpan("given", { links: indices.map(link) }).end();

const seen = {};
for (const span of exporter.getFinishedSpans()) {
  const links = span.links.map(({ context }) => parseInt(context.spanId, 16) - 1);
  const attributes = Object.values(span.attributes);
  seen[span.name] = {
    links: `${links[0]} to ${links.at(-1)}`,
    droppedLinks: span.droppedLinksCount,
    ...(attributes.length > 0 ? { attributes: `${attributes[0]} to ${attributes.at(-1)}` } : {}),
  };
}
console.log("kept of 0 to 199:", seen);
const newest = { links: "72 to 199", droppedLinks: 72 };
assert.deepEqual(seen, { added: { ...newest, attributes: "0 to 127" }, given: newest });
JS
node probe.mjs
