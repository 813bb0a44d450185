#!/usr/bin/env bash
# Subject: aiocache (Python), `@cached_stampede`, which lets one of several callers ask the source.
# Version: aiocache 0.12.3 (PyPI), Python 3.
# A good guess: ten callers of a cold key are one call of the function, whatever it returns; a failure is one
#   failure for all who wait, or the next one tries.
# What happens: that is so for a value. If the function returns None, or raises, all ten call it: the first one
#   alone, and then the nine who waited, all at once. Those who wait call it at once, too, when the
#   function takes longer than `lease` (2 s by default).
# Why it matters: "there is no such user" is asked again by all callers at once, and a source that is slow or
#   down, which needs the protection, gets the whole herd after the first call. Return a value that
#   means "nothing".
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
pip install --quiet --disable-pip-version-check --root-user-action=ignore --no-warn-conflicts \
  --no-compile --target python aiocache==0.12.3

cat > probe.py <<'PY'
import asyncio

from aiocache import cached_stampede


async def herd(answer, takes=0.1, lease=5):
    calls = running = most = 0

    @cached_stampede(lease=lease, ttl=60)
    async def find():
        nonlocal calls, running, most
        calls += 1
        running += 1
        most = max(most, running)
        await asyncio.sleep(takes)
        running -= 1
        return answer()

    await asyncio.gather(*[find() for _ in range(10)], return_exceptions=True)
    return {"calls": calls, "at once": most}


def fail():
    raise ValueError("away")


async def main():
    return {
        "a value": await herd(lambda: "value"),
        "None": await herd(lambda: None),
        "an error": await herd(fail),
        "longer than the lease": await herd(lambda: "value", takes=1, lease=0.2),
    }


seen = asyncio.run(main())
for name, told in seen.items():
    print(name, told)
assert seen["a value"] == {"calls": 1, "at once": 1}, seen
assert seen["None"] == {"calls": 10, "at once": 9}, seen
assert seen["an error"] == {"calls": 10, "at once": 9}, seen
assert seen["longer than the lease"]["calls"] == 10, seen
PY
PYTHONPATH=python python3 probe.py
