import { globSync, readFileSync } from "node:fs";
import { root } from "./project.ts";
import { distTag, obstacles, type Release } from "./release.ts";

const good: Release = {
  name: "@somebody/cache-locking",
  version: "1.2.0",
  tag: "v1.2.0",
  repository: "somebody/cache-locking",
  changelog: "# Changelog\n\n## 1.2.0\n\n- New.\n\n## 1.1.0\n\n- Old.\n",
  readme: "deno add jsr:@somebody/cache-locking",
  onMain: true,
};

/** A release that each obstacle stands in the way of, by what is wrong with it. */
const bad: Readonly<Record<string, Partial<Release>>> = {
  "another tag": { tag: "v1.2.1" },
  "a tag without its v": { tag: "1.2.0" },
  "no version": { version: "1.2", tag: "v1.2", changelog: "## 1.2\n\n- New.\n" },
  "no section": { changelog: "# Changelog\n\n## 1.1.0\n\n- Old.\n" },
  "an empty section": { changelog: "# Changelog\n\n## 1.2.0\n\n## 1.1.0\n\n- Old.\n" },
  "a section of a later version": { changelog: "## 1.2.0-rc.1\n\n- New.\n" },
  "a scope of one letter": { name: "@x/cache-locking", readme: "jsr:@x/cache-locking" },
  "a scope of 21": {
    name: "@abcdefghijklmnopqrstu/cache-locking",
    readme: "jsr:@abcdefghijklmnopqrstu/cache-locking",
  },
  "README with another name": { readme: "deno add jsr:@x/cache-locking" },
  "README of before": { readme: `${good.readme}. It is not published yet.` },
  "no repository": { repository: undefined },
  "a branch": { onMain: false },
};

/** Throws if a release that is not ready would be published, or one that is would not; or if an action may change. */
export function checkRelease(): void {
  const found = obstacles(good);
  if (found.length > 0) throw new Error(`A good release is refused: ${found.join(", ")}`);
  for (const [what, wrong] of Object.entries(bad)) {
    const found = obstacles({ ...good, ...wrong });
    if (found.length !== 1) throw new Error(`${what}: ${found.join(", ") || "nothing is found"}`);
  }
  const tags = ["1.2.0", "1.2.0-rc.1"].map(distTag).join();
  if (tags !== "latest,next") throw new Error(`npm would tag a version and a prerelease ${tags}`);
  for (const file of globSync(".github/workflows/*.yml", { cwd: root })) {
    const uses = readFileSync(`${root}${file}`, "utf8").matchAll(/\buses: (.*)/g);
    for (const [, action] of uses) {
      if (!/@[0-9a-f]{40} # v\d+\.\d+\.\d+$/.test(action!)) {
        throw new Error(`${file} uses ${action}, which is not pinned by its commit and version`);
      }
    }
  }
}
