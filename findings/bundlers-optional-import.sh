#!/usr/bin/env bash
# Subject: a dynamic import of a package that may be missing, in a bundle.
# Versions: webpack 5.113.0, @rspack/core 2.3.3, esbuild 0.28.2, rollup 4.68.8, Node 20 or later.
# A good guess: `import("x").catch(…)` and `try { await import("x") } catch` mean the same, and a
#   bundler treats them alike: x is optional, so it warns at most.
# What happens: webpack and rspack see only the `try` as optional. The form with `.catch` is an error
#   of the build where x isn't installed. esbuild and rollup build both.
# Why it matters: a library with optional clients that writes `.catch` can't be bundled by
#   webpack or rspack unless all of them are installed.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private":true}' > package.json
npm install --silent --no-audit --no-fund --ignore-scripts \
  webpack@5.113.0 @rspack/core@2.3.3 esbuild@0.28.2 rollup@4.68.8

cat > caught.mjs <<'JS'
export const load = () => import("not-installed").catch(() => undefined);
JS
cat > tried.mjs <<'JS'
export const load = async () => {
  try {
    return await import("not-installed");
  } catch {
    return undefined;
  }
};
JS
cat > probe.mjs <<'JS'
import assert from "node:assert/strict";
import { rspack } from "@rspack/core";
import { build } from "esbuild";
import { rollup } from "rollup";
import webpack from "webpack";

const counts = (errors, warnings) => `${errors} errors, ${warnings} warnings`;
const packed = (pack) => (file) =>
  new Promise((resolve, reject) => {
    const output = { path: `${import.meta.dirname}/out`, filename: "bundle.cjs" };
    const entry = `./${file}`;
    pack({ mode: "production", target: "node", entry, output }, (error, stats) => {
      if (error) return reject(error);
      const { errorsCount, warningsCount } = stats.toJson();
      resolve(counts(errorsCount, warningsCount));
    });
  });
const bundlers = {
  webpack: packed(webpack),
  rspack: packed(rspack),
  esbuild: async (file) => {
    const options = { entryPoints: [file], bundle: true, platform: "node", write: false, logLevel: "silent" };
    const { errors, warnings } = await build(options).catch((error) => error);
    return counts(errors.length, warnings.length);
  },
  rollup: async (file) => {
    let warnings = 0;
    const bundle = await rollup({ input: file, onwarn: () => warnings += 1 });
    await bundle.generate({ format: "es" });
    return counts(0, warnings);
  },
};

const seen = {};
for (const [name, bundle] of Object.entries(bundlers)) {
  seen[name] = { ".catch": await bundle("caught.mjs"), "try": await bundle("tried.mjs") };
}
console.table(seen);
assert.deepEqual(seen, {
  webpack: { ".catch": "1 errors, 0 warnings", "try": "0 errors, 1 warnings" },
  rspack: { ".catch": "1 errors, 0 warnings", "try": "0 errors, 1 warnings" },
  esbuild: { ".catch": "0 errors, 0 warnings", "try": "0 errors, 0 warnings" },
  rollup: { ".catch": "0 errors, 1 warnings", "try": "0 errors, 1 warnings" },
});
process.exit(0);
JS
node probe.mjs
