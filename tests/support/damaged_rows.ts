import type { Damage, Damager } from "../conformance/mod.ts";

type Columns = Readonly<Record<string, string>>;

/** In milliseconds, as SQL. */
const later = (days: number) => `unixepoch('subsec') * 1000 + ${days * 86_400_000}`;

/** Runs a statement with one parameter. */
export type RunWith = (sql: string, key: string) => unknown;

/** Damages the rows of a table in SQLite, past the adapters; `table` is in quotes if it has to be. */
export function damagedRows(run: RunWith, table: string, prefix = ""): Damage & {
  readonly ends: Readonly<Record<string, Damager>>;
} {
  const row = (columns: Columns): Damager => async (key) => {
    const names = ["key", ...Object.keys(columns)].join(", ");
    const values = ["?", ...Object.values(columns)].join(", ");
    await run(`INSERT OR REPLACE INTO ${table} (${names}) VALUES (${values})`, prefix + key);
  };
  const value = `'"damaged"'`;
  const failed = { last: "'gone'", how: "'failed'", failures: "1", lease_until: later(1) };
  return {
    entries: {
      "text that is no JSON": row({ value: "'{'" }),
      "text that is no UTF-8": row({ value: "CAST(x'7bff' AS TEXT)" }),
      "bytes that are no text": row({ value: "x'22ff22'" }),
      "an integer": row({ value: "5" }),
      "an integer that a number can't be": row({ value: "9007199254740993" }),
      "a real number": row({ value: "2.5" }),
    },
    ends: {
      "text": row({ value, expires_at: "'soon'" }),
      "bytes": row({ value, expires_at: "x'ff'" }),
    },
    ages: Object.fromEntries(
      ["-5", "-1e300", "1e300", "9e999", "-9e999", "'soon'", "'5'", "x'ff'"].flatMap((time) => [
        [`stale for ${time}`, row({ value, stale_for: time, expires_at: later(1) })],
        [`stale for ${time}, without an end`, row({ value, stale_for: time })],
        [`a fetch of ${time}`, row({ value, took: time })],
      ]),
    ),
    pauses: Object.fromEntries(
      [
        ...["9e999", "1e300", later(32), "'soon'", "x'ff'"].map((time) => [
          `until ${time}`,
          row({ ...failed, quiet_until: time }),
        ]),
        ...["-5", "1e300", "9e999", "'5'", "x'ff'", "9007199254740993"].map((failures) => [
          `${failures} failures`,
          row({ ...failed, failures }),
        ]),
      ],
    ),
    leases: {
      "a lease without an end": row({ owner: "'gone'" }),
      "a lease for longer than a month": row({ owner: "'gone'", lease_until: later(32) }),
      "a lease until infinity": row({ owner: "'gone'", lease_until: "9e999" }),
      "a lease until text": row({ owner: "'gone'", lease_until: "'soon'" }),
      "a lease until bytes": row({ owner: "'gone'", lease_until: "x'ff'" }),
      "a lease of nobody": row({ owner: "''", lease_until: later(1) }),
      "an end of nobody": row({ how: "'uncached'", lease_until: later(1) }),
      "a row of nothing": row({}),
    },
    strangers: {
      "bytes as owner": row({ owner: "x'ff'", lease_until: later(1) }),
    },
  };
}
