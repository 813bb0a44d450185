import { LONGEST_LEASE } from "../../src/model/defaults.ts";
import type { Backend, Row, Target } from "../kit/backend.ts";
import { bytesOf } from "../kit/data.ts";
import { sha256 } from "../kit/sha256.ts";
import { pruned, type Table } from "./table.ts";
import type { PostgresParameter, PostgresRow } from "./options.ts";

/** Postgres, by one table. */
export function postgresBackend({ name: table, channel, ask }: Table): Backend {
  const statements = statementsOn(table);
  const send = (
    statement: keyof typeof statements,
    target: Target,
    ...parameters: PostgresParameter[]
  ) => ask(target, statements[statement], [target.name, ...parameters]);
  const wake = ({ name }: Target) => [channel, topicOf(name)] as const;
  const isDone = (rows: readonly PostgresRow[]) => rows.length > 0;
  return {
    async read(target) {
      const [row] = await send("get", target);
      return row && { data: dataOf(row) };
    },
    async take(target, { waitedFor = null, ignored, ...own }) {
      const unreadable = ignored ? ignored.data as Uint8Array : null;
      const parameters = [own.owner, millis(own.ttl), waitedFor, unreadable];
      const [row] = await send("acquire", target, ...parameters);
      const [owner, remaining, outcome] = [row![2], row![3], row![4]]
        .map((column) => column ? utf8.decode(column) : null);
      const data = dataOf(row!);
      return { data, owner, remaining: Number(remaining), lastOwner: waitedFor, outcome } as Row;
    },
    renew: async (target, { owner, ttl }) =>
      isDone(await send("renew", target, owner, millis(ttl))),
    async fill(target, { owner, data, ttl }) {
      const columns = columnsOf(data);
      // A statement is sent again where no reply came: then this very value is there, and no lease.
      return isDone(await send("fill", target, ...wake(target), owner, millis(ttl), ...columns)) ||
        isDone(await send("filled", target, ...columns));
    },
    release: (target, { owner, outcome }) =>
      send("release", target, ...wake(target), owner, outcome),
    write: (target, { data, ttl }) =>
      send("set", target, ...wake(target), millis(ttl), ...columnsOf(data)),
    remove: (target) => send("delete", target, ...wake(target)),
  };
}

/** What tells of a key on a channel: its hash, as any role of the database may listen to all channels. */
export function topicOf(name: string): string {
  return sha256(name);
}

/** Postgres knows no times after the year 294276. */
function millis(ttl: number | undefined): number | null {
  return ttl === undefined ? null : Math.min(ttl, 1e15);
}

/** A value as a row holds it; a text of Postgres has no NUL. */
function columnsOf(data: string | Uint8Array): [text: string | null, bytes: Uint8Array | null] {
  if (typeof data !== "string") return [null, data];
  return data.includes("\0") ? [null, bytesOf(data)] : [data, null];
}

function dataOf({ 0: text, 1: hex }: PostgresRow): Uint8Array | undefined {
  return text ?? (hex ? fromHex(hex) : undefined);
}

const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });

function fromHex(hex: Uint8Array): Uint8Array {
  const digit = (at: number) => hex[at]! - (hex[at]! < 97 ? 48 : 87);
  return Uint8Array.from(
    { length: hex.length / 2 },
    (_, i) => digit(2 * i) << 4 | digit(2 * i + 1),
  );
}

/** The rows that a write removes at most, so that a table whose keys are all new keeps no more rows than are alive. */
const FEW = 10;

/** $1 is the key; $2 and $3, where somebody is to be woken, are the channel and what tells of the key there. */
function statementsOn(table: string) {
  const live = "until > clock_timestamp()";
  const after = (ttl: string) =>
    `coalesce(clock_timestamp() + ${ttl}::float8 * interval '1 millisecond', 'infinity')`;
  const noLease = "owner = null, ended = null, outcome = null";
  const waking = (done: string) => `
with done as (${done} returning key), pruned as (${pruned(table, FEW, "and key <> $1")})
select pg_notify($2, $3) from done`;
  // $2: owner, $4: the lease that was waited for, $5: the bytes of an entry to ignore.
  const taken = `(case when t.text is not null or t.bytes is not null
  then coalesce(convert_to(t.text, 'UTF8'), t.bytes) is distinct from $5
  else t.owner <> '' and t.until <= clock_timestamp() + ${LONGEST_LEASE} * interval '1 millisecond'
    or t.ended = $4 and t.outcome = 'uncached'
end)`;

  return {
    get: `select text, encode(bytes, 'hex') from ${table} where key = $1 and ${live}`,

    filled: `
select from ${table} where key = $1 and ${live} and (text = $2 or bytes = $3)`,

    // What the snapshot says is an answer, but that the lease is free: that is for the latest row to say, under its lock,
    // and what is returned is this row. `allowed` asks for the right to DELETE, which a fill needs: a role without it is
    // refused before it fetches.
    acquire: `
with seen as (
  select * from ${table} as t where key = $1 and ${live} and ${taken}
), latest as (
  insert into ${table} as t (key, until, owner)
  select $1, ${after("$3")}, $2 where not exists (select from seen)
  on conflict (key) do update set (until, text, bytes, owner, ended, outcome) = (
    select
      case when stays then t.until else ${after("$3")} end,
      case when stays then t.text end,
      case when stays then t.bytes end,
      case when stays then t.owner else excluded.owner end,
      case when live then t.ended end,
      case when live then t.outcome end
    from (select t.${live} as live) as clock, lateral (select live and ${taken} as stays) as row
  )
  returning *
), allowed as (
  delete from ${table} where false
)
select text, encode(bytes, 'hex'), owner,
  1000 * (extract(epoch from until) - extract(epoch from clock_timestamp())),
  case when ended = $4 then outcome end
from (select * from seen union all select * from latest) as row`,

    renew: `
update ${table} set until = ${after("$3")} where key = $1 and owner = $2 and ${live} returning key`,

    fill: waking(`
update ${table} set until = ${after("$5")}, text = $6, bytes = $7, ${noLease}
where key = $1 and owner = $4 and ${live}`),

    // $5: the outcome; one that was cancelled changes nothing of what is remembered.
    release: waking(`
update ${table} set owner = null,
  ended = case when $5 = 'cancelled' then ended else owner end,
  outcome = case when $5 = 'cancelled' then outcome else $5 end
where key = $1 and owner = $4 and ${live}`),

    set: waking(`
insert into ${table} as t (key, until, text, bytes) values ($1, ${after("$4")}, $5, $6)
on conflict (key) do update set
  until = ${after("$4")}, text = excluded.text, bytes = excluded.bytes, ${noLease}`),

    delete: `
with done as (delete from ${table} where key = $1 returning key)
select pg_notify($2, $3) from done`,
  };
}
