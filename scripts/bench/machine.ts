import { readFileSync } from "node:fs";
import { cpus, totalmem } from "node:os";
import process from "node:process";
import { manifest, root } from "../project.ts";

/** The machine, and what runs on it. */
export function machine(): string {
  const all = cpus();
  const memory = Math.round(totalmem() / 2 ** 30);
  const { deno } = process.versions as { readonly deno?: string };
  return `${all.length} cores (${all[0]!.model.trim()}), ${memory} GB, Deno ${deno}`;
}

/** The version of a package that was run: the one that deno.lock has for deno.json's range. */
export function versionOf(name: string): string {
  const lock: { readonly specifiers: Readonly<Record<string, string>> } = JSON.parse(
    readFileSync(`${root}deno.lock`, "utf8"),
  );
  const specifier = manifest.imports[name];
  const version = specifier && lock.specifiers[specifier];
  if (!version) throw new Error(`Cannot tell the version of "${name}": deno.lock has none`);
  return version.split("_")[0]!;
}
