import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import type { Running } from "./description.ts";

/** A new file of SQLite in a folder of its own, which stands for a server: its path is the address. */
export function newSqliteFile(): Running {
  const folder = mkdtempSync(join(tmpdir(), "cache-locking-"));
  return {
    version: `SQLite ${(process.versions as Record<string, string>)["sqlite"]}`,
    url: join(folder, "cache.db"),
    stop: () => Promise.resolve(rmSync(folder, { recursive: true, force: true })),
  };
}
