/** The rows that a write removes at most, so that a table whose keys are all new keeps no more rows than are alive. */
const FEW = 10;

/** Removes rows whose time is over, but for those that somebody else is about to change. */
export function pruned(table: string, limit: number, but = ""): string {
  // `now()`, as an index can't be asked for what `clock_timestamp()` may have changed to.
  return `
delete from ${table} where key = any(array(
  select key from ${table} where until <= now() ${but} order by until limit ${limit} for update skip locked
)) returning key`;
}

/**
 * A row is an entry, with `text` or `bytes`, or a lease, with its `owner`, and with the owner of the last one that `ended`
 * failed or uncached. It lives `until` then, and whatever it was is over.
 */
export function definitionOf(table: string): string {
  return `create unlogged table ${table} (\
key text collate "C" primary key, until timestamptz not null, text text, bytes bytea, \
owner text, ended text, outcome text); create index on ${table} (until)`;
}

/** $1 is the key, and $2, where somebody is to be woken, the channel. */
export function statementsOn(table: string) {
  const live = "until > clock_timestamp()";
  const after = (ttl: string) =>
    `coalesce(clock_timestamp() + ${ttl}::float8 * interval '1 millisecond', 'infinity')`;
  const noLease = "owner = null, ended = null, outcome = null";
  const waking = (done: string) => `
with done as (${done} returning key), pruned as (${pruned(table, FEW, "and key <> $1")})
select pg_notify($2, key) from done`;
  // $2: owner, $4: the lease that was waited for, $5 and $6: an entry to ignore.
  const taken = `(
  (t.text is not null or t.bytes is not null) and (t.text = $5 or t.bytes = $6) is not true
  or t.owner is not null
  or t.ended = $4 and t.outcome = 'uncached'
)`;

  return {
    get: `select text, encode(bytes, 'hex') from ${table} where key = $1 and ${live}`,

    // What the snapshot says is an answer, but that the lease is free: that is for the latest row to say, under its lock,
    // and what is returned is this row.
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
)
select text, encode(bytes, 'hex'), owner,
  1000 * (extract(epoch from until) - extract(epoch from clock_timestamp())),
  case when ended = $4 then outcome end
from (select * from seen union all select * from latest) as row`,

    renew: `
update ${table} set until = ${after("$3")} where key = $1 and owner = $2 and ${live} returning key`,

    fill: waking(`
update ${table} set until = ${after("$4")}, text = $5, bytes = $6, ${noLease}
where key = $1 and owner = $3 and ${live}`),

    // $4: the outcome; one that was cancelled changes nothing of what is remembered.
    release: waking(`
update ${table} set owner = null,
  ended = case when $4 = 'cancelled' then ended else owner end,
  outcome = case when $4 = 'cancelled' then outcome else $4 end
where key = $1 and owner = $3 and ${live}`),

    set: waking(`
insert into ${table} as t (key, until, text, bytes) values ($1, ${after("$3")}, $4, $5)
on conflict (key) do update set
  until = ${after("$3")}, text = excluded.text, bytes = excluded.bytes, ${noLease}`),

    delete: `
with done as (delete from ${table} where key = $1 returning key)
select pg_notify($2, key) from done`,
  };
}
