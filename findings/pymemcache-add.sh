#!/usr/bin/env bash
# Subject: pymemcache (Python): what `add`, `replace`, `set` and `delete` return.
# Version: pymemcache 4.0.0 (PyPI); memcached 1.6.18 (Debian 12's), Python 3.
# A good guess: `add` is True for the one who put the key there and False for all others; `set` is False,
#   or raises, if the server has refused the value.
# What happens: by default the client asks the server for no reply (`noreply`) and returns True: `add` of a
#   key that is there, `replace` and `delete` of one that isn't, `set` of a value that is too large.
#   With `default_noreply=False` each is as guessed, and the large value an error.
# Why it matters: `add` is memcached's lock, and "if client.add(…)" lets everybody in. Tests that begin
#   with an empty server pass. Pass `default_noreply=False`, or `noreply=False` to the call.
set -euo pipefail
dir=$(mktemp -d)
server=
trap '[ -z "$server" ] || { kill "$server" && wait "$server" || true; } 2> /dev/null; rm -rf "$dir"' EXIT
cd "$dir"
pip install --quiet --disable-pip-version-check --root-user-action=ignore --no-warn-conflicts \
  --no-compile --target python pymemcache==4.0.0
mkdir -p lists/partial archives/partial
apt=(apt-get -q -o APT::Sandbox::User= -o Dir::State::Lists="$dir/lists" -o Dir::Cache="$dir")
packages=('memcached=1.6.18-*' 'libevent-2.1-7=2.1.12-*' 'libsasl2-2=2.1.28*')
{ "${apt[@]}" update && "${apt[@]}" download "${packages[@]}"; } > apt.log 2>&1
for package in *.deb; do dpkg -x "$package" debian; done
export LD_LIBRARY_PATH="$dir/debian/usr/lib/$(uname -m)-linux-gnu"
port=$(python3 -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])')
debian/usr/bin/memcached -l 127.0.0.1 -p "$port" -u nobody > server.log 2>&1 &
server=$!
unset LD_LIBRARY_PATH
for _ in $(seq 100); do (: < "/dev/tcp/127.0.0.1/$port") 2> /dev/null && break || sleep 0.05; done

cat > probe.py <<'PY'
import sys

from pymemcache.client.base import Client
from pymemcache.exceptions import MemcacheServerError


def answers(**options):
    client = Client(("127.0.0.1", int(sys.argv[1])), **options)
    client.flush_all(noreply=False)
    seen = {
        "add by the first": client.add("lock", "first"),
        "add by the second": client.add("lock", "second"),
        "who has the lock": client.get("lock").decode(),
        "replace of nothing": client.replace("nothing", "value"),
        "delete of nothing": client.delete("nothing"),
    }
    try:
        seen["set of 2 MB"] = client.set("large", b"x" * 2_000_000)
    except MemcacheServerError:
        seen["set of 2 MB"] = "an error"
    seen["is it there"] = client.get("large") is not None
    return seen


seen = {"by default": answers(), "default_noreply=False": answers(default_noreply=False)}
for name, told in seen.items():
    print(name, told)
assert list(seen["by default"].values()) == [True, True, "first", True, True, True, False], seen
right = [True, False, "first", False, False, "an error", False]
assert list(seen["default_noreply=False"].values()) == right, seen
PY
PYTHONPATH=python python3 probe.py "$port"
