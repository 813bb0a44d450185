#!/usr/bin/env bash
# Subject: @opentelemetry/api, where the application has an older 1.x than a library in it.
# Versions: @opentelemetry/api 1.7.0 and 1.9.1, @opentelemetry/sdk-trace-base 2.12.1, Node 20 or later.
# A good guess: all 1.x share one global tracer provider, or the mismatch is reported.
# What happens: the newer version ignores a provider that the older one has registered: its
#   `getTracer` gives spans that record nothing. No warning, not even to a logger that was set. The
#   other way round the spans are recorded.
# Why it matters: a library that depends on the newest API (instead of having it as a peer of a wide
#   range) loses its spans in each application that is a minor version behind, without a warning.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private":true}' > package.json
npm install --silent --no-audit --no-fund --ignore-scripts @opentelemetry/sdk-trace-base@2.12.1 \
  @opentelemetry/api@1.9.1 older@npm:@opentelemetry/api@1.7.0 newer@npm:@opentelemetry/api@1.9.1

cat > probe.mjs <<'JS'
import assert from "node:assert/strict";
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from "@opentelemetry/sdk-trace-base";

const [application, library] = await Promise.all([import(process.argv[2]), import(process.argv[3])]);
const exporter = new InMemorySpanExporter();
const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });

const said = [];
const tell = (...words) => said.push(words.join(" "));
application.diag.setLogger({ error: tell, warn: tell, info: tell, debug: () => {}, verbose: () => {} });

const registered = application.trace.setGlobalTracerProvider(provider);
application.trace.getTracer("application").startSpan("of the application").end();
const span = library.trace.getTracer("library").startSpan("of the library");
const recording = span.isRecording();
span.end();

const names = exporter.getFinishedSpans().map(({ name }) => name);
console.log(`application ${process.argv[2]}, library ${process.argv[3]}:`, { registered, recording, names });
assert.equal(registered, true);
assert.deepEqual(said, []);
assert.deepEqual(
  { recording, names },
  process.argv[2] === "older"
    ? { recording: false, names: ["of the application"] }
    : { recording: true, names: ["of the application", "of the library"] },
);
JS
node probe.mjs older newer
node probe.mjs newer older
