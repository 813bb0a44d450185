#!/usr/bin/env bash
# Subject: whether a program lives for as long as one of its fibers waits, in both majors of Effect.
# Version: effect 3.22.0 and 4.1.0, Node 20 or later.
# A good guess: `Effect.never` waits as any other effect does that never ends, and in the new major as in the old.
# What happens: in Effect 3 it holds the process by an interval, for good, while an effect of a promise or a Deferred
#   that never ends holds nothing. In Effect 4 it holds nothing either: the program ends at once, with 0.
# Why it matters: a service that ends its main program with `Effect.never` is gone without a word after the update,
#   if nothing else holds it; and in Effect 3 one forgotten `never` in a background fiber keeps a finished job
#   running. Hold a process by what it waits for: a server, a signal's listener, or `runMain` of the platform.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private":true,"type":"module"}' > package.json
npm install --silent --no-audit --no-fund --ignore-scripts effect3@npm:effect@3.22.0 effect4@npm:effect@4.1.0

cat > wait.mjs <<'JS'
const { Deferred, Effect } = await import(process.argv[2]);
const waits = {
  never: Effect.never,
  promise: Effect.promise(() => new Promise(() => {})),
  deferred: Effect.flatMap(Deferred.make(), (deferred) => Deferred.await(deferred)),
};
Effect.runFork(waits[process.argv[3]]);
JS
seen=""
for major in effect3 effect4; do
  for wait in never promise deferred; do
    code=0
    timeout 4 node wait.mjs "$major" "$wait" || code=$?
    case $code in 0) how=ended ;; 124) how="still there after 4 s" ;; *) how="failed with $code" ;; esac
    echo "$major, a fiber that waits for $wait: $how"
    seen="$seen $code"
  done
done
[ "$seen" = " 124 0 0 0 0 0" ]
