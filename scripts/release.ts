/** What a release needs beside the gate, so that it can be tried anywhere; and the release itself. */
import { readFileSync } from "node:fs";
import process from "node:process";
import { must, run } from "../tests/support/command.ts";
import { readArguments } from "./arguments.ts";
import { deno, manifest, repository, root } from "./project.ts";
import { relativeLinks } from "./readme.ts";

/** What is known of a release. */
export interface Release {
  /** The name that JSR has it by: `@scope/cache-locking`. */
  readonly name: string;
  readonly version: string;
  /** The tag that is released. */
  readonly tag: string;
  /** `owner/name` on GitHub. */
  readonly repository: string | undefined;
  /** The text of CHANGELOG.md. */
  readonly changelog: string;
  /** The text of README.md. */
  readonly readme: string;
  /** Whether the commit is on main. */
  readonly onMain: boolean;
}

/** What stands in the way of a release; nothing, if it is ready. */
export function obstacles(release: Release): string[] {
  const { name, version, tag, changelog, readme, onMain } = release;
  const [, scope = "", jsrName = ""] = /^@([^/]+)\/(.+)$/.exec(name) ?? [];
  const found: (string | false)[] = [
    !/^\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?$/.test(version) && `"${version}" is not a version`,
    tag !== `v${version}` && `the tag "${tag}" is not "v${version}", after deno.json's version`,
    !onMain && `the commit of "${tag}" is not on main`,
    !sectionOf(changelog, version) && `CHANGELOG.md has no section "## ${version}" with a text`,
    !/^[a-z][a-z0-9-]{1,19}$/.test(scope) &&
    `"@${scope}" is no scope of JSR, which has 2 to 20 letters, digits and hyphens: put yours in the name in deno.json`,
    !/^[a-z][a-z0-9-]{1,57}$/.test(jsrName) && `"${jsrName}" is no name of a package on JSR`,
    !readme.includes(`jsr:${name}`) && `README.md doesn't say "jsr:${name}"`,
    readme.includes("not published yet") && "README.md says that it is not published yet",
    release.repository === undefined && "GITHUB_REPOSITORY doesn't say which repository this is",
  ];
  return found.filter((obstacle) => obstacle !== false);
}

function sectionOf(changelog: string, version: string): string | undefined {
  const section = changelog.split(/^## /m).find((text) => text.split(/\s/, 1)[0] === version);
  return section?.slice(version.length).trim() || undefined;
}

/** The tag that npm gives a version: `latest` is what people get who name none. */
export function distTag(version: string): "latest" | "next" {
  return version.includes("-") ? "next" : "latest";
}

/** What stands in the way of publishing what npm/ holds. */
function buildObstacles(): string[] {
  const built = JSON.parse(readFileSync(`${root}npm/package.json`, "utf8"));
  const links = relativeLinks(readFileSync(`${root}npm/README.md`, "utf8"));
  const found: (string | false)[] = [
    built.version !== manifest.version && `npm/ holds version ${built.version}`,
    !built.repository?.url.includes(repository) && `npm/package.json has no repository`,
    links.length > 0 && `npm/README.md has relative links: ${links.join(", ")}`,
  ];
  return found.filter((obstacle) => obstacle !== false);
}

async function release(): Promise<Release> {
  const read = (file: string) => readFileSync(`${root}${file}`, "utf8");
  return {
    name: manifest.name,
    version: manifest.version,
    tag: process.env.GITHUB_REF_NAME ?? `v${manifest.version}`,
    repository,
    changelog: read("CHANGELOG.md"),
    readme: read("README.md"),
    onMain: (await run("git", ["merge-base", "--is-ancestor", "HEAD", "origin/main"])).ok,
  };
}

/** Publishes to both, or to none where npm would refuse. What is published already stays as it is. */
async function publish(): Promise<void> {
  const { version } = manifest;
  const cwd = `${root}npm/`;
  const args = ["publish", "--access", "public", "--tag", distTag(version)];
  const there = (await run("npm", ["view", `cache-locking@${version}`, "version"])).output;
  const published = there.trim() === version;
  if (!published) console.log(await must("npm", [...args, "--dry-run"], { cwd }));
  console.log(await must(deno, ["publish", "--no-check"]));
  if (!published) console.log(await must("npm", [...args, "--provenance"], { cwd }));
}

if (import.meta.main) {
  const { values: { publish: publishing } } = readArguments({
    name: "release",
    does: "Says what stands in the way of releasing this commit as the version of deno.json.",
    options: {
      publish: {
        type: "boolean",
        help: "publish what npm/ holds to npm, and what deno.json includes to JSR, if nothing does",
      },
    },
  });
  const found = [...obstacles(await release()), ...publishing ? buildObstacles() : []];
  if (found.length > 0) {
    console.error(`Cannot release ${manifest.version}:\n- ${found.join("\n- ")}`);
    process.exitCode = 1;
  } else if (publishing) await publish();
  else console.log(`${manifest.version} is ready, as "${distTag(manifest.version)}" on npm`);
}
