#!/usr/bin/env bash
# Subject: filelock (Python), `AsyncFileLock`: one lock object that several asyncio tasks share.
# Version: filelock 4.3.1 (PyPI), Python 3.
# A good guess: `async with lock` lets one task in after the other, as asyncio.Lock does.
# What happens: the lock counts by thread, and all tasks of an event loop are one thread: each task comes in
#   at once, as if it came in again. All three are inside at the same time, with no error and no
#   warning. With an object per task they come one after the other.
# Why it matters: a lock that is made once, at the top of a module or as a field of a service, is how a lock
#   is used in asyncio. It keeps other processes out and lets all requests of this one in. Make the
#   object in the function, or put an asyncio.Lock around it.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
pip install --quiet --disable-pip-version-check --root-user-action=ignore --no-warn-conflicts \
  --no-compile --target python filelock==4.3.1

cat > probe.py <<'PY'
import asyncio

from filelock import AsyncFileLock


async def most_at_once(lock_of):
    inside = most = 0

    async def work():
        nonlocal inside, most
        async with lock_of():
            inside += 1
            most = max(most, inside)
            await asyncio.sleep(0.05)
            inside -= 1

    await asyncio.gather(work(), work(), work())
    return most


async def main():
    shared = AsyncFileLock("shared.lock")
    plain = asyncio.Lock()
    return {
        "asyncio.Lock": await most_at_once(lambda: plain),
        "one AsyncFileLock": await most_at_once(lambda: shared),
        "one for each": await most_at_once(lambda: AsyncFileLock("own.lock", poll_interval=0.01)),
    }


seen = asyncio.run(main())
print("tasks inside at once, of three:", seen)
assert list(seen.values()) == [1, 3, 1], seen
PY
PYTHONPATH=python python3 probe.py
