import { FAILURES_REMEMBERED, LONGEST_LEASE } from "../../src/model/defaults.ts";
import {
  type Backend,
  lifeOf,
  LONGEST,
  type Row,
  type Target,
  type Written,
} from "../kit/backend.ts";
import { bytesOf } from "../kit/data.ts";
import { decide, isHit } from "../kit/decide.ts";
import { Contention, retry } from "../kit/retry.ts";
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
      return row && entryOf(row);
    },
    take(target, wanted) {
      const { owner, ttl, waitedFor = null, ignored, freshBelow, backOff } = wanted;
      const unreadable = ignored ? ignored.data as Uint8Array : null;
      const below = freshBelow === Infinity ? null : freshBelow;
      const parameters = [owner, millis(ttl), waitedFor, unreadable, below, backOff ? 1 : 0];
      return retry(target, async () => {
        const [columns] = await send("acquire", target, ...parameters);
        const [owner, remaining, lastOwner, outcome, failures, quietFor] = [4, 5, 6, 7, 8, 9]
          .map((column) => textIn(columns![column]));
        const row = {
          ...entryOf(columns!),
          owner,
          remaining: Number(remaining),
          lastOwner,
          outcome,
          failures: Number(failures),
          quietFor: Number(quietFor),
        } as Row;
        // What was in the way may have ended before it was told.
        if (!isHit(row, wanted) && decide(row, wanted) === undefined) throw new Contention();
        return row;
      });
    },
    renew: async (target, { owner, ttl }) =>
      isDone(await send("renew", target, owner, millis(ttl))),
    async fill(target, { owner, ...written }) {
      // A statement is sent again where no reply came: then this very value is there, fresh, and no lease.
      return isDone(await send("fill", target, ...wake(target), ...columnsOf(written), owner)) ||
        isDone(await send("filled", target, ...valueOf(written.data)));
    },
    release: (target, { owner, outcome, failure }) => {
      const told = [failure?.failures ?? null, failure ? millis(failure.quietFor) : null];
      return send("release", target, ...wake(target), owner, outcome, ...told);
    },
    write: (target, written) => send("set", target, ...wake(target), ...columnsOf(written)),
    expire: (target) => send("expire", target, ...wake(target)),
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
function valueOf(data: string | Uint8Array): [text: string | null, bytes: Uint8Array | null] {
  if (typeof data !== "string") return [null, data];
  return data.includes("\0") ? [null, bytesOf(data)] : [data, null];
}

/** An entry as a row holds it: the value, how long it is there, for how long of that it is stale, how long its fetch took. */
function columnsOf(written: Written): PostgresParameter[] {
  const { data, staleFor = null, took = null } = written;
  return [...valueOf(data), millis(lifeOf(written)), staleFor, took];
}

function entryOf(row: PostgresRow): Row {
  const { 0: text, 1: hex } = row;
  const [freshFor, took] = [row[2], row[3]].map(textIn);
  return {
    data: text ?? (hex ? fromHex(hex) : undefined),
    freshFor: Number(freshFor ?? Infinity),
    took: took === null ? undefined : Number(took),
  };
}

function textIn(column: Uint8Array | null | undefined): string | null {
  return column ? utf8.decode(column) : null;
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
  const from = (millis: string) =>
    `clock_timestamp() + (${millis})::float8 * interval '1 millisecond'`;
  const after = (ttl: string) => `coalesce(${from(ttl)}, 'infinity')`;
  const ahead = (time: string) => `${time} > clock_timestamp()`;
  const left = (time: string) =>
    `1000 * (extract(epoch from ${time}) - extract(epoch from clock_timestamp()))::float8`;
  const staleFor = `least(greatest(t.stale_for, 0), ${LONGEST})`;
  const freshFor = `${left("t.ends")} - ${staleFor}`;
  const noLease =
    "owner = null, lease_until = null, ended = null, outcome = null, failures = null, quiet_until = null";
  const waking = (done: string) => `
with done as (${done} returning key), pruned as (${pruned(table, FEW, "and key <> $1")})
select pg_notify($2, $3) from done`;
  // $2: owner, $4: the lease that was waited for, $5: the bytes of an entry to ignore, $6: for how long an entry is fresh at
  // most that isn't in the way, null for whatever is there, $7: whether to back off.
  const there = `coalesce(${ahead("t.ends")}
    and coalesce(convert_to(t.text, 'UTF8'), t.bytes) is distinct from $5
    and (t.text is not null or t.bytes is not null), false)`;
  const soon = (time: string) =>
    `(${
      ahead(time)
    } and ${time} <= clock_timestamp() + ${LONGEST_LEASE} * interval '1 millisecond')`;
  const leased = `coalesce(t.owner <> '' and ${soon("t.lease_until")}, false)`;
  const remembered = `coalesce(${ahead("t.lease_until")}, false)`;
  const stays = `(coalesce(${there} and ${freshFor} > $6::float8, false) or ${leased}
    or coalesce(${remembered} and t.ended = $4 and t.outcome = 'uncached', false)
    or coalesce($7::int4 = 1 and ${soon("t.quiet_until")}, false))`;

  return {
    get: `
select t.text, encode(t.bytes, 'hex'), ${freshFor}, t.took
from ${table} as t where key = $1 and ${ahead("ends")}`,

    filled: `
select from ${table} as t
where key = $1 and owner is null and ${
      ahead("ends")
    } and ${freshFor} > 0 and (text = $2 or bytes = $3)`,

    // What the snapshot says is an answer, but that the lease is free: that is for the latest row to say, under its lock,
    // and what is returned is this row. `allowed` asks for the right to DELETE, which a fill needs: a role without it is
    // refused before it fetches.
    acquire: `
with seen as (
  select * from ${table} as t where key = $1 and ${stays}
), latest as (
  insert into ${table} as t (key, until, owner, lease_until)
  select $1, ${after("$3")}, $2, ${after("$3")} where not exists (select from seen)
  on conflict (key) do update
  set (until, text, bytes, ends, owner, lease_until, ended, outcome, failures, quiet_until) = (
    select
      case when stays then t.until when there then greatest(t.ends, ${after("$3")})
        else ${after("$3")} end,
      case when stays or there then t.text end,
      case when stays or there then t.bytes end,
      case when stays or there then t.ends end,
      case when stays then t.owner else excluded.owner end,
      case when stays then t.lease_until else ${after("$3")} end,
      case when stays or remembered then t.ended end,
      case when stays or remembered then t.outcome end,
      case when stays or remembered then t.failures end,
      case when stays then t.quiet_until end
    from (select ${stays} as stays, ${there} as there, ${remembered} as remembered) as row
  )
  returning *
), allowed as (
  delete from ${table} where false
)
select
  case when ${there} then t.text end, case when ${there} then encode(t.bytes, 'hex') end,
  ${freshFor}, t.took, t.owner, ${left("t.lease_until")},
  case when ${remembered} then t.ended end, case when ${remembered} then t.outcome end,
  case when ${remembered} then t.failures end, ${left("t.quiet_until")}
from (select * from seen union all select * from latest) as t`,

    renew: `
update ${table} set lease_until = ${after("$3")}, until = greatest(until, ${after("$3")})
where key = $1 and owner = $2 and ${ahead("lease_until")} returning key`,

    // $4, $5: the value, $6: for how long it is there, $7: and stale, $8: how long its fetch took, $9: owner.
    fill: waking(`
update ${table} set until = ${after("$6")}, text = $4, bytes = $5, ends = ${after("$6")},
  stale_for = $7::float8, took = $8::float8, ${noLease}
where key = $1 and owner = $9 and ${ahead("lease_until")}`),

    // $5: the outcome; one that was cancelled changes nothing of what is remembered. $6: how many failures in a row, $7: for
    // how long nobody is to fetch.
    release: waking(`
update ${table} set owner = null,
  ended = case when $5 = 'cancelled' then ended else owner end,
  outcome = case when $5 = 'cancelled' then outcome else $5 end,
  failures = case when $5 = 'uncached' then null else coalesce($6::int4, failures) end,
  quiet_until = ${from("$7")},
  lease_until = greatest(lease_until, ${from(`$7::float8 + ${FAILURES_REMEMBERED}`)}),
  until = greatest(until, ${from(`$7::float8 + ${FAILURES_REMEMBERED}`)})
where key = $1 and owner = $4 and ${ahead("lease_until")}`),

    // As `fill`, but for the owner.
    set: waking(`
insert into ${table} as t (key, until, text, bytes, ends, stale_for, took)
values ($1, ${after("$6")}, $4, $5, ${after("$6")}, $7::float8, $8::float8)
on conflict (key) do update set
  until = ${after("$6")}, text = excluded.text, bytes = excluded.bytes, ends = ${after("$6")},
  stale_for = excluded.stale_for, took = excluded.took, ${noLease}`),

    expire: waking(`
update ${table} as t set
  text = case when ${staleFor} > 0 then text end, bytes = case when ${staleFor} > 0 then bytes end,
  ends = least(ends, ${from(staleFor)}),
  until = coalesce(least(ends, ${from(staleFor)}), clock_timestamp()), ${noLease}
where key = $1`),

    delete: `
with done as (delete from ${table} where key = $1 returning key)
select pg_notify($2, $3) from done`,
  };
}
