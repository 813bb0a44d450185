#!/usr/bin/env bash
# Subject: Deno KV's `expireIn`.
# Version: Deno 2.9.6 (npm's @deno/linux-x64-glibc), KV in memory.
# A good guess: what has expired isn't read, and its place is free.
# What happens: it is deleted by a sweep, later. Two seconds after an `expireIn` of 200 ms `get`
#   returns the value, and a write on the condition that nothing is there fails.
# Why it matters: an entry is served after its time, and a lock with `expireIn` blocks the next one
#   until the sweep. Store the end with the value, and compare.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private":true}' > package.json
npm install --silent --no-audit --no-fund --ignore-scripts @deno/linux-x64-glibc@2.9.6
deno="$dir/node_modules/@deno/linux-x64-glibc/deno"
chmod +x "$deno"
export DENO_DIR="$dir/cache" DENO_NO_UPDATE_CHECK=1

cat > probe.mjs <<'JS'
import assert from "node:assert/strict";

const kv = await Deno.openKv(":memory:");
const key = ["lock"];
await kv.set(key, "first", { expireIn: 200 });
await new Promise((resolve) => setTimeout(resolve, 2000));
const { value } = await kv.get(key);
const { ok } = await kv.atomic().check({ key, versionstamp: null }).set(key, "second").commit();
console.log("1.8 s after its end:", { get: value, "taken by check(null)": ok });
assert.deepEqual([value, ok], ["first", false]);
kv.close();
JS
"$deno" run --quiet --no-lock --unstable-kv probe.mjs
