#!/usr/bin/env bash
# Subject: a duration of two units, "1h 30m", in ms, and in what takes its durations through ms.
# Versions: ms 2.1.3 with keyv 5.6.0 and lru-cache 11.5.3, express 5.3.0, mongoose 9.12.1, jsonwebtoken
#   9.0.3; parse-duration 2.1.9; Node 20 or later.
# A good guess: it is an hour and a half, or an error.
# What happens: ms returns undefined for it, and for "1 month". As a time to live that means "never ends"
#   to keyv and lru-cache. Express makes "max-age=0" of it, in `express.static` and `sendFile`, and
#   mongoose an index with `expireAfterSeconds: NaN`. Only jsonwebtoken throws. parse-duration reads it,
#   but takes "1,5h", as half of Europe writes it, for 15 hours.
# Why it matters: a setting that someone makes longer by half an hour is no limit at all from then on, or no
#   caching, and nothing says so. Look at what ms returns: `ms(text) ?? fail(text)`.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private":true}' > package.json
npm install --silent --no-audit --no-fund --ignore-scripts ms@2.1.3 keyv@5.6.0 lru-cache@11.5.3 \
  express@5.3.0 mongoose@9.12.1 jsonwebtoken@9.0.3 parse-duration@2.1.9

cat > probe.mjs <<'JS'
import assert from "node:assert/strict";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import express from "express";
import jwt from "jsonwebtoken";
import Keyv from "keyv";
import { LRUCache } from "lru-cache";
import mongoose from "mongoose";
import ms from "ms";
import parseDuration from "parse-duration";

writeFileSync("page.txt", "text");
async function told(text) {
  const keyv = new Keyv();
  await keyv.set("key", "value", ms(text));
  const lru = new LRUCache({ max: 10, ttl: ms(text) });
  lru.set("key", "value");
  const app = express().use(express.static(".", { maxAge: text }));
  const server = app.listen(0, "127.0.0.1");
  await once(server, "listening");
  const page = await fetch(`http://127.0.0.1:${server.address().port}/page.txt`);
  const schema = new mongoose.Schema({ at: { type: Date, expires: text } });
  let token;
  try {
    const { iat, exp } = jwt.decode(jwt.sign({}, "secret", { expiresIn: text }));
    token = exp - iat;
  } catch {
    token = "throws";
  }
  return {
    ms: ms(text),
    keyv: (await keyv.get("key", { raw: true })).expires === undefined ? "never ends" : "ends",
    "lru-cache": lru.getRemainingTTL("key") === Infinity ? "never ends" : "ends",
    express: page.headers.get("cache-control"),
    mongoose: schema.indexes()[0][1].expireAfterSeconds,
    jsonwebtoken: token,
    "parse-duration": parseDuration(text),
  };
}
const seen = { "90m": await told("90m"), "1h 30m": await told("1h 30m"), "1 month": await told("1 month") };
console.log(seen, { "parse-duration of 1,5h in hours": parseDuration("1,5h") / 3_600_000 });
const lost = {
  ms: undefined,
  keyv: "never ends",
  "lru-cache": "never ends",
  express: "public, max-age=0",
  mongoose: NaN,
  jsonwebtoken: "throws",
};
assert.deepEqual(seen, {
  "90m": {
    ms: 5_400_000,
    keyv: "ends",
    "lru-cache": "ends",
    express: "public, max-age=5400",
    mongoose: 5400,
    jsonwebtoken: 5400,
    "parse-duration": 5_400_000,
  },
  "1h 30m": { ...lost, "parse-duration": 5_400_000 },
  "1 month": { ...lost, "parse-duration": 2_629_800_000 },
});
assert.equal(parseDuration("1,5h"), 15 * 3_600_000);
process.exit(0);
JS
node probe.mjs
