import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fetched } from "../../tests/servers/fetched.ts";
import { must } from "../../tests/support/command.ts";

/** Installs Python packages at the versions given, and returns their folder, which is a `PYTHONPATH`. */
export function fromPip(name: string, ...packages: readonly string[]): Promise<string> {
  return fetched({
    name,
    install: (folder) => {
      const pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
      const flags = ["--only-binary=:all:", "--no-warn-script-location", "--target", folder];
      return must("python3", [...pip, ...flags, ...packages], { timeout: 600_000 });
    },
  });
}

/** Installs npm packages at the versions given, and returns their `node_modules`. */
export async function fromNpm(
  name: string,
  dependencies: Readonly<Record<string, string>>,
): Promise<string> {
  const folder = await fetched({
    name,
    install: (folder) => {
      writeFileSync(join(folder, "package.json"), JSON.stringify({ private: true, dependencies }));
      const flags = ["--no-audit", "--no-fund", "--no-package-lock", "--ignore-scripts"];
      return must("npm", ["install", ...flags], { cwd: folder, timeout: 600_000 });
    },
  });
  return join(folder, "node_modules");
}

/** Builds a program of a Go module, named with its version, and returns its path. */
export async function fromGo(name: string, program: string, module: string): Promise<string> {
  const folder = await fetched({
    name,
    install: (folder) => must("go", ["install", module], { env: { GOBIN: folder }, timeout }),
  });
  return join(folder, program);
}

/** Builds a Go program of our own on a module, for those that have none, and returns its path. */
export async function fromGoSource(name: string, module: string, source: string): Promise<string> {
  const folder = await fetched({
    name,
    install: async (folder) => {
      const cwd = join(folder, "source");
      mkdirSync(cwd);
      writeFileSync(join(cwd, "main.go"), source);
      await must("go", ["mod", "init", "compatibility"], { cwd });
      await must("go", ["get", module], { cwd, timeout });
      await must("go", ["mod", "tidy"], { cwd, timeout });
      await must("go", ["build", "-o", join(folder, "program"), "."], { cwd, timeout });
    },
  });
  return join(folder, "program");
}

/** Builds a program of a copy of a Go module, once `prepare` has made what its own build makes, and returns its path. */
export async function fromGoCopy(
  name: string,
  module: string,
  program: string,
  prepare: (folder: string) => void,
): Promise<string> {
  const folder = await fetched({
    name,
    install: async (folder) => {
      const { Dir } = JSON.parse(await must("go", ["mod", "download", "-json", module]));
      const cwd = join(folder, "source");
      await must("sh", ["-c", 'cp -r "$0" "$1" && chmod -R u+w "$1"', Dir, cwd]);
      prepare(cwd);
      await must("go", ["build", "-o", join(folder, "program"), program], { cwd, timeout });
    },
  });
  return join(folder, "program");
}

const timeout = 900_000;

/** Downloads a jar, `group:artifact:version:jar:classifier`, and returns its path. */
export async function fromMaven(name: string, artifact: string): Promise<string> {
  const folder = await fetched({
    name,
    install: (folder) =>
      must("mvn", [
        ...["-q", "-B", "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy"],
        ...[`-Dartifact=${artifact}`, `-DoutputDirectory=${folder}`],
      ], { timeout }),
  });
  return join(folder, readdirSync(folder).find((file) => file.endsWith(".jar"))!);
}

/** A program of Debian: its path and its version. */
export interface Installed {
  readonly path: string;
  /** As the package has it: `2.6.12`. */
  readonly version: string;
}

/** Finds a program that Debian's package of this name brings; rejects where it isn't installed. */
export async function fromDebian(name: string, program = name): Promise<Installed> {
  const find = `PATH=$PATH:/usr/sbin command -v ${program}`;
  const path = (await must("sh", ["-c", find]).catch(() => "")).trim();
  if (path === "") throw new Error(`no ${program} is installed; Debian's package is ${name}`);
  const text = await must("dpkg-query", ["-W", "-f", "${Version}", name]);
  return { path, version: /^(?:\d+:)?([\d.]+)/.exec(text)![1]! };
}

/** The version of an npm package that is installed in a `node_modules`. */
export function versionIn(modules: string, name: string): string {
  return JSON.parse(readFileSync(join(modules, name, "package.json"), "utf8")).version;
}
