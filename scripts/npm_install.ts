import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { cache } from "./project.ts";
import { must } from "../tests/support/command.ts";

/**
 * Makes a folder with npm packages under .cache/ and returns its path with a slash at the end. Installs only if the
 * packages asked for have changed.
 */
export async function npmInstall(
  name: string,
  packages: Readonly<Record<string, string>>,
): Promise<string> {
  const folder = `${cache}${name}/`;
  const wanted = JSON.stringify({ private: true, type: "module", dependencies: packages });
  const installed = `${folder}node_modules/.wanted.json`;
  if (!existsSync(installed) || readFileSync(installed, "utf8") !== wanted) {
    mkdirSync(folder, { recursive: true });
    writeFileSync(`${folder}package.json`, wanted);
    const flags = ["--no-audit", "--no-fund", "--no-package-lock", "--ignore-scripts"];
    await must("npm", ["install", ...flags], { cwd: folder });
    writeFileSync(installed, wanted);
  }
  return folder;
}
