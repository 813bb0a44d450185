#!/usr/bin/env bash
# Subject: Effect 3's cache of requests (`Effect.request` with `withRequestCaching(true)`).
# Version: effect 3.22.4, Node 20 or later.
# A good guess: as in a DataLoader it keeps what was asked for during one run; two resolvers (of two tenants,
#   or two databases) have entries of their own; what failed is asked for again.
# What happens: there is one cache per process, and its key is the request alone. For a minute a later
#   `runPromise` gets the value of an earlier one. An equal request to another resolver gets what the
#   first resolver has answered. A failure is kept like a value.
# Why it matters: a page shows the row that its own user changed half a minute ago, one tenant reads the other
#   one's, and a source that was away for a moment is away for a minute. Give each request that comes in
#   a cache of its own: `Effect.withRequestCache`, with one made by `Request.makeCache`.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private":true}' > package.json
npm install --silent --no-audit --no-fund --ignore-scripts effect@3.22.4

cat > probe.mjs <<'JS'
import assert from "node:assert/strict";
import { Effect, Request, RequestResolver } from "effect";

class User extends Request.TaggedClass("User") {}
const source = (name) => {
  const made = { answer: Effect.succeed(`${name} user, version 1`), asked: 0 };
  made.resolver = RequestResolver.fromEffect(() => {
    made.asked++;
    return made.answer;
  });
  return made;
};
const ask = (from, id) => Effect.request(new User({ id }), from.resolver).pipe(Effect.merge, Effect.withRequestCaching(true));
const cache = () => Effect.runPromise(Request.makeCache({ capacity: 100, timeToLive: "1 minute" }));

const ours = source("our");
const theirs = source("their");
const seen = { "first run": await Effect.runPromise(ask(ours, 1)) };
ours.answer = Effect.succeed("our user, version 2");
seen["next run"] = await Effect.runPromise(ask(ours, 1));
seen["another resolver"] = await Effect.runPromise(ask(theirs, 1));
ours.answer = Effect.fail("away");
seen["while the source is away"] = await Effect.runPromise(ask(ours, 2));
ours.answer = Effect.succeed("our user, version 3");
seen["when it is there again"] = await Effect.runPromise(ask(ours, 2));
seen["asked"] = [ours.asked, theirs.asked];
seen["with a cache of its own"] = await Effect.runPromise(ask(ours, 1).pipe(Effect.withRequestCache(await cache())));
console.log(seen);
assert.deepEqual(seen, {
  "first run": "our user, version 1",
  "next run": "our user, version 1",
  "another resolver": "our user, version 1",
  "while the source is away": "away",
  "when it is there again": "away",
  "asked": [2, 0],
  "with a cache of its own": "our user, version 3",
});
JS
node probe.mjs
