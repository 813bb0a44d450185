#!/usr/bin/env bash
# Subject: what ioredis does with an option that its URL has, too.
# Version: ioredis 6.0.0 and 5.11.1, Node 20 or later.
# A good guess: an option beside the URL overrides that part of the URL, as the more specific one.
# What happens: the URL wins, in whichever order: user, password and number of the database are the URL's, and nothing
#   says that the option was left out.
# Why it matters: a password that was rotated into `password` isn't used while the URL in the environment has the old
#   one; `db: 1` for the tests writes to, and flushes, the database of the URL. Take the part out of the URL.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private":true,"type":"module"}' > package.json
npm install --silent --no-audit --no-fund --ignore-scripts ioredis6@npm:ioredis@6.0.0 ioredis5@npm:ioredis@5.11.1

cat > probe.mjs <<'JS'
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:net";

// A server that says OK to all commands, and keeps them.
let commands = [];
const server = createServer((socket) =>
  socket.on("data", (bytes) => {
    const all = String(bytes).split(/\*\d+\r\n/).slice(1).map((command) =>
      command.split("\r\n").filter((_, index) => index % 2 === 1).join(" ")
    );
    commands.push(...all);
    socket.write("+OK\r\n".repeat(all.length));
  })
).listen(0);
await once(server, "listening");
const url = `redis://old-user:old-password@127.0.0.1:${server.address().port}/3`;
const options = { username: "new-user", password: "new-password", db: 1 };

for (const name of ["ioredis6", "ioredis5"]) {
  const { Redis } = await import(name);
  commands = [];
  const redis = new Redis(url, { ...options, enableReadyCheck: false, disableClientInfo: true });
  redis.on("error", () => {});
  await redis.ping();
  redis.disconnect();
  const told = commands.filter((command) => /auth|select|hello/i.test(command)).map((command) =>
    command.toLowerCase()
  );
  console.log(name, "sends", told);
  const text = told.join(", ");
  assert.match(text, /old-user old-password/);
  assert.match(text, /select 3/);
  assert.doesNotMatch(text, /new-user|new-password|select 1/);
}
server.close();
JS
node probe.mjs
