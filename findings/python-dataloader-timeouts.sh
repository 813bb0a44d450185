#!/usr/bin/env bash
# Subject: DataLoaders of Python (aiodataloader, and strawberry's), where one of two callers of a key
#   gives up.
# Versions: aiodataloader 0.4.3, strawberry-graphql 0.341.2, beside async_lru 2.4.0 (PyPI), Python 3.
# A good guess: `asyncio.wait_for(loader.load(1), 0.05)` ends that caller's wait. Who asked for the same key
#   gets the value when it is there.
# What happens: both callers wait for one future, and the deadline of one cancels it: the other one, who had
#   no deadline, gets CancelledError, while the batch comes back well. In aiodataloader the cancelled
#   future stays in the loader: each later `load` of the key raises CancelledError at once, and the batch
#   function isn't asked again. async_lru gives the value to all but the one who gave up.
# Why it matters: CancelledError is no `Exception`, so `except Exception` doesn't see it: the task of someone
#   who did nothing ends as if it had been cancelled itself. Load behind
#   `asyncio.shield`.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
pip install --quiet --disable-pip-version-check --root-user-action=ignore --no-warn-conflicts \
  --no-compile --target python aiodataloader==0.4.3 strawberry-graphql==0.341.2 async_lru==2.4.0

cat > probe.py <<'PY'
import asyncio

import aiodataloader
import async_lru
from strawberry.dataloader import DataLoader


async def answers(wrap, load_by=lambda loader: loader.load):
    asked = []

    async def batch(keys):
        asked.append(list(keys))
        await asyncio.sleep(0.3)
        return [f"user {key}" for key in keys]

    load = wrap(batch)

    async def told(waiting):
        try:
            return await waiting
        except BaseException as error:
            return type(error).__name__

    both = await asyncio.gather(
        asyncio.create_task(told(asyncio.wait_for(load(1), 0.05))),
        asyncio.create_task(told(load(1))),
    )
    await asyncio.sleep(0.4)
    later = await asyncio.create_task(told(load(1)))
    return {"gave up": both[0], "joined": both[1], "later": later, "asked": len(asked)}


def memoized(batch):
    @async_lru.alru_cache
    async def load(key):
        return (await batch([key]))[0]

    return load


async def main():
    return {
        "aiodataloader": await answers(lambda batch: aiodataloader.DataLoader(batch_load_fn=batch).load),
        "aiodataloader, shielded": await answers(
            lambda batch: (lambda loader: lambda key: asyncio.shield(loader.load(key)))(
                aiodataloader.DataLoader(batch_load_fn=batch)
            )
        ),
        "strawberry": await answers(lambda batch: DataLoader(load_fn=batch).load),
        "async_lru": await answers(memoized),
    }


seen = asyncio.run(main())
for name, told in seen.items():
    print(name, told)
right = {"gave up": "TimeoutError", "joined": "user 1", "later": "user 1", "asked": 1}
assert seen["async_lru"] == right, seen
assert seen["aiodataloader, shielded"] == right, seen
assert seen["aiodataloader"] == {**right, "joined": "CancelledError", "later": "CancelledError"}, seen
assert seen["strawberry"]["joined"] == "CancelledError", seen
PY
PYTHONPATH=python python3 probe.py
