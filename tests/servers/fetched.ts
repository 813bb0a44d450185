import { existsSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import process from "node:process";

/**
 * The folder of a server that no package of the system has, kept from one run to the next; `install` fills it the first
 * time. `name` holds the version.
 */
export async function fetched(
  name: string,
  install: (folder: string) => Promise<unknown>,
): Promise<string> {
  const cache = process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache");
  const folder = join(cache, "cache-locking", name);
  if (existsSync(folder)) return folder;
  // What is left half done by a run that was stopped is never taken for whole.
  const unfinished = `${folder}.${process.pid}`;
  mkdirSync(unfinished, { recursive: true });
  try {
    await install(unfinished);
    renameSync(unfinished, folder);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`${name} could not be installed: ${reason}`);
  } finally {
    rmSync(unfinished, { recursive: true, force: true });
  }
  return folder;
}
