#!/usr/bin/env bash
# Subject: hishel, the HTTP cache of httpx (Python): the same lines in 2 as in 1.
# Versions: hishel 1.4.0 and 2.0.0 with httpx 0.28.1 (PyPI), Python 3.
# A good guess: `AsyncCacheClient()` follows the answers' headers, as in 1: what says `no-store` isn't kept, what has
#   ended its `max-age` is fetched again, and `Vary` parts German from English.
# What happens: in 2 that has to be asked for by `rfc=True`. By default the method and the URL are the key, and
#   each answer is kept without an end: `no-store`, `max-age=1` and `Vary` count for nothing. No warning tells it.
# Why it matters: after an update of one line of the requirements a program reads yesterday's price, or the other
#   language, for as long as the file of its cache is there, and keeps what asked not to be kept.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
for version in 1.4.0 2.0.0; do
  pip install --quiet --disable-pip-version-check --root-user-action=ignore --no-warn-conflicts \
    --no-compile --target "hishel-$version" "hishel[async,httpx]==$version" httpx==0.28.1
done

cat > probe.py <<'PY'
import asyncio
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from hishel.httpx import AsyncCacheClient

options = {"rfc": True} if sys.argv[1:] == ["rfc"] else {}
answers = {
    "/no-store": {"cache-control": "no-store"},
    "/ended": {"cache-control": "max-age=1"},
    "/vary": {"cache-control": "max-age=60", "vary": "accept-language"},
    "/kept": {"cache-control": "max-age=60"},
}


class Source(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    fetches = 0

    def do_GET(self):
        Source.fetches += 1
        body = f"{Source.fetches}".encode()
        self.send_response(200)
        for name, value in answers[self.path].items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


async def main():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Source)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    async with AsyncCacheClient(**options) as client:
        for path in answers:
            read = []
            for language in ("de", "en"):
                url = f"http://127.0.0.1:{server.server_port}{path}"
                read.append((await client.get(url, headers={"accept-language": language})).text)
                if path == "/ended":
                    await asyncio.sleep(2.2)
            print(path, "the same" if read[0] == read[1] else "fetched again")


asyncio.run(main())
PY
run() {
  mkdir "$1" && (cd "$1" && PYTHONPATH="../hishel-$2" python3 ../probe.py "${@:3}") > "$1.txt"
  paste -sd, "$1.txt" | sed "s/^/hishel $1: /"
}
run 1 1.4.0
run 2 2.0.0
run '2, rfc=True' 2.0.0 rfc
printf '%s\n' '/no-store fetched again' '/ended fetched again' '/vary fetched again' '/kept the same' > by-headers.txt
diff by-headers.txt 1.txt
diff by-headers.txt '2, rfc=True.txt'
sed 's/fetched again/the same/' by-headers.txt | diff - 2.txt
