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
  } = columns;
  return sql`
    insert into ${sql(table)}
      (key, until, text, bytes, owner, ended, outcome, ends, lease_until, stale_for)
    values (${key}, ${until}::text::timestamptz, ${text}, ${bytes}, ${owner}, ${ended}, ${outcome},
      ${ends}::text::timestamptz, ${lease_until}::text::timestamptz, ${stale_for})
    on conflict (key) do update set until = excluded.until, text = excluded.text,
      bytes = excluded.bytes, owner = excluded.owner, ended = excluded.ended,
      outcome = excluded.outcome, ends = excluded.ends, lease_until = excluded.lease_until,
      stale_for = excluded.stale_for`;
}

/** Damages what a table has, past the adapter. */
export function damageOf(sql: () => Sql, table: string, nameOf: (key: string) => string): Damage {
  const row = (columns: () => Columns) => (key: string) =>
    writeRow(sql(), table, nameOf(key), columns());
  return {
    entries: {
      "text that is no JSON": row(() => ({ text: "{" })),
      "bytes that are no text": row(() => ({ bytes: Uint8Array.of(34, 255, 34) })),
      "text that is no JSON, and bytes": row(() => ({ text: "{", bytes: Uint8Array.of(53) })),
      "text that is no JSON, for good": row(() => ({ text: "{", until: "infinity" })),
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
