#!/usr/bin/env bash
# Subject: locks on a file, taken twice in one process: fasteners beside filelock, portalocker, zc.lockfile.
# Versions: fasteners 0.20, filelock 4.3.1, portalocker 4.4.2, zc.lockfile 4.0 (PyPI), Python 3, on Linux.
# A good guess: two lock objects of one path exclude each other, in one process as in two; releasing what
#   one does hold doesn't free what another holds.
# What happens: `fasteners.InterProcessLock` uses the kind of file lock that belongs to the process: a second
#   object is let in beside the first, in each thread and task of the process. When one of them lets go,
#   the file is free for all other processes, though the other object says `acquired`. The other three
#   refuse the second object.
# Why it matters: two threads of a server fill one cache file at once, and as soon as the first is done
#   another process joins in. With one worker per process it works; with threads it doesn't. Keep one
#   object per path, and a threading.Lock around it.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
pip install --quiet --disable-pip-version-check --root-user-action=ignore --no-warn-conflicts \
  --no-compile --target python fasteners==0.20 filelock==4.3.1 portalocker==4.4.2 zc.lockfile==4.0

cat > probe.py <<'PY'
import subprocess
import sys

import fasteners
import filelock
import portalocker
import zc.lockfile


def taken(acquire):
    try:
        return acquire() is not False
    except (filelock.Timeout, portalocker.exceptions.BaseLockException, zc.lockfile.LockError):
        return False


def by_another_process(path):
    code = "import fasteners, sys; print(fasteners.InterProcessLock(sys.argv[1]).acquire(blocking=False))"
    return subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True).stdout.strip()


first, second = fasteners.InterProcessLock("one"), fasteners.InterProcessLock("one")
seen = {"fasteners, first": taken(lambda: first.acquire(blocking=False))}
seen["fasteners, another process"] = by_another_process("one")
seen["fasteners, second"] = taken(lambda: second.acquire(blocking=False))
second.release()
seen["fasteners, first, after the second let go"] = first.acquired
seen["fasteners, another process, after the second let go"] = by_another_process("one")

held = [filelock.FileLock("two"), portalocker.Lock("three", timeout=0)]
for lock in held:
    lock.acquire()
kept = zc.lockfile.LockFile("four")
seen["filelock, second"] = taken(filelock.FileLock("two", timeout=0).acquire)
seen["portalocker, second"] = taken(portalocker.Lock("three", timeout=0).acquire)
seen["zc.lockfile, second"] = taken(lambda: zc.lockfile.LockFile("four"))

for name, told in seen.items():
    print(f"{name}: {told}")
assert seen == {
    "fasteners, first": True,
    "fasteners, another process": "False",
    "fasteners, second": True,
    "fasteners, first, after the second let go": True,
    "fasteners, another process, after the second let go": "True",
    "filelock, second": False,
    "portalocker, second": False,
    "zc.lockfile, second": False,
}, seen
PY
PYTHONPATH=python python3 probe.py
