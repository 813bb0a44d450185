#!/usr/bin/env bash
# Subject: whole numbers beyond 32 bits (a time in milliseconds, a size, an id), written by JavaScript's
#   libraries of MessagePack and CBOR and read in Python.
# Versions: msgpackr 2.1.4, cbor-x 1.6.9, msgpack-lite 0.2.2, beside @msgpack/msgpack 3.1.3, notepack.io
#   3.0.1, cborg 6.1.5 and cbor 10.0.12, Node 20 or later; msgpack 1.2.4, msgspec 0.23.0 and cbor2 6.3.0
#   (PyPI), Python 3.
# A good guess: both formats have integers of 64 bits, so `Date.now()` is one, and a reader in another
#   language gets 1764500000000.
# What happens: msgpackr, cbor-x and msgpack-lite write whole numbers up to 32 bits as integers and larger
#   ones as floating-point numbers: Python reads 1764500000000.0, and a reader with types refuses it where
#   an int is expected. The other four write integers.
# Why it matters: an entry of one service can't be read by another, or `f"user:{id}"` is the key
#   "user:5000000000.0", and only for ids and times that are large enough: a test with 42 shows
#   nothing. Write a BigInt, or read with `int(…)`.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private":true}' > package.json
npm install --silent --no-audit --no-fund --ignore-scripts msgpackr@2.1.4 cbor-x@1.6.9 msgpack-lite@0.2.2 \
  @msgpack/msgpack@3.1.3 notepack.io@3.0.1 cborg@6.1.5 cbor@10.0.12
pip install --quiet --disable-pip-version-check --root-user-action=ignore --no-warn-conflicts \
  --no-compile --target python msgpack==1.2.4 msgspec==0.23.0 cbor2==6.3.0

cat > write.mjs <<'JS'
import { writeFileSync } from "node:fs";
import * as msgpack from "@msgpack/msgpack";
import cbor from "cbor";
import * as cborX from "cbor-x";
import * as cborg from "cborg";
import lite from "msgpack-lite";
import * as msgpackr from "msgpackr";
import notepack from "notepack.io";

const value = { small: 42, time: 1764500000000 };
const written = {
  "msgpackr.msgpack": msgpackr.pack(value),
  "msgpackr with a BigInt.msgpack": msgpackr.pack({ ...value, time: BigInt(value.time) }),
  "msgpack-lite.msgpack": lite.encode(value),
  "@msgpack+msgpack.msgpack": msgpack.encode(value),
  "notepack.io.msgpack": notepack.encode(value),
  "cbor-x.cbor": cborX.encode(value),
  "cborg.cbor": cborg.encode(value),
  "cbor.cbor": cbor.encode(value),
};
for (const [name, bytes] of Object.entries(written)) writeFileSync(name, bytes);
JS
node write.mjs
cat > read.py <<'PY'
import pathlib

import cbor2
import msgpack
import msgspec


class Entry(msgspec.Struct):
    small: int
    time: int


def fits(data):
    try:
        msgspec.msgpack.decode(data, type=Entry)
        return "fits"
    except msgspec.ValidationError as error:
        return str(error)


seen = {}
for path in sorted(pathlib.Path().glob("*.msgpack")):
    data = path.read_bytes()
    read = msgpack.unpackb(data)
    seen[path.stem] = (f"user:{read['small']} user:{read['time']}", fits(data))
for path in sorted(pathlib.Path().glob("*.cbor")):
    read = cbor2.loads(path.read_bytes())
    seen[path.stem] = (f"user:{read['small']} user:{read['time']}",)
for name, told in seen.items():
    print(f"{name}: {', '.join(told)}")
whole, fraction = "user:42 user:1764500000000", "user:42 user:1764500000000.0"
refused = "Expected `int`, got `float` - at `$.time`"
assert seen == {
    "msgpackr": (fraction, refused),
    "msgpackr with a BigInt": (whole, "fits"),
    "msgpack-lite": (fraction, refused),
    "@msgpack+msgpack": (whole, "fits"),
    "notepack.io": (whole, "fits"),
    "cbor-x": (fraction,),
    "cborg": (whole,),
    "cbor": (whole,),
}, seen
PY
PYTHONPATH=python python3 read.py
