#!/usr/bin/env bash
# Subject: requests-cache (Python): POST requests with a list as their JSON body.
# Version: requests-cache 1.3.3, requests 2.34.2 (PyPI), Python 3.
# A good guess: requests whose bodies differ have entries of their own. The order of an object's fields
#   may not count; that of a list does.
# What happens: a body that is a list of texts or numbers is sorted for the key. `["oslo", "rome"]`
#   and `["rome", "oslo"]` are one request, and the second gets the first one's answer. A list
#   inside an object keeps its order.
# Why it matters: a route, a pair of coordinates, a batch of ids whose answers come in the same order: the
#   way from Rome to Oslo is the one from Oslo to Rome, and results go to the wrong ids, without an error.
#   Send an object around the list.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
pip install --quiet --disable-pip-version-check --root-user-action=ignore --no-warn-conflicts \
  --no-compile --target python requests-cache==1.3.3 requests==2.34.2

cat > probe.py <<'PY'
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from requests_cache import CachedSession


class Echo(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Echo)
threading.Thread(target=server.serve_forever, daemon=True).start()
session = CachedSession(backend="memory", allowable_methods=["POST"])


def second(one, two):
    url = f"http://127.0.0.1:{server.server_port}/{type(one).__name__}"
    session.post(url, json=one)
    return session.post(url, json=two).text


seen = {
    "a list": second(["oslo", "rome"], ["rome", "oslo"]),
    "a list in an object": second({"way": ["oslo", "rome"]}, {"way": ["rome", "oslo"]}),
}
print("the answer of an echo to rome, oslo after oslo, rome:", seen)
assert json.loads(seen["a list"]) == ["oslo", "rome"], seen
assert json.loads(seen["a list in an object"]) == {"way": ["rome", "oslo"]}, seen
PY
PYTHONPATH=python python3 probe.py
