#!/usr/bin/env bash
# Subject: aiocache (Python), `@cached` on a method.
# Version: aiocache 0.12.3 (PyPI), Python 3.
# A good guess: each object has entries of its own, as the documentation says, since `self` is one of the
#   arguments.
# What happens: the key has the text of `self`, which is its class and its place in memory. While two objects
#   live they have entries of their own. When one is gone the next object gets its place, and its entries: the
#   repository of one tenant returns what was stored for another one's. An object with the same content
#   in another place finds nothing.
# Why it matters: an object per request is the common way in web frameworks, and there its place is
#   taken again at once. Whose row is returned is a matter of luck, and tests that keep their objects don't show
#   it. Give a `key_builder` that names the tenant.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
pip install --quiet --disable-pip-version-check --root-user-action=ignore --no-warn-conflicts \
  --no-compile --target python aiocache==0.12.3

cat > probe.py <<'PY'
import asyncio

from aiocache import cached


class Users:
    def __init__(self, tenant):
        self.tenant = tenant

    @cached(ttl=60)
    async def find(self, number):
        return f"{self.tenant}'s user {number}"


async def request(tenant):
    return await Users(tenant).find(1)


class Kept(Users):
    @cached(ttl=60)
    async def find(self, number):
        return f"{self.tenant}'s user {number}"


async def main():
    ours, theirs = Kept("us"), Kept("them")
    seen = {"objects that live": [await ours.find(1), await theirs.find(1)]}
    seen["an object per request"] = [await request(tenant) for tenant in ("us", "them", "others") for _ in range(20)]
    return seen


seen = asyncio.run(main())
print("objects that live:", seen["objects that live"])
told = seen["an object per request"]
wrong = [answer for tenant, answer in zip([*["us"] * 20, *["them"] * 20, *["others"] * 20], told) if not answer.startswith(tenant)]
print(f"an object per request: {len(wrong)} of {len(told)} get another tenant's, such as {wrong[:1]}")
assert seen["objects that live"] == ["us's user 1", "them's user 1"], seen
assert len(wrong) > 10, seen
PY
PYTHONPATH=python python3 probe.py
