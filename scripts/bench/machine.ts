import { readFileSync } from "node:fs";
import { cpus, totalmem } from "node:os";
import { benchImports, benchLockfile, effectVersions, imports } from "../project.ts";

/** The machine. */
export function machine(): string {
  const all = cpus();
  const memory = Math.round(totalmem() / 2 ** 30);
  return `${all.length} cores (${all[0]!.model.trim()}), ${memory} GB`;
}

/** The version of a package that was run: the one that a lockfile has for the range. */
export function versionOf(name: string, lockfile = benchLockfile): string {
  const lock: { readonly specifiers: Readonly<Record<string, string>> } = JSON.parse(
    readFileSync(lockfile, "utf8"),
  );
  const effect = `npm:effect@${effectVersions[4]}`;
  const specifier = { ...imports, ...benchImports, effect }[name];
  // Deno writes the shortest range that means the same: `0.4` for `^0.4.0`.
  const shortest = specifier?.replace(/\^(0\.\d+|\d+)(\.0)+$/, "$1");
  const version = lock.specifiers[specifier!] ?? lock.specifiers[shortest!];
  if (!version) throw new Error(`Cannot tell the version of "${name}": the lockfile has none`);
  return version.split("_")[0]!;
}
