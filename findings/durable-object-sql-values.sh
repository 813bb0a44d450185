#!/usr/bin/env bash
# Subject: SQLite in a Durable Object (`ctx.storage.sql`): values that are bound to a statement, beside D1.
# Version: miniflare 4.20260730.0 (with its workerd), Node 20 or later.
# A good guess: true is 1, as in D1 and in each driver of SQLite that takes it; what SQLite has no type for
#   is refused, as in D1.
# What happens: what isn't a number, null or bytes is bound as its text. True is the text "true", which
#   a condition takes for false: `where done` and `where done = 1` find no row that was written with
#   true. A Date is "Fri Jan 02 1970 …", `{}` is "[object Object]". A BigInt is the one that throws.
# Why it matters: a schema and its statements that work on D1 find nothing in a Durable Object, without an
#   error: a flag that is set counts as unset, and dates are ordered by the name of the day. Bind
#   `Number(flag)` and `date.getTime()`.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private":true}' > package.json
npm install --silent --no-audit --no-fund --ignore-scripts miniflare@4.20260730.0

cat > probe.mjs <<'JS'
import assert from "node:assert/strict";
import { Miniflare } from "miniflare";

const script = `
import { DurableObject } from "cloudflare:workers";

const create = "create table job (done integer, at integer)";
const values = [true, new Date(86_400_000)];
const attempt = async (act) => {
  try {
    return await act();
  } catch {
    return "throws";
  }
};

export class Jobs extends DurableObject {
  async seen() {
    const { sql } = this.ctx.storage;
    sql.exec(create);
    sql.exec("insert into job values (?, ?)", ...values);
    const count = (condition) => sql.exec("select 1 from job where " + condition).toArray().length;
    return {
      stored: sql.exec("select done from job").one().done,
      "where done": count("done"),
      "where done = 1": count("done = 1"),
      "a Date": sql.exec("select at from job").one().at.slice(0, 15),
      "an object": await attempt(() => sql.exec("select ? as value", {}).one().value),
      "a BigInt": await attempt(() => sql.exec("select ? as value", 5n).one().value),
    };
  }
}

async function seenByD1(db) {
  await db.exec(create);
  await db.prepare("insert into job values (?, 1)").bind(true).run();
  const count = async (condition) =>
    (await db.prepare("select 1 from job where " + condition).all()).results.length;
  const bound = (value) => attempt(() => db.prepare("select ? as value").bind(value).first("value"));
  return {
    stored: await db.prepare("select done from job").first("done"),
    "where done": await count("done"),
    "where done = 1": await count("done = 1"),
    "a Date": await bound(values[1]),
    "an object": await bound({}),
    "a BigInt": await bound(5n),
  };
}

export default {
  async fetch(_request, { JOBS, DB }) {
    const jobs = JOBS.get(JOBS.idFromName("jobs"));
    return Response.json({ D1: await seenByD1(DB), "Durable Object": await jobs.seen() });
  },
};`;
const miniflare = new Miniflare({
  modules: true,
  compatibilityDate: "2026-07-01",
  d1Databases: ["DB"],
  durableObjects: { JOBS: { className: "Jobs", useSQLite: true } },
  script,
});
const seen = await (await miniflare.dispatchFetch("http://localhost/")).json();
await miniflare.dispose();
console.log(seen);
assert.deepEqual(seen, {
  D1: {
    stored: 1,
    "where done": 1,
    "where done = 1": 1,
    "a Date": "throws",
    "an object": "throws",
    "a BigInt": "throws",
  },
  "Durable Object": {
    stored: "true",
    "where done": 0,
    "where done = 1": 0,
    "a Date": "Fri Jan 02 1970",
    "an object": "[object Object]",
    "a BigInt": "throws",
  },
});
JS
node probe.mjs
