#!/usr/bin/env bash
# Subject: json-bigint, which reads JSON without losing digits of large integers: its treatment of fractions.
# Version: json-bigint 1.0.0, Node 20 or later.
# A good guess: integers beyond 2^53 become a BigInt or a BigNumber, and all other numbers are what
#   JSON.parse makes of them.
# What happens: it goes by the length of the number's text. More than fifteen characters, the point and the
#   digits behind it among them, and it is a BigNumber: the sum 0.30000000000000004, or a longitude of
#   13.404953999999989. That plus 1 is a text. With `storeAsString` it is a text. With `useNativeBigInt`
#   parse throws at it, though JSON.stringify has written it.
# Why it matters: 0.5 is a number and 0.1 + 0.2 isn't, so it depends on the value whether an entry's
#   price is added, joined to a text, or makes the whole entry unreadable, a miss for as long as it lives.
#   Use JSON.parse with a reviver that has the source (Node 22), or lossless-json with a `parseNumber`.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private":true}' > package.json
npm install --silent --no-audit --no-fund --ignore-scripts json-bigint@1.0.0

cat > probe.mjs <<'JS'
import assert from "node:assert/strict";
import JsonBigint from "json-bigint";

const texts = ["0.5", "9007199254740993", JSON.stringify(0.1 + 0.2), "13.404953999999989"];
const seen = {};
for (const option of ["default", "storeAsString", "useNativeBigInt"]) {
  const json = JsonBigint(option === "default" ? {} : { [option]: true });
  seen[option] = texts.map((text) => {
    try {
      const { price } = json.parse(`{"price":${text}}`);
      return typeof price === "object" ? price.constructor.name : typeof price;
    } catch (error) {
      return error.name;
    }
  });
}
console.log(texts.join(" | "));
for (const [option, told] of Object.entries(seen)) console.log(`${option}:`, told.join(" | "));
const sum = JsonBigint.parse('{"price":0.30000000000000004}').price + 1;
console.log("0.30000000000000004 + 1 is", typeof sum, sum);
assert.deepEqual(seen, {
  default: ["number", "BigNumber", "BigNumber", "BigNumber"],
  storeAsString: ["number", "string", "string", "string"],
  useNativeBigInt: ["number", "bigint", "SyntaxError", "SyntaxError"],
});
assert.equal(sum, "0.300000000000000041");
JS
node probe.mjs
