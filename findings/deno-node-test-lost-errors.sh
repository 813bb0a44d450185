#!/usr/bin/env bash
# Subject: `node:test` as Deno has it.
# Version: Deno 2.9.6, Node 20 or later.
# A good guess: an exception that nothing catches, in a timer, a microtask or a listener, fails the run of the
#   tests, as it does in Node and in tests of `Deno.test`.
# What happens: `deno test` calls all tests ok, prints nothing of the exceptions and exits with 0. Of the same file
#   Node fails, and so does Deno once `test` is `Deno.test`. A rejection that nothing handles fails in all three.
# Why it matters: a suite for both runtimes shows no failure on Deno that is in a callback: an assertion in a
#   listener asserts nothing there. Let it reject a promise that the test awaits, or run the suite on Node, too.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private":true,"type":"module"}' > package.json
npm install --silent --no-audit --no-fund --ignore-scripts deno@2.9.6

cat > cases.mjs <<'JS'
import assert from "node:assert/strict";
import { EventEmitter } from "node:events";

const pause = () => new Promise((resolve) => setTimeout(resolve, 50));

/** An assertion that doesn't hold, by what runs it. */
export const cases = {
  microtask: () => queueMicrotask(() => assert.fail("lost")),
  timer: () => setTimeout(() => assert.fail("lost"), 1),
  listener() {
    const emitter = new EventEmitter().on("event", () => assert.fail("lost"));
    setImmediate(() => emitter.emit("event"));
  },
  promise: () => void Promise.reject(new Error("lost")),
};

export const run = (test) => async () => {
  cases[test]();
  await pause();
};
JS
for name in microtask timer listener promise; do
  echo "import { test } from 'node:test'; import { run } from './cases.mjs'; test('$name', run('$name'));" > "node_$name.test.mjs"
  echo "import { run } from './cases.mjs'; Deno.test('$name', run('$name'));" > "deno_$name.test.mjs"
done

verdict() {
  if "$@" > output 2>&1; then echo ok; else echo failed; fi
}
seen=""
for name in microtask timer listener promise; do
  node=$(verdict node --test "node_$name.test.mjs")
  same=$(verdict npx deno test --no-lock -A "node_$name.test.mjs")
  told=$(grep -c lost output || true)
  own=$(verdict npx deno test --no-lock -A "deno_$name.test.mjs")
  echo "$name: Node $node, Deno's node:test $same (tells it $([ "$told" = 0 ] && echo no || echo yes)), Deno.test $own"
  seen="$seen $name=$node/$same/$([ "$told" = 0 ] && echo silent || echo told)/$own"
done
[ "$seen" = " microtask=failed/ok/silent/failed timer=failed/ok/silent/failed listener=failed/ok/silent/failed promise=failed/failed/told/failed" ]
