#!/usr/bin/env bash
# Subject: aiohttp-client-cache (Python): POST requests that send a form.
# Versions: aiohttp-client-cache 0.15.0, aiohttp 3.14.5 (PyPI), Python 3.
# A good guess: with POST among `allowed_methods`, requests whose bodies differ have entries of their own, and
#   those whose bodies are equal share one, whichever way the body is given.
# What happens: so it is for a dict, JSON, a text and bytes. Of aiohttp's own `FormData` the key has the
#   object's place in memory, and not what is in it. An equal form in another place is sent again. A form
#   that gets the place of one that is gone isn't sent, and gets that one's answer.
# Why it matters: a form that was made for its request is gone after it, so that its place is free for the
#   next one: a search gets the answer of another search, by luck, and a cache of uploads has hits for the
#   wrong files alone. Pass a dict, or the content's hash as a parameter.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
pip install --quiet --disable-pip-version-check --root-user-action=ignore --no-warn-conflicts \
  --no-compile --target python aiohttp-client-cache==0.15.0 aiohttp==3.14.5

cat > probe.py <<'PY'
import asyncio

import aiohttp
from aiohttp import web
from aiohttp_client_cache import CacheBackend, CachedSession


def form(word):
    data = aiohttp.FormData()
    data.add_field("q", word)
    return {"data": data}


bodies = {
    "a dict": lambda word: {"data": {"q": word}},
    "JSON": lambda word: {"json": {"q": word}},
    "a text": lambda word: {"data": f"q={word}"},
    "bytes": lambda word: {"data": f"q={word}".encode()},
    "FormData": form,
}


async def main():
    async def answer(request):
        body = await request.text()
        return web.Response(text=body[body.index("word") :][:6])

    app = web.Application()
    app.router.add_post("/{kind}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    url = f"http://127.0.0.1:{site._server.sockets[0].getsockname()[1]}"
    seen = {}
    for kind, body in bodies.items():
        async with CachedSession(cache=CacheBackend(expire_after=60, allowed_methods=("GET", "POST"))) as session:

            async def ask(body):
                async with session.post(f"{url}/{kind}", **body) as response:
                    return await response.text(), response.from_cache

            words = [f"word{number}" for number in range(10, 40)]
            told = [(await ask(body(word)))[0] for word in words]
            wrong = sum(answer != word for answer, word in zip(told, words))
            kept = [body("word99") for _ in range(4)]
            hits = sum([(await ask(one))[1] for one in kept][1:])
            seen[kind] = {"30 searches, wrong answers": wrong, "3 equal searches, hits": hits}
    await runner.cleanup()
    return seen


seen = asyncio.run(main())
for kind, told in seen.items():
    print(kind, told)
    if kind != "FormData":
        assert told == {"30 searches, wrong answers": 0, "3 equal searches, hits": 3}, told
assert seen["FormData"]["30 searches, wrong answers"] > 3, seen
assert seen["FormData"]["3 equal searches, hits"] < 3, seen
PY
PYTHONPATH=python python3 probe.py
