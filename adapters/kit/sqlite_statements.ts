import { FAILURES_REMEMBERED, LONGEST_LEASE } from "../../src/model/defaults.ts";
import { LONGEST } from "./backend.ts";

const NOW = "unixepoch('subsec') * 1000";

/** A value that is a number isn't one of ours, and some drivers can't return all of them. */
const VALUE = "CASE WHEN typeof(value) IN ('integer', 'real') THEN 0 ELSE value END";

/** Whether a time is to come. Text and bytes are greater than all numbers. */
const ahead = (time: string) => `${time} > ${NOW} AND ${time} <= 9e999`;

/** The same, of what lives no longer than a lease may. */
const soon = (time: string) => `${time} > ${NOW} AND ${time} <= ${NOW} + ${LONGEST_LEASE}`;

/** Whether there is an entry, fresh or stale. */
const THERE = `value IS NOT NULL AND (expires_at IS NULL OR ${ahead("expires_at")})`;

/** For how long it is stale. */
const STALE_FOR =
  `iif(typeof(stale_for) IN ('integer', 'real'), max(0, min(stale_for, ${LONGEST})), 0)`;

/** For how much longer it is fresh; null for good. */
const FRESH_FOR = `expires_at - ${STALE_FOR} - ${NOW}`;

/** Whether it can be read, and isn't the one to be ignored, whose bytes this parameter is. */
const readable = (ignored: string) =>
  `(${THERE} AND typeof(value) IN ('text', 'blob') AND CAST(value AS BLOB) IS NOT ${ignored})`;

/** Whether the end of the last lease is remembered. */
const REMEMBERED = ahead("lease_until");

const NO_LEASE = "owner = NULL, lease_until = NULL, failures = NULL, quiet_until = NULL";

/** An identifier, whatever it holds. */
function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/**
 * The statements on a table; `?1` is the key.
 *
 * An entry is a `value`, which is fresh until `stale_for` before `expires_at`; that is null where it is kept for good. A
 * lease has an `owner`, and is over at `lease_until`. `last` is the owner of the latest lease that ended `how`, which is
 * remembered until then: failed, uncached or filled; it is random where the entry was set or expired. `failures` fetches have
 * failed in a row, and nobody is to fetch until `quiet_until`. At `kept_until` all of it is over; null for never.
 */
export function statementsOn(name: string) {
  const table = quoted(name);
  return {
    create: [
      `CREATE TABLE IF NOT EXISTS ${table} (key TEXT PRIMARY KEY, value BLOB, expires_at REAL, stale_for REAL, ` +
      `took REAL, owner TEXT, lease_until REAL, last TEXT, how TEXT, failures INTEGER, quiet_until REAL, ` +
      `kept_until REAL) WITHOUT ROWID`,
      `CREATE INDEX IF NOT EXISTS ${quoted(`${name}_kept_until`)} ON ${table} (kept_until)`,
    ],

    get: `
SELECT ${VALUE} AS value, ${FRESH_FOR} AS freshFor, took FROM ${table}
WHERE key = ?1 AND ${THERE}`,

    // ?2: owner, ?3: ttl, ?4: the lease that was waited for, ?5: the bytes of an entry to ignore, ?6: for how long an entry
    // is fresh at most that isn't in the way, null for whatever is there, ?7: whether to back off.
    take: `
INSERT INTO ${table} (key, owner, lease_until, kept_until) VALUES (?1, ?2, ${NOW} + ?3, ${NOW} + ?3)
ON CONFLICT (key) DO UPDATE SET
  value = CASE WHEN ${readable("?5")} THEN value END,
  kept_until = CASE WHEN ${readable("?5")} THEN max(expires_at, ${NOW} + ?3) ELSE ${NOW} + ?3 END,
  owner = ?2, lease_until = ${NOW} + ?3,
  last = CASE WHEN ${REMEMBERED} THEN last END,
  how = CASE
    WHEN typeof(owner) NOT IN ('text', 'null') THEN 'replaced'
    WHEN ${REMEMBERED} THEN how
  END,
  failures = CASE WHEN ${REMEMBERED} THEN failures END, quiet_until = NULL
WHERE NOT coalesce(${readable("?5")} AND coalesce(${FRESH_FOR}, 9e999) > ?6, FALSE)
  AND NOT coalesce(
    typeof(owner) = 'text' AND owner <> '' AND ${soon("lease_until")}
      OR how = 'uncached' AND last = ?4 AND ${REMEMBERED}
      OR ?7 AND ${soon("quiet_until")},
    FALSE)`,

    // ?2: whether text is told as bytes, which it needn't be the UTF-8 of, ?3: the bytes of an entry to ignore.
    look: `
SELECT
  CASE WHEN ${
      readable("?3")
    } THEN CASE WHEN ?2 THEN CAST(value AS BLOB) ELSE value END END AS value,
  ${FRESH_FOR} AS freshFor, took, owner, lease_until - ${NOW} AS remaining,
  last AS lastOwner, how AS outcome, CAST(failures AS REAL) AS failures, quiet_until - ${NOW} AS quietFor
FROM ${table} WHERE key = ?1`,

    // ?2: owner, ?3: ttl.
    renew: `
UPDATE ${table} SET lease_until = ${NOW} + ?3, kept_until = max(kept_until, ${NOW} + ?3)
WHERE key = ?1 AND owner = ?2 AND lease_until > ${NOW} RETURNING 1`,

    // ?2: owner, ?3: value, ?4: for how long it is there, ?5: and stale, ?6: how long its fetch took, ?7: how long the row is
    // needed.
    fill: `
UPDATE ${table} SET value = ?3, expires_at = ${NOW} + ?4, kept_until = ${NOW} + ?7, stale_for = ?5, took = ?6,
  last = ?2, how = 'filled', ${NO_LEASE}
WHERE key = ?1 AND owner = ?2 AND lease_until > ${NOW} RETURNING 1`,

    // ?2: the owner that filled it, or what expired it.
    changedBy:
      `SELECT 1 FROM ${table} WHERE key = ?1 AND last = ?2 AND how IN ('filled', 'expired')`,

    // ?2: owner, ?3: how, or null for no news, ?4: how many failures in a row, or null, ?5: for how long nobody is to fetch.
    release: `
UPDATE ${table} SET
  owner = NULL, last = CASE WHEN ?3 IS NULL THEN last ELSE ?2 END, how = coalesce(?3, how),
  failures = CASE WHEN ?3 = 'uncached' THEN NULL ELSE coalesce(?4, failures) END, quiet_until = ${NOW} + ?5,
  lease_until = max(lease_until, coalesce(${NOW} + ?5 + ${FAILURES_REMEMBERED}, 0)),
  kept_until = max(kept_until, coalesce(${NOW} + ?5 + ${FAILURES_REMEMBERED}, 0))
WHERE key = ?1 AND owner = ?2`,

    // ?2: value, ?3: for how long it is there, ?4: and stale, ?5: how long its fetch took, ?6: how long the row is needed.
    set: `
INSERT INTO ${table} (key, value, expires_at, kept_until, stale_for, took, last, how)
VALUES (?1, ?2, ${NOW} + ?3, ${NOW} + ?6, ?4, ?5, hex(randomblob(8)), 'set')
ON CONFLICT (key) DO UPDATE SET
  value = excluded.value, expires_at = excluded.expires_at, kept_until = excluded.kept_until,
  stale_for = excluded.stale_for, took = excluded.took, last = excluded.last, how = 'set', ${NO_LEASE}`,

    // ?2: a name for this change.
    expire: `
UPDATE ${table} SET
  value = CASE WHEN ${STALE_FOR} > 0 THEN value END,
  expires_at = CASE WHEN coalesce(${FRESH_FOR}, 1) > 0 THEN ${NOW} + ${STALE_FOR} ELSE expires_at END,
  kept_until = CASE WHEN coalesce(${FRESH_FOR}, 1) > 0 THEN ${NOW} + ${STALE_FOR} ELSE expires_at END,
  last = ?2, how = 'expired', ${NO_LEASE}
WHERE key = ?1`,

    stale: `
SELECT ${VALUE} AS value, expires_at - ${NOW} AS life, ${STALE_FOR} AS staleFor, took FROM ${table}
WHERE key = ?1 AND ${THERE}`,

    delete: `DELETE FROM ${table} WHERE key = ?1`,

    // ?1: keys, as JSON. Each write but a renewal changes the state.
    states: `
SELECT key, json_array(owner, last, how) AS state FROM ${table}
WHERE key IN (SELECT value FROM json_each(?1))`,

    // ?2: how many.
    prune: `
DELETE FROM ${table} WHERE key IN (
  SELECT key FROM ${table} WHERE kept_until <= ${NOW} AND key <> ?1 LIMIT ?2)`,
  };
}

/** Whether an error says that there is no such table. */
export function isMissingTable(error: unknown): boolean {
  return /no such table/i.test(String(error));
}
