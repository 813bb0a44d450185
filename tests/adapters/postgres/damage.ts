import type { Sql } from "postgres";
import type { Damage } from "../../conformance/mod.ts";

/** What the columns of a row are, besides its key. */
interface Columns {
  readonly until?: string;
  readonly text?: string | null;
  readonly bytes?: Uint8Array | null;
  readonly ends?: string | null;
  readonly stale_for?: number | null;
  readonly owner?: string | null;
  readonly lease_until?: string | null;
  readonly ended?: string | null;
  readonly outcome?: string | null;
  readonly took?: number | null;
  readonly failures?: number | null;
  readonly quiet_until?: string | null;
}

const later = (days: number) => new Date(Date.now() + days * 86_400_000).toISOString();

/** Writes a row past the adapter. */
export function writeRow(
  sql: Sql,
  table: string,
  key: string,
  columns: Columns,
): PromiseLike<unknown> {
  const {
    until = later(1),
    text = null,
    bytes = null,
    owner = null,
    ended = null,
    outcome = null,
    ends = text === null && bytes === null ? null : until,
    lease_until = ends === null ? until : null,
    stale_for = null,
    took = null,
    failures = null,
    quiet_until = null,
  } = columns;
  return sql`
    insert into ${sql(table)}
      (key, until, text, bytes, owner, ended, outcome, ends, lease_until, stale_for, took, failures,
        quiet_until)
    values (${key}, ${until}::text::timestamptz, ${text}, ${bytes}, ${owner}, ${ended}, ${outcome},
      ${ends}::text::timestamptz, ${lease_until}::text::timestamptz, ${stale_for}, ${took}, ${failures},
      ${quiet_until}::text::timestamptz)
    on conflict (key) do update set until = excluded.until, text = excluded.text,
      bytes = excluded.bytes, owner = excluded.owner, ended = excluded.ended,
      outcome = excluded.outcome, ends = excluded.ends, lease_until = excluded.lease_until,
      stale_for = excluded.stale_for, took = excluded.took, failures = excluded.failures,
      quiet_until = excluded.quiet_until`;
}

/** Damages what a table has, past the adapter. */
export function damageOf(sql: () => Sql, table: string, nameOf: (key: string) => string): Damage {
  const row = (columns: () => Columns) => (key: string) =>
    writeRow(sql(), table, nameOf(key), columns());
  const text = '"damaged"';
  const failed = { ended: "gone", outcome: "failed", failures: 1 };
  return {
    entries: {
      "text that is no JSON": row(() => ({ text: "{" })),
      "bytes that are no text": row(() => ({ bytes: Uint8Array.of(34, 255, 34) })),
      "text that is no JSON, and bytes": row(() => ({ text: "{", bytes: Uint8Array.of(53) })),
      "text that is no JSON, for good": row(() => ({ text: "{", until: "infinity" })),
    },
    ages: Object.fromEntries(
      [-5, -1e300, 1e300, Infinity, NaN].flatMap((time) => [
        [`${time} ms stale`, row(() => ({ text, stale_for: time }))],
        [
          `${time} ms stale, without an end`,
          row(() => ({ text, stale_for: time, until: "infinity" })),
        ],
        [`a fetch of ${time} ms`, row(() => ({ text, took: time }))],
      ]),
    ),
    pauses: {
      "until infinity": row(() => ({ ...failed, quiet_until: "infinity" })),
      "until infinity, as all of the row": row(() => ({
        ...failed,
        until: "infinity",
        quiet_until: "infinity",
      })),
      "for longer than a month": row(() => ({ ...failed, quiet_until: later(32) })),
      "fewer failures than none": row(() => ({ ...failed, failures: -5 })),
      "more failures than can be counted": row(() => ({ ...failed, failures: 2 ** 31 - 1 })),
    },
    leases: {
      "a lease without an end": row(() => ({ owner: "gone", until: "infinity" })),
      "a lease for longer than a month": row(() => ({ owner: "gone", until: later(32) })),
      "a lease of nobody": row(() => ({ owner: "" })),
      "an end of nobody": row(() => ({ outcome: "uncached" })),
      "a row of nothing": row(() => ({ until: "infinity" })),
    },
  };
}
