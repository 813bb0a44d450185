#!/usr/bin/env bash
# Subject: superjson as a cache's codec, beside devalue.
# Versions: superjson 2.2.7, devalue 6.0.3, Node 20 or later.
# A good guess: superjson can read what it writes, and a codec that keeps a Uint8Array keeps a Buffer
#   (a subclass) and an ArrayBuffer too, or refuses them.
# What happens: a Buffer is written without an error, and each later read of it raises one. An
#   ArrayBuffer and URLSearchParams become {} without an error. devalue keeps all of these.
# Why it matters: an entry that can be written and not read is a miss for each caller for as long as
#   it lives, and bytes are lost without an error. Pass a Uint8Array.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private":true}' > package.json
npm install --silent --no-audit --no-fund --ignore-scripts superjson@2.2.7 devalue@6.0.3

cat > probe.mjs <<'JS'
import assert from "node:assert/strict";
import { isDeepStrictEqual } from "node:util";
import * as devalue from "devalue";
import superjson from "superjson";

const values = {
  "Buffer": Buffer.from("hi"),
  "Uint8Array": new Uint8Array([1, 2]),
  "ArrayBuffer": new Uint8Array([1, 2]).buffer,
  "URLSearchParams": new URLSearchParams("page=2"),
};

function fate(codec, value) {
  let text;
  try {
    text = codec.stringify(value);
  } catch {
    return "refused";
  }
  try {
    const read = codec.parse(text);
    if (read instanceof Uint8Array && value instanceof Uint8Array) {
      return Buffer.compare(read, value) === 0 ? "kept" : "changed";
    }
    return isDeepStrictEqual(read, value) ? "kept" : `became ${JSON.stringify(read)}`;
  } catch {
    return "written, unreadable";
  }
}

const seen = {};
for (const [name, value] of Object.entries(values)) {
  seen[name] = { superjson: fate(superjson, value), devalue: fate(devalue, value) };
}
console.table(seen);
assert.deepEqual(seen, {
  "Buffer": { superjson: "written, unreadable", devalue: "kept" },
  "Uint8Array": { superjson: "kept", devalue: "kept" },
  "ArrayBuffer": { superjson: "became {}", devalue: "kept" },
  "URLSearchParams": { superjson: "became {}", devalue: "kept" },
});
JS
node probe.mjs
