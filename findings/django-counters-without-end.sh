#!/usr/bin/env bash
# Subject: Django's cache in files and in a database: a counter, and its time to live.
# Version: Django 5.2.19 (PyPI), Python 3.
# A good guess: `incr` changes the number and leaves the key's end, as it does in memory, on memcached and
#   on Redis; `incr_version` gives the value another version and leaves its end, too.
# What happens: in files and in a database `incr` reads and sets, and so gives the key the cache's default
#   time to live, 300 seconds, from now on. `incr_version` does that in memory as well.
# Why it matters: "at most five tries a minute", by `add` and `incr`, has no end on these caches as long as
#   someone tries within five minutes: who is shut out once stays so. Store a time beside the number, and
#   compare that.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
pip install --quiet --disable-pip-version-check --root-user-action=ignore --no-warn-conflicts \
  --no-compile --target python django==5.2.19

cat > probe.py <<'PY'
import time

import django
from django.conf import settings

backends = {"default": "locmem.LocMemCache", "files": "filebased.FileBasedCache", "table": "db.DatabaseCache"}
settings.configure(
    CACHES={
        name: {"BACKEND": f"django.core.cache.backends.{path}", "LOCATION": name}
        for name, path in backends.items()
    },
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "data.db"}},
    USE_TZ=True,
)
django.setup()
from django.core.cache import caches
from django.core.management import call_command

call_command("createcachetable")
three = {"memory": caches["default"], "files": caches["files"], "database": caches["table"]}
for cache in three.values():
    cache.add("tries", 1, timeout=1)
    cache.incr("tries")
    cache.set("page", "text", timeout=1)
    cache.incr_version("page")
    cache.set("plain", 1, timeout=1)
time.sleep(2.5)
seen = {
    name: {key: cache.get(key, version=version) for key, version in (("plain", 1), ("tries", 1), ("page", 2))}
    for name, cache in three.items()
}
print("after 2.5 s, of keys with 1 s to live:", seen)
assert seen == {
    "memory": {"plain": None, "tries": None, "page": "text"},
    "files": {"plain": None, "tries": 2, "page": "text"},
    "database": {"plain": None, "tries": 2, "page": "text"},
}, seen
PY
PYTHONPATH=python python3 probe.py
