#!/usr/bin/env bash
# Subject: the issues of a Standard Schema (`schema["~standard"].validate`), of four libraries.
# Versions: zod 4.6.7, valibot 1.5.0, arktype 2.2.10, effect 4.1.0, Node 20 or later.
# A good guess: an issue is a message and a path, as in the specification; it says what was expected
#   and where, and can go into a log.
# What happens: zod and effect name the kind alone. valibot puts the value into the message, and each
#   part of its path carries the whole object that it leads through. arktype puts the value into the
#   message wherever it isn't of the wrong type but of the wrong form, and keeps it as `data`.
#   So `issue.path` isn't a list of keys in valibot: `path.join(".")` is "[object Object]".
# Why it matters: a cache that reports why an entry didn't fit writes users' data into logs and
#   traces. Build a message from the keys of the path alone.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private":true}' > package.json
npm install --silent --no-audit --no-fund --ignore-scripts \
  zod@4.6.7 valibot@1.5.0 arktype@2.2.10 effect@4.1.0

cat > probe.mjs <<'JS'
import assert from "node:assert/strict";
import { type } from "arktype";
import { Schema } from "effect";
import * as v from "valibot";
import { z } from "zod";

const number = {
  zod: z.object({ user: z.object({ age: z.number() }) }),
  valibot: v.object({ user: v.object({ age: v.number() }) }),
  arktype: type({ user: { age: "number" } }),
  effect: Schema.toStandardSchemaV1(
    Schema.Struct({ user: Schema.Struct({ age: Schema.Number }) }),
  ),
};
const email = {
  zod: z.object({ user: z.object({ age: z.email() }) }),
  valibot: v.object({ user: v.object({ age: v.pipe(v.string(), v.email()) }) }),
  arktype: type({ user: { age: "string.email" } }),
};

const secret = "SECRET-OF-A-USER";
async function look(schema) {
  const entry = { user: { age: secret } };
  const { issues: [issue] } = await schema["~standard"].validate(entry);
  return {
    message: issue.message.includes(secret),
    path: JSON.stringify(issue.path).includes(secret),
    joined: issue.path.join("."),
    issue: JSON.stringify(issue).includes(secret),
  };
}

const seen = {};
for (const [name, schema] of Object.entries(number)) seen[`${name}, a number`] = await look(schema);
for (const [name, schema] of Object.entries(email)) seen[`${name}, an address`] = await look(schema);
console.log("Where the value is told:");
console.table(seen);

const none = { message: false, path: false, joined: "user.age", issue: false };
const valibot = {
  message: true,
  path: true,
  joined: "[object Object].[object Object]",
  issue: true,
};
assert.deepEqual(seen, {
  "zod, a number": none,
  "valibot, a number": valibot,
  "arktype, a number": { ...none, issue: true },
  "effect, a number": none,
  "zod, an address": none,
  "valibot, an address": valibot,
  "arktype, an address": { ...none, message: true, issue: true },
});
JS
node probe.mjs
