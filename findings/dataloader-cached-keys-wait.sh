#!/usr/bin/env bash
# Subject: dataloader: a key that it has in its cache, asked for beside one that it doesn't have.
# Version: dataloader 2.2.3, Node 20 or later.
# A good guess: what the loader has is there at once; only the keys that it doesn't have wait for the
#   batch. So does a key that `prime` has put there.
# What happens: within one tick all wait for the slowest. A cached or primed key is returned when the
#   batch that is gathered at that moment has come back, or has failed. With a `batchScheduleFn` that
#   gathers for a while, a cached key waits for that while, too, with no other key beside it.
# Why it matters: a page that has 99 of 100 users in the loader shows none of them before the last one
#   is there; a slow source also holds up those who need nothing from it. Keep the values
#   in a cache before the loader, and ask the loader only for what is missing.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private":true}' > package.json
npm install --silent --no-audit --no-fund --ignore-scripts dataloader@2.2.3

cat > probe.mjs <<'JS'
import assert from "node:assert/strict";
import DataLoader from "dataloader";

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

async function beside(answer) {
  const events = [];
  const loader = new DataLoader(async (keys) => {
    await pause(50);
    events.push("the batch is back");
    return keys.map(answer);
  });
  loader.prime("known", "value");
  await loader.load("known");
  events.push("known, alone");
  await Promise.allSettled([
    loader.load("unknown").catch(() => {}),
    loader.load("known").then(() => events.push("known, beside another key")),
  ]);
  return events;
}

async function gathered() {
  const loader = new DataLoader(async (keys) => keys, {
    batchScheduleFn: (dispatch) => setTimeout(dispatch, 100),
  });
  loader.prime("known", "value");
  return await Promise.race([
    loader.load("known").then(() => "waits less than 50 ms"),
    pause(50).then(() => "waits longer than 50 ms"),
  ]);
}

const seen = {
  "the batch succeeds": await beside((key) => key),
  "the batch fails": await beside(() => new Error("down")),
  "known, alone, gathered for 100 ms": await gathered(),
};
console.log(seen);
const order = ["known, alone", "the batch is back", "known, beside another key"];
assert.deepEqual(seen, {
  "the batch succeeds": order,
  "the batch fails": order,
  "known, alone, gathered for 100 ms": "waits longer than 50 ms",
});
JS
node probe.mjs
