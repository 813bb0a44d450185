#!/usr/bin/env bash
# Subject: a range of npm versions with `||` in Deno: import maps, `deno add` and package.json.
# Version: Deno 2.9.6 (npm's `@deno/linux-x64-glibc`).
# A good guess: `npm:effect@^3.22.0 || ^4.1.0` works where `npm:effect@^4.1.0` does, as in package.json.
# What happens: in an import map it is refused: "Invalid package specifier". `>=3.22 <5` and `3 - 4`
#   are refused too. In package.json Deno takes it. `deno add` takes it, and writes only `^4.…` into
#   deno.json, without a warning.
# Why it matters: a library for two majors can say so only in package.json. Its users on Deno who add
#   it with such a range are bound to the newest major from then on.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private":true}' > package.json
npm install --silent --no-audit --no-fund --ignore-scripts @deno/linux-x64-glibc@2.9.6
deno="$dir/node_modules/@deno/linux-x64-glibc/deno"
chmod +x "$deno"
export DENO_DIR="$dir/cache" DENO_NO_UPDATE_CHECK=1 NO_COLOR=1

probe() { # the project's folder, and what it prints or why it doesn't run
  echo 'import { Effect } from "effect"; console.log(typeof Effect);' > "$1/main.ts"
  (cd "$1" && "$deno" run --quiet main.ts 2>&1 | grep -oE '^object|Invalid package specifier' || true)
}
for range in '^4.1.0' '^3.22.0 || ^4.1.0' '>=3.22 <5' '3 - 4'; do
  mkdir -p map
  echo "{ \"imports\": { \"effect\": \"npm:effect@$range\" } }" > map/deno.json
  echo "import map, $range: $(probe map)"
done > seen
mkdir package add
echo '{ "dependencies": { "effect": "^3.22.0 || ^4.1.0" } }' > package/package.json
(cd package && "$deno" install --quiet)
echo "package.json, ^3.22.0 || ^4.1.0: $(probe package)" >> seen
echo '{}' > add/deno.json
(cd add && "$deno" add --quiet 'npm:effect@^3.22.0 || ^4.1.0' > added 2>&1)
echo "deno add, ^3.22.0 || ^4.1.0: writes $(grep -o '"npm:.*"' add/deno.json)" >> seen
echo "deno add, lines of warning: $(grep -ciE 'warn|range' add/added || true)" >> seen

cat seen
sed -i -E 's/\^4\.[0-9.]+"$/^4.x"/' seen
diff seen - << 'EXPECTED'
import map, ^4.1.0: object
import map, ^3.22.0 || ^4.1.0: Invalid package specifier
import map, >=3.22 <5: Invalid package specifier
import map, 3 - 4: Invalid package specifier
package.json, ^3.22.0 || ^4.1.0: object
deno add, ^3.22.0 || ^4.1.0: writes "npm:effect@^4.x"
deno add, lines of warning: 0
EXPECTED
