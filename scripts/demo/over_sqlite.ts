import { DatabaseSync } from "node:sqlite";
import { sqliteAdapter } from "../../adapters/sqlite.ts";
import type { OpenShared } from "./shared.ts";

/** Opens a file. */
export const open: OpenShared = ({ url }) => {
  const db = new DatabaseSync(url, { timeout: 2000 });
  db.exec("PRAGMA journal_mode = WAL");
  db.exec("PRAGMA synchronous = NORMAL");
  db.exec("CREATE TABLE IF NOT EXISTS unprotected (key TEXT PRIMARY KEY, value TEXT)");
  db.exec("CREATE TABLE IF NOT EXISTS sums (name TEXT PRIMARY KEY, sum INTEGER)");
  const get = db.prepare("SELECT value FROM unprotected WHERE key = ?");
  const set = db.prepare("INSERT OR REPLACE INTO unprotected VALUES (?, ?)");
  const add = db.prepare(
    "INSERT INTO sums VALUES (?, 1) ON CONFLICT DO UPDATE SET sum = sum + 1 RETURNING sum",
  );
  return Promise.resolve({
    store: sqliteAdapter({ db }),
    get: (key) => Promise.resolve((get.get(key)?.["value"] ?? null) as string | null),
    set: (key, value) => Promise.resolve(set.run(key, value)),
    add: (name) => Promise.resolve(Number(add.get(name)!["sum"])),
    close: () => db.close(),
  });
};
