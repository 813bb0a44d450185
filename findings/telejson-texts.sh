#!/usr/bin/env bash
# Subject: two codecs that say more than JSON, as a cache's: telejson (Storybook's) and
#   serialize-javascript.
# Versions: telejson 8.0.0, serialize-javascript 7.1.4, Node 20 or later.
# A good guess: a text is read as the text that was written. What such a codec is for (a Date, undefined, a
#   Map, Infinity) it keeps, and NaN with it.
# What happens: telejson reads the text "2026-11-30T06:00:00.000Z" as a Date and "_undefined_" as undefined.
#   A Map is read as an object that says that it was a Map, without its entries, and below ten levels
#   an object is the text "[Object]". serialize-javascript keeps Infinity, and NaN is null.
# Why it matters: a time that was JSON's text when it was fetched is a Date for all who read it from the
#   cache, so that `time.slice(0, 10)` fails for them alone; and deep trees are cut without an error.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private":true}' > package.json
npm install --silent --no-audit --no-fund --ignore-scripts telejson@8.0.0 serialize-javascript@7.1.4

cat > probe.mjs <<'JS'
import assert from "node:assert/strict";
import serialize from "serialize-javascript";
import { parse, stringify } from "telejson";

let deep = "the value";
for (let level = 0; level < 12; level++) deep = { deep };
const telejson = (value) => parse(stringify(value));
const javascript = (value) => new Function(`return ${serialize(value)}`)();
const value = {
  time: "2026-11-30T06:00:00.000Z",
  text: "_undefined_",
  map: new Map([["key", "value"]]),
  numbers: [Infinity, NaN],
  deep,
};
const told = ({ time, text, map, numbers, deep }) => ({
  time: time instanceof Date ? "a Date" : typeof time,
  text,
  map: map instanceof Map ? "a Map" : Object.keys(map).filter((key) => !key.startsWith("__")),
  numbers,
  "deep value": JSON.stringify(deep).match(/"[^"]*"(?=})/)[0],
});
const seen = { telejson: told(telejson(value)), "serialize-javascript": told(javascript(value)) };
console.log(seen);
assert.deepEqual(seen, {
  telejson: {
    time: "a Date",
    text: undefined,
    map: [],
    numbers: [Infinity, NaN],
    "deep value": '"[Object]"',
  },
  "serialize-javascript": {
    time: "string",
    text: "_undefined_",
    map: "a Map",
    numbers: [Infinity, null],
    "deep value": '"the value"',
  },
});
JS
node probe.mjs
