#!/usr/bin/env bash
# Subject: zod's Standard Schema face, where one check is asynchronous.
# Versions: zod 4.6.7 beside valibot 1.5.0, Node 20 or later.
# A good guess: `schema["~standard"].validate(value)` runs each check and transform once.
# What happens: zod tries it synchronously first. When it meets a promise it throws that run away and
#   begins anew, so all checks that had run, the asynchronous one too, run twice per call.
#   `parseAsync` of the same schema runs each once, as valibot does.
# Why it matters: an asynchronous check asks a database or a service. A cache that checks its entries
#   by Standard Schema asks it twice for each hit, and a transform that counts or allots does it twice.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private":true}' > package.json
npm install --silent --no-audit --no-fund --ignore-scripts zod@4.6.7 valibot@1.5.0

cat > probe.mjs <<'JS'
import assert from "node:assert/strict";
import * as v from "valibot";
import { z } from "zod";

const runs = { plain: 0, asynchronous: 0 };
const plain = () => (runs.plain += 1, true);
const asynchronous = async () => (runs.asynchronous += 1, true);
async function count(validate) {
  Object.assign(runs, { plain: 0, asynchronous: 0 });
  const { issues } = await validate({ name: "Ada", id: "42" });
  assert.equal(issues, undefined);
  return { ...runs };
}

const zod = z.object({ name: z.string().refine(plain), id: z.string().refine(asynchronous) });
const valibot = v.objectAsync({
  name: v.pipe(v.string(), v.check(plain)),
  id: v.pipeAsync(v.string(), v.checkAsync(asynchronous)),
});
const seen = {
  "zod, ~standard.validate": await count((value) => zod["~standard"].validate(value)),
  "zod, parseAsync": await count((value) => zod.parseAsync(value)),
  "valibot, ~standard.validate": await count((value) => valibot["~standard"].validate(value)),
};
console.log("runs of each check, per call:", seen);
const once = { plain: 1, asynchronous: 1 };
assert.deepEqual(seen, {
  "zod, ~standard.validate": { plain: 2, asynchronous: 2 },
  "zod, parseAsync": once,
  "valibot, ~standard.validate": once,
});
JS
node probe.mjs
