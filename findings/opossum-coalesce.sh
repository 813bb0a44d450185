#!/usr/bin/env bash
# Subject: opossum, the circuit breaker, with `coalesce: true` (calls with equal arguments share one).
# Version: opossum 9.0.0, Node 20 or later.
# A good guess: coalescing joins calls that run at the same time; a call that comes after a failure
#   tries again.
# What happens: the rejected promise is kept for `coalesceTTL`, like a value. A source that was down
#   for one call fails for every caller until that time is over, though it is well again, and though
#   the circuit is closed. `coalesceResetOn: ["error", "timeout"]` turns this off.
# Why it matters: people put a breaker around a fetcher to be hit less hard by failures. With this
#   option one failure of a moment is everyone's failure until the time is over.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private":true}' > package.json
npm install --silent --no-audit --no-fund --ignore-scripts opossum@9.0.0

cat > probe.mjs <<'JS'
import assert from "node:assert/strict";
import CircuitBreaker from "opossum";

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

async function run(options) {
  let calls = 0;
  const source = async () => {
    calls += 1;
    if (calls === 1) throw new Error("down for one call");
    return "well again";
  };
  const breaker = new CircuitBreaker(source, {
    coalesce: true,
    coalesceTTL: 600,
    volumeThreshold: 100,
    ...options,
  });
  const ask = () => breaker.fire("user:42").catch((error) => error.message);
  const seen = [await ask()];
  await pause(200);
  seen.push(await ask());
  const [callsSoFar, open] = [calls, breaker.opened];
  await pause(600);
  seen.push(await ask());
  return { seen, callsSoFar, open };
}

const plain = await run({});
console.log("coalesce:", plain);
assert.deepEqual(plain, {
  seen: ["down for one call", "down for one call", "well again"],
  callsSoFar: 1,
  open: false,
});

const reset = await run({ coalesceResetOn: ["error", "timeout"] });
console.log("with coalesceResetOn:", reset);
assert.deepEqual(reset, {
  seen: ["down for one call", "well again", "well again"],
  callsSoFar: 2,
  open: false,
});
JS
node probe.mjs
