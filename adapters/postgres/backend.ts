import { bytesOf } from "../kit/data.ts";
import type { Backend, EndedLease, Row, Target } from "../kit/backend.ts";
import type { PostgresParameter, PostgresRow } from "./client.ts";
import { statementsOn } from "./statements.ts";
import type { Table } from "./table.ts";

/** A value as a row holds it: one of the two at most is not null. */
type Columns = readonly [text: string | null, bytes: Uint8Array | null];

/** A row, and the columns of its entry. */
interface Found extends Row {
  readonly columns?: Columns;
}

/** Postgres, by one table. */
export function postgresBackend({ name: table, channel, ask }: Table): Backend<Found> {
  const statements = statementsOn(table);
  const send = (
    statement: keyof typeof statements,
    target: Target,
    ...parameters: PostgresParameter[]
  ) => ask(target, statements[statement], [target.name, ...parameters]);
  const isDone = (rows: readonly PostgresRow[]) => rows.length > 0;
  return {
    async read(target) {
      const [row] = await send("get", target);
      return row && { data: dataOf(row) };
    },
    async take(target, { owner, ttl, waitedFor, ignored }) {
      const entry = ignored?.columns ?? [null, null];
      const [row] = await send("acquire", target, owner, millis(ttl), waitedFor ?? null, ...entry);
      return foundIn(row!, waitedFor);
    },
    renew: async (target, { owner, ttl }) =>
      isDone(await send("renew", target, owner, millis(ttl))),
    fill: async (target, { owner, data, ttl }) =>
      isDone(await send("fill", target, channel, owner, millis(ttl), ...columnsOf(data))),
    release: (target, { owner, outcome }) => send("release", target, channel, owner, outcome),
    write: (target, { data, ttl }) => send("set", target, channel, millis(ttl), ...columnsOf(data)),
    remove: (target) => send("delete", target, channel),
  };
}

/** Postgres knows no times after the year 294276. */
function millis(ttl: number | undefined): number | null {
  return ttl === undefined ? null : Math.min(ttl, 1e15);
}

function columnsOf(data: string | Uint8Array): Columns {
  if (typeof data !== "string") return [null, data];
  return data.includes("\0") ? [null, bytesOf(data)] : [data, null];
}

/** What an acquire has answered. */
function foundIn(row: PostgresRow, waitedFor: string | undefined): Found {
  const data = dataOf(row);
  if (data !== undefined) {
    return { data, columns: [textOf(row[0]), row[1] ? fromHex(row[1]) : null] };
  }
  const [owner, remaining, outcome] = [row[2], row[3], row[4]].map(textOf);
  return {
    lease: owner ? { owner, remaining: Math.max(Number(remaining), 0) } : undefined,
    ended: outcome ? { owner: waitedFor!, outcome: outcome as EndedLease["outcome"] } : undefined,
  };
}

function dataOf({ 0: text, 1: hex }: PostgresRow): Uint8Array | undefined {
  return text ?? (hex ? fromHex(hex) : undefined);
}

const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });

function textOf(column: Uint8Array | null | undefined): string | null {
  return column ? utf8.decode(column) : null;
}

function fromHex(hex: Uint8Array): Uint8Array {
  const digit = (at: number) => hex[at]! - (hex[at]! < 97 ? 48 : 87);
  return Uint8Array.from(
    { length: hex.length / 2 },
    (_, i) => digit(2 * i) << 4 | digit(2 * i + 1),
  );
}
