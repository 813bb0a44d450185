import { FAILURES_REMEMBERED, GRACE, LONGEST_LEASE } from "../../src/model/defaults.ts";
import {
  type Backend,
  lifeOf,
  LONGEST,
  type Row,
  type Target,
  type Wanted,
  type Written,
} from "../kit/backend.ts";
import { bytesOf } from "../kit/data.ts";
import { decide, isHit } from "../kit/decide.ts";
import type { Push } from "../kit/push.ts";
import { Contention, retry } from "../kit/retry.ts";
import { sha256 } from "../kit/sha256.ts";
import { CHANGE, LOCKS, locksOf } from "./session.ts";
import { pruned, type Table } from "./table.ts";
import type { PostgresParameter, PostgresRow } from "./options.ts";

/**
 * Postgres, by one table. By the hash of a key it is told that its entry was changed; those who are woken by its push are
 * `followers`.
 */
export function postgresBackend(
  { name: table, channel, ask, lock }: Table,
  hashOf: (key: string) => number,
  followers?: Pick<Push, "hears">,
): Backend {
  const statements = statementsOn(table, locksOf(channel));
  const send = (
    statement: keyof typeof statements,
    target: Target,
    ...parameters: PostgresParameter[]
  ) => ask(target, statements[statement], [target.name, ...parameters]);
  const wake = ({ name }: Target) => [channel, topicOf(name)] as const;
  const tell = (target: Target) => [...wake(target), hashOf(target.key)] as const;
  const isDone = (rows: readonly PostgresRow[]) => rows.length > 0;
  const take: Backend["take"] = (target, wanted) =>
    retry(target, async () => {
      const follows = followers?.hears(() => topicOf(target.name)) ? 1 : 0;
      const [columns] = await send("acquire", target, wanted.owner, ...termsOf(wanted), follows);
      const row = leasedRow(columns!);
      const note = noteOf(row, wanted);
      if (note !== undefined) await send(note, target, row.owner!);
      // What was in the way may have ended before it was told.
      if (note === "dead" || isUndecided(row, wanted)) throw new Contention();
      return row;
    });
  /** Sends a statement for many names, and gives its rows by name, which is their last column but that of the push. */
  const sendMany = async (
    statement: `${string}Many` & keyof typeof statements,
    asked: readonly (readonly [Target, unknown])[],
    named: readonly unknown[],
    ...parameters: PostgresParameter[]
  ) => {
    const [first] = asked[0]!;
    const column = { getMany: 4, acquireMany: 10, renewMany: 0, fillMany: 0, releaseMany: 0 };
    const rows = await ask(first, statements[statement], [JSON.stringify(named), ...parameters]);
    return new Map(rows.map((row) => [textIn(row[column[statement]])!, row]));
  };
  const namesOf = (asked: readonly (readonly [Target, unknown])[]) =>
    asked.map(([{ name }]) => name);
  const fill: Backend["fill"] = async (target, { owner, ...written }) =>
    // A statement is sent again where no reply came: then this very value is there, fresh, and no lease.
    isDone(await send("fill", target, ...tell(target), ...columnsOf(written), owner)) ||
    isDone(await send("filled", target, ...valueOf(written.data)));
  return {
    async read(target) {
      const [row] = await send("get", target);
      return row && entryOf(row);
    },
    take,
    renew: async (target, { owner, ttl }) =>
      isDone(await send("renew", target, owner, millis(ttl))),
    fill,
    release: (target, { owner, outcome, failure }) => {
      const told = [failure?.failures ?? null, failure ? millis(failure.quietFor) : null];
      return send("release", target, ...wake(target), owner, outcome, ...told);
    },
    async announce(asked) {
      const present = lock();
      if (present === undefined) return;
      const leases = asked.map(([{ name: key }, { owner }]) => ({ key, owner, present }));
      await ask(asked[0]![0], statements.announce, [JSON.stringify(leases)]);
    },
    write: (target, written) => send("set", target, ...tell(target), ...columnsOf(written)),
    expire: (target) => send("expire", target, ...tell(target)),
    remove: (target) => send("delete", target, ...tell(target)),
    async readMany(asked) {
      const rows = await sendMany("getMany", asked, namesOf(asked));
      return asked.map(([{ name }]) => {
        const row = rows.get(name);
        return row && entryOf(row);
      });
    },
    async takeMany(asked) {
      const [[, like]] = asked as [[Target, Wanted]];
      const isLike = ({ ttl, waitedFor, freshBelow, backOff }: Wanted) =>
        waitedFor === undefined && ttl === like.ttl && freshBelow === like.freshBelow &&
        backOff === like.backOff;
      const alike = asked.filter(([, wanted]) => isLike(wanted));
      const owners = JSON.stringify(alike.map(([, { owner }]) => owner));
      const rows = alike.length === 0
        ? undefined
        : await sendMany("acquireMany", alike, namesOf(alike), owners, ...termsOf(alike[0]![1]), 0);
      // A lease that is taken once the caller has left would be nobody's.
      if (rows !== undefined && alike[0]![0].signal().aborted) throw new Contention();
      return await Promise.all(asked.map(([target, wanted]) => {
        const columns = isLike(wanted) ? rows?.get(target.name) : undefined;
        const row = columns && leasedRow(columns);
        return row === undefined || noteOf(row, wanted) || isUndecided(row, wanted)
          ? take(target, wanted)
          : row;
      }));
    },
    async renewMany(asked) {
      const leases = asked.map(([{ name: key }, { owner, ttl }]) => ({
        key,
        owner,
        ttl: millis(ttl),
      }));
      const held = await sendMany("renewMany", asked, leases);
      return asked.map(([{ name }]) => held.has(name));
    },
    async fillMany(asked) {
      const filled = asked.map(([target, { owner, data, staleFor, took, freshFor }]) => {
        const [text, bytes] = valueOf(data);
        const life = millis(lifeOf({ freshFor, staleFor }));
        const hex = bytes === null ? null : toHex(bytes);
        return {
          key: target.name,
          owner,
          topic: topicOf(target.name),
          hash: hashOf(target.key),
          text,
          bytes: hex,
          life,
          stale_for: staleFor,
          took,
        };
      });
      const done = await sendMany("fillMany", asked, filled, channel);
      return await Promise.all(
        asked.map(([target, filled]) =>
          done.has(target.name) || send("filled", target, ...valueOf(filled.data)).then(isDone)
        ),
      );
    },
    releaseMany(asked) {
      const ended = asked.map(([{ name: key }, { owner, outcome, failure }]) => ({
        key,
        owner,
        topic: topicOf(key),
        outcome,
        failures: failure?.failures,
        quiet_for: millis(failure?.quietFor),
      }));
      return sendMany("releaseMany", asked, ended, channel);
    },
  };
}

/** How a lease is asked for: what the statements have after its owner. */
function termsOf(wanted: Wanted): PostgresParameter[] {
  const { ttl, waitedFor = null, ignored, freshBelow, backOff } = wanted;
  const unreadable = ignored ? ignored.data as Uint8Array : null;
  const below = freshBelow === Infinity ? null : freshBelow;
  return [millis(ttl), waitedFor, unreadable, below, backOff ? 1 : 0];
}

/** A row with a lease that may have a lock: whether that is free, and since when it was, in milliseconds, if that was noted. */
interface Leased extends Row {
  readonly isFree: boolean;
  readonly missing: number | undefined;
}

// Without a spread or a list of columns, which took a tenth of a call for a thousand keys.
function leasedRow(columns: PostgresRow): Leased {
  const { data, freshFor, took } = entryOf(columns);
  const isFree = textIn(columns[11]);
  return {
    data,
    freshFor,
    took,
    owner: textIn(columns[4]),
    remaining: numberIn(columns[5]),
    lastOwner: textIn(columns[6]),
    outcome: textIn(columns[7]),
    failures: numberIn(columns[8]),
    quietFor: numberIn(columns[9]),
    watched: isFree !== null,
    isFree: isFree === "t",
    missing: columns[12] ? numberIn(columns[12]) : undefined,
  } as Leased;
}

/** What is to be noted of the owner of another's lease. Each of these statements looks once more. */
function noteOf({ owner, watched, isFree, missing }: Leased, wanted: Wanted) {
  if (!watched || owner === wanted.owner) return undefined;
  if (!isFree) return missing === undefined ? undefined : "there";
  if (missing === undefined) return "missing";
  return missing >= GRACE ? "dead" : undefined;
}

function isUndecided(row: Row, wanted: Wanted): boolean {
  return !isHit(row, wanted) && decide(row, wanted) === undefined;
}

function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
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

/** Null is zero. */
function numberIn(column: Uint8Array | null | undefined): number {
  return Number(textIn(column));
}

const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });

function fromHex(hex: Uint8Array): Uint8Array {
  const digit = (at: number) => hex[at]! - (hex[at]! < 97 ? 48 : 87);
  return Uint8Array.from(
    { length: hex.length / 2 },
    (_, i) => digit(2 * i) << 4 | digit(2 * i + 1),
  );
}

/** The outcome of a row whose last change was one of a fresh entry. */
const OUTDATED = "outdated";

/** The rows that a write removes at most, so that a table whose keys are all new keeps no more rows than are alive. */
const FEW = 10;

/**
 * $1 is the key; $2 and $3, where somebody is to be woken, are the channel and what tells of the key there; $4, where an entry
 * is changed, is the hash of the key. `locks` is the first of those that all who hear of changes share.
 */
function statementsOn(table: string, locks: string) {
  const from = (millis: string) =>
    `clock_timestamp() + (${millis})::float8 * interval '1 millisecond'`;
  const after = (ttl: string) => `coalesce(${from(ttl)}, 'infinity')`;
  const ahead = (time: string) => `${time} > clock_timestamp()`;
  const left = (time: string) =>
    `1000 * (extract(epoch from ${time}) - extract(epoch from clock_timestamp()))::float8`;
  const staleFor = `least(greatest(t.stale_for, 0), ${LONGEST})`;
  const freshFor = `${left("t.ends")} - ${staleFor}`;
  // The lock of a session ends with it. It is held alone, and asked for beside others, so that those who ask don't meet.
  const isFree = (lock: string) => `pg_try_advisory_xact_lock_shared(${lock})`;
  // NOTIFY has the commits of the whole server wait for each other: it is sent where somebody waits, by the row itself, as its
  // lock has it. Only what is true becomes false.
  const unfollowed = "followed = case when t.followed then false end";
  const notified = (topic: string) =>
    `case when followed is not null then pg_notify($2, ${topic}) end`;
  // An L1 keeps what is fresh: a change of anything else is nobody's news. Who gets this lock beside those who hear of changes
  // knows that there are none, and keeps it until what it changed can be read. To fail to get it says nothing.
  const told = (hash: string) =>
    `case when outcome is not null and not pg_try_advisory_xact_lock(${locks} + ${hash}::int4 % ${LOCKS})
  then pg_notify($2, '${CHANGE}' || ${hash}::int4) end`;
  const outdated = `case when ${freshFor} > 0 then '${OUTDATED}' end`;
  const noLease =
    `owner = null, lease_until = null, present = null, missing = null, ended = null, outcome = ${outdated}, failures = null, quiet_until = null, ${unfollowed}`;
  const waking = (done: string, tells = "") => `
with done as (${done} returning followed, outcome), pruned as (${
    pruned(table, FEW, "and key <> $1")
  })
select ${notified("$3")}${tells} from done`;
  const telling = (done: string) => waking(done, `, ${told("$4")}`);
  // $2: owner, $4: the lease that was waited for, $5: the bytes of an entry to ignore, $6: for how long an entry is fresh at
  // most that isn't in the way, null for whatever is there, $7: whether to back off, $8: whether the caller hears the push.
  const there = `coalesce(${ahead("t.ends")}
    and coalesce(convert_to(t.text, 'UTF8'), t.bytes) is distinct from $5
    and (t.text is not null or t.bytes is not null), false)`;
  const soon = (time: string) =>
    `(${
      ahead(time)
    } and ${time} <= clock_timestamp() + ${LONGEST_LEASE} * interval '1 millisecond')`;
  const leased = `coalesce(t.owner <> '' and ${soon("t.lease_until")}, false)`;
  const remembered = `coalesce(${ahead("t.lease_until")}, false)`;
  const fresh = `coalesce(${there} and ${freshFor} > $6::float8, false)`;
  const stays = `(${fresh} or ${leased}
    or coalesce(${remembered} and t.ended = $4 and t.outcome = 'uncached', false)
    or coalesce($7::int4 = 1 and ${soon("t.quiet_until")}, false))`;

  const follows = `($8::int4 = 1 and ${leased} and not ${fresh})`;

  const entry = `t.text, encode(t.bytes, 'hex'), ${freshFor}, t.took`;
  // For many, $1 is their keys as a JSON array, or a JSON array of objects with the fields that are named.
  const isAsked = "key = any(array(select key from asked))";
  const asked = (fields: string) =>
    `asked as (select * from json_to_recordset($1::text::json) as asked(key text, ${fields}))`;
  // In one order, so that two of them that meet never wait for each other. What is pruned is locked last, and waits for nobody.
  const changing = (fields: string, change: string, condition: string) => `
with ${asked(fields)}, locked as (
  select key from ${table} where ${isAsked} order by key for update
), done as (
  update ${table} as t set ${change} from asked as a
  where t.key = a.key and t.key in (select key from locked) and ${condition}
  returning t.key, t.followed, t.outcome
)`;
  const held = (owner: string) => `t.owner = ${owner} and ${ahead("t.lease_until")}`;
  const waked = (tells = "") =>
    `,
pruned as (${pruned(table, FEW, "and key <> all(array(select key from asked))")})
select key, ${notified("topic")}${tells} from done join asked using (key)`;

  return {
    get: `
select ${entry}
from ${table} as t where key = $1 and ${ahead("ends")}`,

    getMany: `
with asked as (select json_array_elements_text($1::text::json) as key)
select ${entry}, t.key from ${table} as t where ${isAsked} and ${ahead("ends")}`,

    filled: `
select from ${table} as t
where key = $1 and owner is null and ${
      ahead("ends")
    } and ${freshFor} > 0 and (text = $2 or bytes = $3)`,

    acquire: acquiring({
      asked: "",
      isAsked: "key = $1",
      taken: `select $1, ${after("$3")}, $2, ${after("$3")} where not exists (select from seen)`,
    }),

    // $2: their owners, as a JSON array.
    acquireMany: acquiring({
      asked: `asked as (
  select * from rows from (
    json_array_elements_text($1::text::json), json_array_elements_text($2::text::json)
  ) as asked(key, owner)
), `,
      isAsked,
      taken: `
  select key, ${after("$3")}, owner, ${after("$3")} from asked
  where key not in (select key from seen) order by key collate "C"`,
    }),

    // With the lock that this process holds, if other connections see that.
    announce: changing(
      "owner text, present int8",
      "present = a.present, missing = null",
      `${held("a.owner")} and not ${isFree("a.present")}`,
    ) + " select from done",

    // $2: the owner whose lock was found free, for the first time since it was held.
    missing: `
update ${table} as t set missing = clock_timestamp()
where key = $1 and ${held("$2")} and missing is null and ${isFree("present")}`,

    there: `
update ${table} as t set missing = null
where key = $1 and ${held("$2")} and missing is not null and not ${isFree("present")}`,

    dead: `
update ${table} as t set owner = null, present = null, missing = null, quiet_until = null
where key = $1 and ${held("$2")} and missing <= ${from(String(-GRACE))} and ${isFree("present")}`,

    renew: `
update ${table} as t set ${renewing("$3")} where key = $1 and ${held("$2")} returning key`,

    renewMany: `${changing("owner text, ttl float8", renewing("a.ttl"), held("a.owner"))}
select key from done`,

    // $5, $6: the value, $7: for how long it is there, $8: and stale, $9: how long its fetch took, $10: owner.
    fill: telling(`
update ${table} as t set ${filling("$5", "$6", "$7", "$8", "$9")}
where key = $1 and ${held("$10")}`),

    fillMany: changing(
      "owner text, topic text, hash int4, text text, bytes text, life float8, stale_for float8, took float8",
      filling("a.text", "decode(a.bytes, 'hex')", "a.life", "a.stale_for", "a.took"),
      held("a.owner"),
    ) + waked(`, ${told("hash")}`),

    // $5: the outcome; one that was cancelled changes nothing of what is remembered. $6: how many failures in a row, $7: for
    // how long nobody is to fetch.
    release: waking(`
update ${table} as t set ${releasing("$5", "$6", "$7")} where key = $1 and ${held("$4")}`),

    releaseMany: changing(
      "owner text, topic text, outcome text, failures int4, quiet_for float8",
      releasing("a.outcome", "a.failures", "a.quiet_for"),
      held("a.owner"),
    ) + waked(),

    // As `fill`, but for the owner.
    set: telling(`
insert into ${table} as t (key, until, text, bytes, ends, stale_for, took)
values ($1, ${after("$7")}, $5, $6, ${after("$7")}, $8::float8, $9::float8)
on conflict (key) do update set
  until = ${after("$7")}, text = excluded.text, bytes = excluded.bytes, ends = ${after("$7")},
  stale_for = excluded.stale_for, took = excluded.took, ${noLease}`),

    expire: telling(`
update ${table} as t set
  text = case when ${staleFor} > 0 then text end, bytes = case when ${staleFor} > 0 then bytes end,
  ends = least(ends, ${from(staleFor)}),
  until = coalesce(least(ends, ${from(staleFor)}), clock_timestamp()), ${noLease}
where key = $1`),

    delete: `
with done as (
  delete from ${table} as t where key = $1
  returning nullif(followed, false) as followed, ${outdated} as outcome
)
select ${notified("$3")}, ${told("$4")} from done`,
  };
  // What the snapshot says is an answer, but that the lease is free, or that it is held and nobody knows yet that it is
  // followed: that is for the latest row to say, under its lock, and what is returned is this row. Whoever takes over a lease
  // has its followers. `allowed` asks for the right to DELETE, which a fill needs: a role without it is refused
  // before it fetches.
  function acquiring({ asked, isAsked, taken }: Record<"asked" | "isAsked" | "taken", string>) {
    return `
with ${asked}seen as (
  select * from ${table} as t where ${isAsked} and ${stays} and (t.followed or not ${follows})
), latest as (
  insert into ${table} as t (key, until, owner, lease_until)
  ${taken}
  on conflict (key) do update
  set (until, text, bytes, ends, owner, lease_until, present, missing, ended, outcome, failures, quiet_until, followed) = (
    select
      case when stays then t.until when there then greatest(t.ends, ${after("$3")})
        else ${after("$3")} end,
      case when stays or there then t.text end,
      case when stays or there then t.bytes end,
      case when stays or there then t.ends end,
      case when stays then t.owner else excluded.owner end,
      case when stays then t.lease_until else ${after("$3")} end,
      case when stays then t.present end,
      case when stays then t.missing end,
      case when stays or remembered then t.ended end,
      case when stays or remembered then t.outcome end,
      case when stays or remembered then t.failures end,
      case when stays then t.quiet_until end,
      t.followed or follows
    from (
      select ${stays} as stays, ${there} as there, ${remembered} as remembered, ${follows} as follows
    ) as row
  )
  returning *
), allowed as (
  delete from ${table} where false
)
select
  case when ${there} then t.text end, case when ${there} then encode(t.bytes, 'hex') end,
  ${freshFor}, t.took, t.owner, ${left("t.lease_until")},
  case when ${remembered} then t.ended end, case when ${remembered} then t.outcome end,
  case when ${remembered} then t.failures end, ${left("t.quiet_until")}, t.key,
  case when ${leased} and t.present is not null then ${isFree("t.present")} end,
  -${left("t.missing")}
from (select * from seen union all select * from latest) as t`;
  }

  function renewing(ttl: string) {
    return `lease_until = ${after(ttl)}, missing = null, until = greatest(t.until, ${after(ttl)})`;
  }

  function filling(text: string, bytes: string, life: string, staleFor: string, took: string) {
    return `until = ${after(life)}, text = ${text}, bytes = ${bytes}, ends = ${after(life)},
  stale_for = ${staleFor}::float8, took = ${took}::float8, ${noLease}`;
  }

  function releasing(outcome: string, failures: string, quietFor: string) {
    const remembered = from(`${quietFor}::float8 + ${FAILURES_REMEMBERED}`);
    return `owner = null, present = null, missing = null, ${unfollowed},
  ended = case when ${outcome} = 'cancelled' then t.ended else t.owner end,
  outcome = case when ${outcome} = 'cancelled' then t.outcome else ${outcome} end,
  failures = case when ${outcome} = 'uncached' then null else coalesce(${failures}::int4, t.failures) end,
  quiet_until = ${from(quietFor)},
  lease_until = greatest(t.lease_until, ${remembered}),
  until = greatest(t.until, ${remembered})`;
  }
}
