/**
 * The Postgres adapter: entries and leases in one table, one row per key, through a postgres.js client, with push over
 * LISTEN and NOTIFY.
 *
 * Every operation is one statement, so one round trip where the client prepares statements (two where `prepare: false`
 * keeps it from that). Time is the server's. Followers are woken over one connection more, which `sql.listen` opens at the
 * first wait and which is closed a second after the last, or with the client.
 *
 * Make the client with `fetch_types: false`, which the adapter has no use for: postgres.js asks for the server's array types
 * on each new connection, and where that connection breaks at this moment, nobody catches the error, which ends a process.
 *
 * The table is made by the first statement that misses it. It is unlogged: no WAL is written for it, and it is empty after
 * a crash of the server, where leases are lost with entries; two may lead then, but only one can fill. Rows whose time is
 * over are removed a few at a time by what writes, and all at once by {@linkcode prunePostgres}.
 *
 * A pooler in transaction mode carries everything but LISTEN, and no prepared statements: make the client with
 * `prepare: false`, and give a `subscriber` that is connected directly, or `false`, which lets followers poll.
 *
 * A key of more than 2,600 bytes, prefix included, is in the table by its beginning and its SHA-256; one with a NUL is
 * refused. The client must not be a transaction: within one, on a client with `max: 1`, a call would wait for the connection
 * that the transaction holds, until `operationTimeout`.
 *
 * @example
 * ```ts postgres
 * import assert from "node:assert/strict";
 * import process from "node:process";
 * import { Effect } from "effect";
 * import postgres from "postgres";
 * import { Cache } from "cache-locking";
 * import { postgresAdapter } from "cache-locking/postgres";
 *
 * const sql = postgres(process.env.POSTGRES_URL!, { fetch_types: false });
 * const users = Cache.make({
 *   adapter: postgresAdapter({ sql, table: "example_cache" }),
 *   cacheTtl: "1 minute",
 * });
 * const user = users.getOrSet("user:42", () => Effect.succeed({ name: "Ada" }));
 *
 * const { value } = await Effect.runPromise(user);
 * assert.equal(value.name, "Ada");
 * const [row] = await sql`select text from example_cache where key = 'user:42'`;
 * assert.equal(row?.text, '{"name":"Ada"}');
 *
 * await sql`drop table example_cache`;
 * await sql.end();
 * ```
 *
 * @module
 */
import { attempt } from "../src/store/attempt.ts";
import { type Codec, codecOf, decode, encode } from "../src/store/codec.ts";
import { describe } from "../src/model/describe.ts";
import { Effect, type Scope } from "../src/effect/effect.ts";
import { AdapterError, type AdapterOperation } from "../src/model/errors.ts";
import type { LeasesHalf } from "../src/store/halves.ts";
import { makeRequestOrder } from "./kit/request_order.ts";
import { leasesHalf } from "../src/store/leases_half.ts";
import { isWellFormed, shortened } from "./kit/keys.ts";
import { sharedStore } from "../src/store/shared_store.ts";
import type { Acquired, Store, Watch } from "../src/store/store.ts";
import { makeWatchers, type Watchers } from "./kit/watchers.ts";

/** What a statement is given. */
export type PostgresParameter = string | number | Uint8Array | null;

/** A row of what a statement answers: each column as the server sent it. */
export interface PostgresRow {
  /** A column, by its place; text as the server writes it. */
  readonly [column: number]: Uint8Array | null;
}

/** A client that listens; [postgres.js](https://github.com/porsager/postgres#listen--notify) opens a connection for it. */
export interface PostgresSubscriber {
  /** Listens to a channel; `onlisten` is called whenever it has begun to, also after the connection was lost. */
  listen(
    channel: string,
    onnotify: (payload: string) => void,
    onlisten?: () => void,
  ): PromiseLike<{ unlisten(): PromiseLike<unknown> }>;
}

/**
 * The client, as [postgres.js](https://github.com/porsager/postgres) 3 makes it. It is declared here, so that neither types
 * nor copies of postgres.js have to match. The adapter never closes it.
 */
export interface PostgresClient extends PostgresSubscriber {
  /** Sends a statement, with its values apart; `raw` has the rows come as bytes, past all of the client's transforms. */
  unsafe(
    statement: string,
    parameters: PostgresParameter[],
    options: { readonly prepare: boolean },
  ): { raw(): PromiseLike<readonly PostgresRow[]> };
}

/** The options of {@linkcode postgresLeases}. */
export interface PostgresLeasesOptions {
  /** The client, which stays the user's own to close. */
  readonly sql: PostgresClient;
  /**
   * The client whose connection listens: `sql` by default. `false`: none does, and followers poll. Behind a pooler in
   * transaction mode it must be one of the two, a client without the pooler or `false`.
   */
  readonly subscriber?: PostgresSubscriber | false | undefined;
  /**
   * The table, as `table` or `schema.table`, spelt the same in every process: `'cache_locking'` by default, and
   * `'cache_locking_leases'` for leases alone. Both names are quoted, so case counts.
   */
  readonly table?: string | undefined;
  /** Whether a table that is missing is made: true by default. Otherwise the error holds the statements that make it. */
  readonly createTable?: boolean | undefined;
  /** What stands before the keys in the table: nothing by default. */
  readonly keyPrefix?: string | undefined;
}

/** The options of {@linkcode postgresAdapter}. */
export interface PostgresAdapterOptions extends PostgresLeasesOptions {
  /** How values become text or bytes, each in a column of its own; JSON by default. */
  readonly codec?: Codec | undefined;
}

/**
 * Makes the store of a client; the same one for the same client and options. Throws a `TypeError` for options that can't
 * be used.
 */
export function postgresAdapter<V = unknown>(options: PostgresAdapterOptions): Store<V> {
  return sharedStore("postgres", options, () => makeStore(options, "cache_locking")) as Store<V>;
}

/**
 * Keeps leases alone, for adapters that keep their entries elsewhere, in a table that no {@linkcode postgresAdapter} uses.
 * Throws a `TypeError` for options that can't be used.
 */
export function postgresLeases(options: PostgresLeasesOptions): LeasesHalf {
  return leasesHalf(
    sharedStore("postgres leases", options, () => makeStore(options, "cache_locking_leases")),
  );
}

/**
 * Removes all rows whose time is over, a thousand at a time, and gives their number. What writes to the table removes a
 * few each time, which is enough for a table in use; this is for one that is used no more, or was very large.
 */
export function prunePostgres(
  options: Pick<PostgresLeasesOptions, "sql" | "table" | "createTable">,
): Effect.Effect<number, AdapterError> {
  const { name, ask } = openTable(options, "cache_locking");
  const prune = (removed: number): Effect.Effect<number, AdapterError> =>
    Effect.flatMap(
      attempt("delete", `the expired rows of ${name}`, () => ask(pruned(name, BATCH), [])),
      ({ length }) => length < BATCH ? Effect.succeed(removed + length) : prune(removed + length),
    );
  return prune(0);
}

function makeStore(options: PostgresAdapterOptions, defaultTable: string): Store<unknown> {
  const { sql, subscriber = sql, keyPrefix = "" } = options;
  const codec = codecOf(options.codec);
  const { name: table, ask } = openTable(options, defaultTable);
  if (subscriber !== false && typeof subscriber?.listen !== "function") {
    throw new TypeError(
      `\`subscriber\` must be a postgres.js client or false, and is ${describe(subscriber)}`,
    );
  }
  const nameOf = namesAfter(keyPrefix);
  const statements = statementsOn(table);
  const channel = channelOf(table);

  const run = <A>(
    operation: AdapterOperation,
    key: string,
    work: (name: string) => PromiseLike<A>,
  ) => Effect.flatMap(nameOf(operation, key), (name) => attempt(operation, key, () => work(name)));
  const change = (
    operation: "set" | "delete" | "fill" | "renew",
    key: string,
    ...parameters: PostgresParameter[]
  ) =>
    run(operation, key, async (name) => {
      const changed = await ask(statements[operation], [name, ...parameters]);
      return changed.length > 0;
    });
  const encoded = (operation: AdapterOperation, key: string, value: unknown) =>
    Effect.map(encode(codec, operation, key, value), toColumns);

  // The connections of a pool keep none.
  const order = makeRequestOrder();
  const acquire = (
    key: string,
    owner: string,
    ttl: number,
    waitedFor: string | undefined,
    unreadable: Columns = [null, null],
  ): Effect.Effect<Acquired<unknown>, AdapterError> => {
    const asked = run("acquire", key, (name) => {
      const parameters = [name, owner, millis(ttl), waitedFor ?? null, ...unreadable];
      return order.acquiring(name, owner)(() => ask(statements.acquire, parameters));
    });
    return Effect.flatMap(asked, ([row]): Effect.Effect<Acquired<unknown>, AdapterError> => {
      const data = dataOf(row);
      if (data !== undefined) {
        return Effect.matchEffect(decode(codec, "acquire", key, data), {
          onSuccess: (entry) => Effect.succeed({ _tag: "Hit", entry }),
          onFailure: () => acquire(key, owner, ttl, waitedFor, toParameters(row!)),
        });
      }
      const [lease, millisLeft, outcome] = [row![2], row![3], row![4]].map(textOf);
      if (outcome === "uncached" && lease !== owner) {
        return Effect.succeed({ _tag: "Ended", outcome });
      }
      const remaining = Math.max(Number(millisLeft), 0);
      const after = outcome === "failed" ? "failed" : undefined;
      return Effect.succeed(
        lease === owner
          ? { _tag: "Leader", remaining, after }
          : { _tag: "Follower", remaining, lease: lease!, after },
      );
    });
  };

  return {
    name: "postgres",
    get: (key) =>
      Effect.flatMap(run("get", key, (name) => ask(statements.get, [name])), ([row]) => {
        const data = dataOf(row);
        return data === undefined ? Effect.succeed(undefined) : decode(codec, "get", key, data);
      }),
    set: (key, value, ttl) =>
      Effect.flatMap(
        encoded("set", key, value),
        (data) => Effect.asVoid(change("set", key, channel, millis(ttl), ...data)),
      ),
    delete: (key) => Effect.asVoid(change("delete", key, channel)),
    acquire: (key, owner, ttl, waitedFor) => acquire(key, owner, ttl, waitedFor),
    renew: (key, owner, ttl) => change("renew", key, owner, millis(ttl)),
    fill: (key, owner, value, ttl) =>
      Effect.flatMap(
        encoded("fill", key, value),
        (data) => change("fill", key, channel, owner, millis(ttl), ...data),
      ),
    release: (key, owner, outcome) =>
      Effect.asVoid(
        run("release", key, (name) =>
          order.releasing(name, owner)(() =>
            ask(statements.release, [name, channel, owner, outcome])
          )),
      ),
    ...(subscriber && {
      watch: (key: string) =>
        Effect.flatMap(
          nameOf("watch", key),
          (name) => watch(lineOf(subscriber, channel), key, name),
        ),
    }),
  };
}

function ignore(): void {}

/** The rows that a write removes at most, so that a table whose keys are all new keeps no more rows than are alive. */
const FEW = 10;
const BATCH = 1000;

/** Removes rows whose time is over, but for those that somebody else is about to change. */
function pruned(table: string, limit: number, but = ""): string {
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
function definitionOf(table: string): string {
  return `create unlogged table ${table} (\
key text collate "C" primary key, until timestamptz not null, text text, bytes bytea, \
owner text, ended text, outcome text); create index on ${table} (until)`;
}

/** $1 is the key, and $2, where somebody is to be woken, the channel. */
function statementsOn(table: string) {
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

/** A value as a row holds it: one of the two at most is not null. */
type Columns = readonly [text: string | null, bytes: Uint8Array | null];

function toColumns(data: string | Uint8Array): Columns {
  if (typeof data !== "string") return [null, data];
  return data.includes("\0") ? [null, new TextEncoder().encode(data)] : [data, null];
}

function toParameters(row: PostgresRow): Columns {
  return [textOf(row[0]), row[1] ? fromHex(row[1]) : null];
}

function dataOf(row: PostgresRow | undefined): Uint8Array | undefined {
  return row?.[0] ?? (row?.[1] ? fromHex(row[1]) : undefined);
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

/** Postgres knows no times after the year 294276. */
function millis(ttl: number | undefined): number | null {
  return ttl === undefined ? null : Math.min(ttl, 1e15);
}

/** What an index takes is 2,704 bytes, and what a notification takes 8,000. */
const LONGEST_NAME = 2600;

/** The names of keys in the table. */
function namesAfter(keyPrefix: string) {
  const reason = typeof keyPrefix === "string" ? whyRefused(keyPrefix) : "must be a string";
  if (reason !== undefined) {
    throw new TypeError(`\`keyPrefix\` ${reason}, and is ${describe(keyPrefix)}`);
  }
  return (operation: AdapterOperation, key: string): Effect.Effect<string, AdapterError> => {
    const reason = whyRefused(key);
    return reason === undefined
      ? Effect.succeed(shortened(keyPrefix + key, LONGEST_NAME))
      : Effect.fail(new AdapterError(operation, key, undefined, { reason: `the key ${reason}` }));
  };
}

function whyRefused(text: string): string | undefined {
  if (!isWellFormed(text)) return "must be text that UTF-8 can carry";
  return text.includes("\0") ? "must not have a NUL" : undefined;
}

/** The channel of a table. Tables whose names are too long for one share it, which wakes some for nothing. */
function channelOf(table: string): string {
  const channel = `cache_locking ${table}`;
  return byteLength(channel) > LONGEST_IDENTIFIER ? "cache_locking" : channel;
}

function byteLength(text: string): number {
  return new TextEncoder().encode(text).length;
}

type Ask = (statement: string, parameters: PostgresParameter[]) => Promise<readonly PostgresRow[]>;

interface Table {
  readonly name: string;
  readonly ask: Ask;
}

// https://www.postgresql.org/docs/current/errcodes-appendix.html
const MISSING = "42P01";
/** Others have made the table at the same moment. */
const EXISTS = ["42P07", "42710", "23505"];
/** Where the default isolation is stricter than READ COMMITTED, losing a race is an error, and nothing was done. */
const LOST_RACE = ["40001", "40P01"];
const MOST_TRIES = 100;

/** Sends statements, and makes the table when they miss it. */
function openTable(
  { sql, table, createTable = true }: Pick<PostgresLeasesOptions, "sql" | "table" | "createTable">,
  defaultTable: string,
): Table {
  if (typeof sql?.unsafe !== "function" || typeof sql.listen !== "function") {
    throw new TypeError(
      `\`sql\` must be a postgres.js client, and no transaction, and is ${describe(sql)}`,
    );
  }
  const name = quoted(table ?? defaultTable);
  const definition = definitionOf(name);
  const send: Ask = async (statement, parameters) =>
    await sql.unsafe(statement, parameters, { prepare: true }).raw();

  let making: Promise<unknown> | undefined;
  const make = async (cause: unknown) => {
    const missing = (why: string, cause: unknown) =>
      new Error(`the table is missing${why}; make it with: ${definition}`, { cause });
    if (!createTable) throw missing("", cause);
    try {
      await send(definition, []);
    } catch (error) {
      if (EXISTS.includes(codeOf(error))) return;
      throw missing(` and can't be made (${messageOf(error)})`, error);
    }
  };

  return {
    name,
    async ask(statement, parameters) {
      for (let tries = 1;; tries++) {
        try {
          return await send(statement, parameters);
        } catch (error) {
          const code = codeOf(error);
          if (tries === MOST_TRIES) throw error;
          if (code === MISSING) await (making ??= make(error).finally(() => making = undefined));
          else if (!LOST_RACE.includes(code)) throw error;
        }
      }
    },
  };
}

function quoted(table: string): string {
  const names = typeof table === "string" ? table.split(".") : [];
  const usable = (name: string) =>
    name !== "" && whyRefused(name) === undefined && byteLength(name) <= LONGEST_IDENTIFIER;
  if (names.length < 1 || names.length > 2 || !names.every(usable)) {
    throw new TypeError(
      `\`table\` must be \`table\` or \`schema.table\`, each of at most ${LONGEST_IDENTIFIER} bytes, and is ${
        describe(table)
      }`,
    );
  }
  return names.map((name) => `"${name.replaceAll('"', '""')}"`).join(".");
}

/** What is longer, Postgres cuts off. */
const LONGEST_IDENTIFIER = 63;

function codeOf(error: unknown): string {
  return String((error as { readonly code?: unknown } | null)?.code);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** How long the connection that listens outlives the last watch, in milliseconds. */
const LINGER = 1000;

/** What wakes those who watch the rows of one table. */
interface Line {
  readonly watchers: Watchers;
  /** Resolves once it is listened to, for as long as it is held. */
  hold(): Promise<unknown>;
  interruptNoWait(): void;
}

const lines = new WeakMap<PostgresSubscriber, Map<string, Line>>();

/** The line of a client to a channel, which all stores on it share. */
function lineOf(subscriber: PostgresSubscriber, channel: string): Line {
  let ofClient = lines.get(subscriber);
  if (ofClient === undefined) lines.set(subscriber, ofClient = new Map());
  let line = ofClient.get(channel);
  if (line === undefined) ofClient.set(channel, line = makeLine(subscriber, channel));
  return line;
}

function watch(
  line: Line,
  key: string,
  name: string,
): Effect.Effect<Watch, AdapterError, Scope.Scope> {
  return Effect.flatMap(
    Effect.acquireRelease(Effect.sync(line.hold), () => Effect.sync(line.interruptNoWait)),
    (standing) =>
      Effect.flatMap(attempt("watch", key, () => standing), () => line.watchers.watch(name)),
  );
}

interface Listening {
  standing: Promise<unknown>;
  state: "opening" | "up" | "failed";
  unlisten?: () => PromiseLike<unknown>;
  /** The last statement that postgres.js sent for it. */
  sent?: PromiseLike<unknown> | undefined;
}

function makeLine(subscriber: PostgresSubscriber, channel: string): Line {
  const watchers = makeWatchers();
  let listening: Listening | undefined;
  let holders = 0;
  let sweep: ReturnType<typeof setTimeout> | undefined;

  const listen = async (own: Listening) => {
    try {
      const { unlisten } = await subscriber.listen(channel, watchers.notify, () => {
        own.state = "up";
        own.standing = Promise.resolve();
        // What was notified while it was lost is lost, too.
        watchers.notifyAll();
      });
      own.unlisten = unlisten;
      own.state = "up";
    } catch (error) {
      fail(own, error);
      throw error;
    }
  };
  /** postgres.js connects again by itself, and tells nobody where it can't listen then. */
  const heed = (own: Listening) => {
    const sent = (subscriber.listen as Opened).channels?.[channel]?.result;
    if (sent === own.sent) return;
    own.sent = sent;
    sent?.then(ignore, (error) => fail(own, error));
  };
  const fail = (own: Listening, error: unknown) => {
    if (listening !== own || own.state === "failed") return;
    own.state = "failed";
    own.standing = Promise.reject(error);
    own.standing.catch(ignore);
    watchers.failAll(error);
    setTimeout(() => own.state === "failed" && listening === own && stop(), LINGER);
  };
  const stop = () => {
    stopListening(subscriber, channel, listening?.unlisten);
    listening = undefined;
  };
  const hangUp = () => {
    if (listening?.state === "opening") sweep = setTimeout(hangUp, LINGER);
    else stop();
  };

  return {
    watchers,
    hold() {
      clearTimeout(sweep);
      holders++;
      if (listening === undefined) {
        listening = { standing: Promise.resolve(), state: "opening" };
        listening.standing = listen(listening);
        listening.standing.catch(ignore);
      }
      heed(listening);
      return listening.standing;
    },
    interruptNoWait() {
      if (--holders === 0) sweep = setTimeout(hangUp, LINGER);
    },
  };
}

/** What postgres.js keeps on its `listen`: the client that listens, and to what. */
interface Opened {
  readonly channels?: Record<string, { readonly result?: PromiseLike<unknown> }>;
  sql?: { close?(): PromiseLike<unknown> };
}

/**
 * Stops listening, and closes the connection if it listens to nothing else. postgres.js has no function for that, and its
 * `unlisten` does nothing once the connection was lost and opened again. A client that is closed while its connection is
 * lost never connects again, so that whoever listens next has postgres.js make a new one.
 */
function stopListening(
  { listen }: PostgresSubscriber,
  channel: string,
  unlisten: (() => PromiseLike<unknown>) | undefined,
): void {
  const opened = listen as Opened;
  const { channels, sql } = opened;
  const alone = channels && Object.keys(channels).every((name) => name === channel);
  if (alone && sql?.close) {
    delete opened.sql;
    sql.close().then(ignore, ignore);
  } else unlisten?.().then(ignore, ignore);
  delete channels?.[channel];
}
