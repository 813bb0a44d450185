#!/usr/bin/env bash
# Subject: diskcache (Python): a transaction that is rolled back, and a lock that is released late.
# Version: diskcache 5.6.3 (PyPI), Python 3.
# A good guess: after a `transact()` that raised, each key has the value that it had; `release` of a
#   `Lock` whose `expire` is over does nothing, or raises.
# What happens: a value of more than 32 kB is kept in a file of its own, and the file of the old value is
#   removed when it is overwritten, not at the commit. After the rollback the key is listed and its
#   value is gone for good. A small one is as it was. The late `release` removes the lock that
#   another holder has by now, so that a third comes in beside the second.
# Why it matters: "all or nothing" loses just the large values, which cost most to make. And one job that
#   took too long ends the exclusion for all after it.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
pip install --quiet --disable-pip-version-check --root-user-action=ignore --no-warn-conflicts \
  --no-compile --target python diskcache==5.6.3

cat > probe.py <<'PY'
import time

from diskcache import Cache, Lock

cache = Cache("data")


def after_rollback(size):
    cache["key"] = b"o" * size
    try:
        with cache.transact():
            cache["key"] = b"n" * size
            raise ValueError
    except ValueError:
        pass
    listed = "key" in list(cache)
    value = cache.get("key")
    return f"listed: {listed}, value: {'none' if value is None else value[:1].decode()}"


first, second, third = (Lock(cache, "lock", expire=seconds) for seconds in (0.2, 60, 60))
first.acquire()
time.sleep(0.4)
second.acquire()
first.release()
third_came_in = cache.add("lock", None, expire=60)
seen = {
    "a small value": after_rollback(1_000),
    "a large value": after_rollback(100_000),
    "after the late release a third comes in": third_came_in,
}
print(seen)
assert seen == {
    "a small value": "listed: True, value: o",
    "a large value": "listed: True, value: none",
    "after the late release a third comes in": True,
}, seen
PY
PYTHONPATH=python python3 probe.py
