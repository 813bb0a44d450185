import { readFileSync } from "node:fs";
import { cpus, totalmem } from "node:os";
import { imports, lockfile } from "../project.ts";

/** The machine. */
export function machine(): string {
  const all = cpus();
  const memory = Math.round(totalmem() / 2 ** 30);
  return `${all.length} cores (${all[0]!.model.trim()}), ${memory} GB`;
}

/** The version of a package that was run: the one that deno.lock has for the import map's range. */
export function versionOf(name: string): string {
  const lock: { readonly specifiers: Readonly<Record<string, string>> } = JSON.parse(
    readFileSync(lockfile, "utf8"),
  );
  // Deno writes any version its own way.
  const specifier = imports[name]?.replace(/@x$/, "@*");
  const version = specifier && lock.specifiers[specifier];
  if (!version) throw new Error(`Cannot tell the version of "${name}": deno.lock has none`);
  return version.split("_")[0]!;
}
