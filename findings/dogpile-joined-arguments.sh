#!/usr/bin/env bash
# Subject: dogpile.cache (Python), `cache_on_arguments`: the key of a call, and equal keys of two calls.
# Version: dogpile.cache 1.5.0 (PyPI), Python 3.
# A good guess: calls with different arguments have entries of their own, as with functools.lru_cache.
# What happens: the key is the arguments as texts with blanks between them. `search("new york", "pizza")` and
#   `search("new", "york pizza")` share one, so do 1 and "1", None and "None". A method's `self`
#   isn't in it: two tenants' objects return each other's rows. The second caller gets the first
#   one's result, and the function doesn't run.
# Why it matters: words that people typed are what such functions are called with. Pass
#   `function_key_generator=` one that uses repr, and give a method its tenant as an argument.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
pip install --quiet --disable-pip-version-check --root-user-action=ignore --no-warn-conflicts \
  --no-compile --target python dogpile.cache==1.5.0

cat > probe.py <<'PY'
from functools import lru_cache

from dogpile.cache import make_region

region = make_region().configure("dogpile.cache.memory")


def answers(cached):
    @cached
    def search(place, dish):
        return f"{dish} in {place}"

    @cached
    def find(key):
        return f"the {type(key).__name__} {key}"

    class Rows:
        def __init__(self, tenant):
            self.tenant = tenant

        @cached
        def get(self, key):
            return f"row {key} of {self.tenant}"

    search("new york", "pizza")
    find(1), find(None)
    Rows("one").get("a")
    return [search("new", "york pizza"), find("1"), find("None"), Rows("two").get("a")]


seen = {"lru_cache": answers(lru_cache), "dogpile": answers(region.cache_on_arguments())}
for name, texts in seen.items():
    print(f"{name}: {texts}")
assert seen["lru_cache"] == ["york pizza in new", "the str 1", "the str None", "row a of two"], seen
assert seen["dogpile"] == ["pizza in new york", "the int 1", "the NoneType None", "row a of one"], seen
PY
PYTHONPATH=python python3 probe.py
