import { existsSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { homedir } from "node:os";
import { basename, join } from "node:path";
import process from "node:process";

/** A server that no package of the system has. */
export interface Fetched {
  /** Its name, with its version. */
  readonly name: string;
  /** Fills its folder. */
  readonly install: (folder: string) => Promise<unknown>;
}

/** The folder of such a server, kept from one run to the next. Without `fetch` it rejects where the folder isn't there yet. */
export async function fetched(
  { name, install }: Fetched,
  { fetch = true }: { readonly fetch?: boolean } = {},
): Promise<string> {
  const cache = process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache");
  const folder = join(cache, "cache-locking", name);
  if (existsSync(folder)) return folder;
  if (!fetch) throw new Error(`${name} isn't installed; \`deno task test --all\` fetches it`);
  return await (installing[folder] ??= fill(folder, install));
}

/** Two backends may come from one installation. */
const installing: Record<string, Promise<string>> = {};

async function fill(folder: string, install: Fetched["install"]): Promise<string> {
  // What is left half done by a run that was stopped is never taken for whole.
  const unfinished = `${folder}.${process.pid}`;
  mkdirSync(unfinished, { recursive: true });
  try {
    await install(unfinished);
    renameSync(unfinished, folder);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`${basename(folder)} could not be installed: ${reason}`);
  } finally {
    rmSync(unfinished, { recursive: true, force: true });
  }
  return folder;
}
