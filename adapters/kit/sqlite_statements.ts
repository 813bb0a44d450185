import { LONGEST_LEASE } from "../../src/model/defaults.ts";

const NOW = "unixepoch('subsec') * 1000";

/** A value that is a number isn't one of ours, and some drivers can't return all of them. */
const VALUE = "CASE WHEN typeof(value) IN ('integer', 'real') THEN 0 ELSE value END";

// Text and bytes are greater than all numbers.
const ENDING = `expires_at > ${NOW} AND expires_at <= 9e999`;
const FRESH = `(expires_at IS NULL OR ${ENDING})`;

/** An identifier, whatever it holds. */
function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/**
 * The statements on a table; `?1` is the key.
 *
 * `value` is null where the row is a lease; `expires_at` is when the entry or the lease ends, null for an entry that is
 * kept for good. `last` is the owner of the latest lease that ended `how`: failed, uncached or filled; it is random where
 * the entry was `set`.
 */
export function statementsOn(name: string) {
  const table = quoted(name);
  return {
    create: [
      `CREATE TABLE IF NOT EXISTS ${table} (key TEXT PRIMARY KEY, value BLOB, owner TEXT, ` +
      `last TEXT, how TEXT, expires_at REAL) WITHOUT ROWID`,
      `CREATE INDEX IF NOT EXISTS ${quoted(`${name}_expires_at`)} ON ${table} (expires_at)`,
    ],

    get: `
SELECT ${VALUE} AS value FROM ${table}
WHERE key = ?1 AND value IS NOT NULL AND ${FRESH}`,

    // ?2: owner, ?3: ttl, ?4: the lease that was waited for, ?5: the bytes of an entry to ignore.
    take: `
INSERT INTO ${table} (key, owner, expires_at) VALUES (?1, ?2, ${NOW} + ?3)
ON CONFLICT (key) DO UPDATE SET
  value = NULL, owner = ?2, expires_at = ${NOW} + ?3,
  last = CASE WHEN ${ENDING} THEN last END,
  how = CASE
    WHEN typeof(owner) NOT IN ('text', 'null') THEN 'replaced'
    WHEN ${ENDING} THEN how
  END
WHERE NOT coalesce(CASE
  WHEN value IS NOT NULL
    THEN typeof(value) IN ('text', 'blob') AND ${FRESH} AND CAST(value AS BLOB) IS NOT ?5
  ELSE typeof(owner) = 'text' AND owner <> '' AND expires_at > ${NOW}
      AND expires_at <= ${NOW} + ${LONGEST_LEASE}
    OR how = 'uncached' AND last = ?4 AND ${ENDING}
END, FALSE)`,

    // Whatever is dead by now was alive when the statement before left it as it was. ?2: whether text is told as bytes,
    // which it needn't be the UTF-8 of.
    look: `
SELECT CASE WHEN ?2 AND value IS NOT NULL THEN CAST(value AS BLOB) ELSE ${VALUE} END AS value,
  owner, last AS lastOwner, how AS outcome, expires_at - ${NOW} AS remaining
FROM ${table} WHERE key = ?1`,

    // ?2: owner, ?3: ttl.
    renew: `
UPDATE ${table} SET expires_at = ${NOW} + ?3
WHERE key = ?1 AND owner = ?2 AND expires_at > ${NOW} RETURNING 1`,

    // ?2: owner, ?3: value, ?4: ttl.
    fill: `
UPDATE ${table} SET value = ?3, owner = NULL, last = ?2, how = 'filled', expires_at = ${NOW} + ?4
WHERE key = ?1 AND owner = ?2 AND expires_at > ${NOW} RETURNING 1`,

    // ?2: owner.
    filledBy: `SELECT 1 FROM ${table} WHERE key = ?1 AND last = ?2 AND how = 'filled'`,

    // ?2: owner, ?3: how, or null for no news.
    release: `
UPDATE ${table} SET
  owner = NULL, last = CASE WHEN ?3 IS NULL THEN last ELSE ?2 END, how = coalesce(?3, how)
WHERE key = ?1 AND owner = ?2`,

    // ?2: value, ?3: ttl.
    set: `
INSERT INTO ${table} (key, value, last, how, expires_at)
VALUES (?1, ?2, hex(randomblob(8)), 'set', ${NOW} + ?3)
ON CONFLICT (key) DO UPDATE SET
  value = excluded.value, expires_at = excluded.expires_at, owner = NULL, last = excluded.last, how = 'set'`,

    delete: `DELETE FROM ${table} WHERE key = ?1`,

    // ?1: keys, as JSON. Each write but a renewal changes the state.
    states: `
SELECT key, json_array(owner, last, how) AS state FROM ${table}
WHERE key IN (SELECT value FROM json_each(?1))`,

    // ?2: how many.
    prune: `
DELETE FROM ${table} WHERE key IN (
  SELECT key FROM ${table} WHERE expires_at <= ${NOW} AND key <> ?1 LIMIT ?2)`,
  };
}

/** Whether an error says that there is no such table. */
export function isMissingTable(error: unknown): boolean {
  return /no such table/i.test(String(error));
}
