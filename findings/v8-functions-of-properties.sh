#!/usr/bin/env bash
# Subject: functions that are written where they are assigned to a property, getters of object
#   literals, and classes within functions, in programs that make many objects of a short life.
# Versions: Node 18.20.8, 20.20.2 and 24.22.3.
# A good guess: `owner.look = () => …` and `const look = () => …; owner.look = look` are the same,
#   and so are `{ look() {…} }` and `{ get look() {…} }`.
# What happens: V8 makes the first function among its old objects. Young collections never free it,
#   nor anything that it sees, and what it sees becomes old, too: all of it stays until the next full
#   collection. So it is with the getter, and with a class within a function. The function with a
#   name, and the method, are collected like any other object.
# Why it matters: a request, a flight or a batch that has one such function is copied to the old
#   objects with all that it holds. Of reads of 100 entries that had one, almost a quarter of the time
#   went to collections; with a name for the function it was a twentieth.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
case $(uname -m) in aarch64 | arm64) arch=arm64 ;; *) arch=x64 ;; esac
case $(uname -s) in Darwin) system=darwin ;; *) system=linux ;; esac
node=node-$system-$arch
echo '{"private":true}' > package.json
npm install --silent --no-audit --no-fund --ignore-scripts \
  "node18@npm:$node@18.20.8" "node20@npm:$node@20.20.2" "node24@npm:$node@24.22.3"

cat > probe.mjs <<'JS'
import assert from "node:assert/strict";

/** Objects with a function that sees 80 kB. */
const ways = {
  named(held) {
    const owner = {};
    const look = () => held.length;
    owner.look = look;
    return owner;
  },
  arrow: (held) => ({ look: () => held.length }),
  method: (held) => ({ look() { return held.length; } }),
  assigned(held) {
    const owner = {};
    owner.look = () => held.length;
    return owner;
  },
  getter: (held) => ({ get look() { return held.length; } }),
  class(held) {
    class Owner {
      look() { return held.length; }
    }
    return new Owner();
  },
};

/** Megabytes that young collections leave of 200 of them, which are dropped at once. */
const left = (way) => {
  gc();
  const before = process.memoryUsage().heapUsed;
  for (let i = 0; i < 200; i++) way(new Array(10_000).fill(i));
  for (let i = 0; i < 3; i++) gc({ type: "minor" });
  return (process.memoryUsage().heapUsed - before) / 1e6;
};
const seen = {};
for (const [name, way] of Object.entries(ways)) {
  left(way);
  seen[name] = left(way).toFixed(1);
}
console.log(process.version, "MB left of 16:", seen);
for (const name of ["named", "arrow", "method"]) assert.ok(seen[name] < 2, name);
for (const name of ["assigned", "getter", "class"]) assert.ok(seen[name] > 14, name);
gc();
assert.ok(process.memoryUsage().heapUsed < 10e6);
JS
for version in 18 20 24; do "node_modules/node$version/bin/node" --expose-gc probe.mjs; done
