#!/usr/bin/env bash
# Subject: `node:fs`' watch in Deno.
# Version: Deno 2.9.6 (npm's @deno/linux-x64-glibc); Node beside it.
# A good guess: a watch with `persistent: false`, or one on which `unref()` was called, lets the
#   process end.
# What happens: in Node both do. In Deno `persistent: false` does nothing, and `unref()` only until
#   the next event, after which the watch holds the process again.
# Why it matters: a cache that watches its file for changes of other processes keeps a command alive
#   that has nothing more to do. Call `unref()` again after each event, in a microtask.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private":true}' > package.json
npm install --silent --no-audit --no-fund --ignore-scripts @deno/linux-x64-glibc@2.9.6
deno="$dir/node_modules/@deno/linux-x64-glibc/deno"
chmod +x "$deno"
export DENO_DIR="$dir/cache" DENO_NO_UPDATE_CHECK=1
mkdir watched

cat > probe.mjs <<'JS'
import fs from "node:fs";
const [, , ...how] = process.argv;
const again = () => how.includes("again") && queueMicrotask(() => watcher.unref());
const watcher = fs.watch("watched", { persistent: !how.includes("persistent:false") }, again);
if (!how.includes("persistent:false")) watcher.unref();
if (how.includes("event")) {
  setTimeout(() => fs.writeFileSync("watched/file", "changed"), 100);
  setTimeout(() => {}, 500);
}
JS
# What ends it: by itself, or `timeout` after five seconds.
ends() {
  local code=0
  timeout 5 "$@" || code=$?
  [ "$code" = 124 ] && echo stays || echo "ends with $code"
}
try() {
  local node there expected=$1
  shift
  node=$(ends node probe.mjs "$@")
  there=$(ends "$deno" run --quiet --no-lock -A probe.mjs "$@")
  echo "$*: Node $node, Deno $there"
  [ "$node" = "ends with 0" ] && [ "$there" = "$expected" ]
}
try stays persistent:false
try "ends with 0" unref
try stays unref event
try "ends with 0" unref event again
