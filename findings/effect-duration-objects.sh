#!/usr/bin/env bash
# Subject: objects as durations in Effect 4.
# Versions: effect 4.1.0 and 3.22.4, Node 20 or later.
# A good guess: what is no duration throws, as "5s" does; a Duration made by another copy of Effect
#   is one.
# What happens: an object whose fields it doesn't know is the duration zero: { ms: 5000 }, a misspelt
#   { secnds: 5 }, a Date, and a Duration made by Effect 3. So sleeps end and timeouts fire at once.
#   Effect 3 throws for a Duration of Effect 4.
# Why it matters: with two majors in one tree, or a typing error in JavaScript, a time to live or a
#   timeout of an hour is none, without an error.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private":true}' > package.json
npm install --silent --no-audit --no-fund --ignore-scripts effect@4.1.0 effect3@npm:effect@3.22.4

cat > probe.mjs <<'JS'
import assert from "node:assert/strict";
import { Duration, Effect } from "effect";
import * as three from "effect3";

const of = (input) => {
  try {
    return Duration.toMillis(Duration.fromInputUnsafe(input));
  } catch {
    return "throws";
  }
};
const seen = {
  "{ seconds: 5 }": of({ seconds: 5 }),
  '"5 seconds"': of("5 seconds"),
  '"5s"': of("5s"),
  "{ ms: 5000 }": of({ ms: 5000 }),
  "{ secnds: 5 }": of({ secnds: 5 }),
  "new Date(5000)": of(new Date(5000)),
  "a Duration of Effect 3": of(three.Duration.seconds(5)),
};
console.log("milliseconds in Effect 4:", seen);
assert.deepEqual(Object.values(seen), [5000, 5000, "throws", 0, 0, 0, 0]);

const timed = Effect.timeout(Effect.as(Effect.sleep(50), "the value"), three.Duration.seconds(5));
const end = await Effect.runPromise(Effect.match(timed, { onSuccess: String, onFailure: ({ _tag }) => _tag }));
console.log("50 ms of work with a timeout of 5 s, made by Effect 3:", end);
assert.equal(end, "TimeoutError");
assert.throws(() => three.Duration.toMillis(three.Duration.decode(Duration.seconds(5))));
JS
node probe.mjs
