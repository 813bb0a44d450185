#!/usr/bin/env bash
# Subject: Level: a part of a database (`sublevel`) whose values are JSON, and bytes in memory.
# Versions: memory-level 3.1.0, classic-level 3.0.0, Node 20 or later.
# A good guess: `db.sublevel("users")` keeps its values as its database does; what was put is what was there when it
#   was put, in memory as on disk.
# What happens: a sublevel has an encoding of its own, which is text. In a database with `valueEncoding: "json"` an
#   object that is put into a sublevel is stored as "[object Object]", without an error, and a walk through the
#   whole database fails from then on, as that is no JSON. memory-level keeps the buffer itself: who writes into
#   it later, or into one that `get` gave, changes the entry. classic-level keeps a copy.
# Why it matters: the values of a cache's namespace are lost as they are written, and the error comes from another
#   place, when somebody lists the entries. A buffer of a pool that is used again changes what is in
#   the cache, in tests. Pass `{ valueEncoding: "json" }` to each sublevel.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private":true}' > package.json
npm install --silent --no-audit --no-fund --ignore-scripts memory-level@3.1.0 classic-level@3.0.0

cat > probe.mjs <<'JS'
import assert from "node:assert/strict";
import { ClassicLevel } from "classic-level";
import { MemoryLevel } from "memory-level";

const open = {
  "memory-level": (options) => new MemoryLevel(options),
  "classic-level": (options) => new ClassicLevel(`data-${options.valueEncoding}`, options),
};
const seen = {};
for (const [name, make] of Object.entries(open)) {
  const json = make({ valueEncoding: "json" });
  await json.put("plain", { name: "Ada" });
  const users = json.sublevel("users");
  const told = { "in the database": await json.get("plain"), "listed": await json.values().all() };
  await users.put("1", { name: "Ada" });
  told["in a sublevel"] = await users.get("1");
  told["listed after that"] = await json.values().all().catch(({ code }) => code);
  const own = json.sublevel("own", { valueEncoding: "json" });
  await own.put("1", { name: "Ada" });
  told["in one with the encoding"] = await own.get("1");

  const bytes = make({ valueEncoding: "buffer" });
  const written = Buffer.from([1, 2]);
  await bytes.put("key", written);
  written[0] = 9;
  (await bytes.get("key"))[1] = 9;
  told["bytes 1 and 2"] = [...await bytes.get("key")];
  seen[name] = told;
  await json.close();
  await bytes.close();
}
console.log(seen);
const told = {
  "in the database": { name: "Ada" },
  "listed": [{ name: "Ada" }],
  "in a sublevel": "[object Object]",
  "listed after that": "LEVEL_DECODE_ERROR",
  "in one with the encoding": { name: "Ada" },
};
assert.deepEqual(seen, {
  "memory-level": { ...told, "bytes 1 and 2": [9, 9] },
  "classic-level": { ...told, "bytes 1 and 2": [1, 2] },
});
JS
node probe.mjs
