#!/usr/bin/env bash
# Subject: fast-json-stringify, which writes JSON by a schema (Fastify's answers, and what is cached of them).
# Version: fast-json-stringify 7.3.10, Node 20 or later.
# A good guess: a value that isn't of the schema's type is an error, or is written as JSON.stringify does; null
#   is null.
# What happens: null is written as what is empty in the schema's type: 0, false, "", [] or {}, without an error.
#   A fraction that is to be an integer loses its fraction, and the text "false" is true. Infinity is null,
#   where NaN is an error.
# Why it matters: "the price isn't known" becomes "it is free", in the answer and in each cache of it, while
#   the handler and its tests see null. Allow it by `nullable: true`, or `type: ["number", "null"]`.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private":true}' > package.json
npm install --silent --no-audit --no-fund --ignore-scripts fast-json-stringify@7.3.10

cat > probe.mjs <<'JS'
import assert from "node:assert/strict";
import build from "fast-json-stringify";

const properties = {
  price: { type: "number" },
  count: { type: "integer" },
  sold: { type: "boolean" },
  name: { type: "string" },
  tags: { type: "array", items: { type: "string" } },
  owner: { type: "object", properties: { name: { type: "string" } } },
};
const write = (object, more = {}) => {
  const typed = Object.entries(properties).map(([name, type]) => [name, { ...type, ...more }]);
  try {
    return build({ type: "object", properties: Object.fromEntries(typed) })(object);
  } catch {
    return "an error";
  }
};
const nothing = { price: null, count: null, sold: null, name: null, tags: null, owner: null };
const seen = {
  "null": write(nothing),
  "null, nullable": write(nothing, { nullable: true }),
  "3.7 as an integer": write({ count: 3.7 }),
  "\"false\" as a boolean": write({ sold: "false" }),
  "Infinity": write({ price: Infinity }),
  "NaN": write({ price: NaN }),
};
console.log(seen);
assert.deepEqual(seen, {
  "null": '{"price":0,"count":0,"sold":false,"name":"","tags":[],"owner":{}}',
  "null, nullable": JSON.stringify(nothing),
  "3.7 as an integer": '{"count":3}',
  "\"false\" as a boolean": '{"sold":true}',
  "Infinity": '{"price":null}',
  "NaN": "an error",
});
JS
node probe.mjs
