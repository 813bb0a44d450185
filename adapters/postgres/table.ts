import type { Target } from "../kit/backend.ts";
import { bytesOf } from "../kit/data.ts";
import { isWellFormed } from "../kit/names.ts";
import { checkOption } from "../kit/options.ts";
import type { Push } from "../kit/push.ts";
import { Refusal } from "../kit/refusal.ts";
import { retry } from "../kit/retry.ts";
import type { PostgresParameter, PostgresRow } from "./options.ts";
import type { Session } from "./session.ts";

/** What the adapter asks of a client, whichever library made it: each has a file of its own that says how. */
export interface PostgresCommands {
  /** Sends a statement, with its values apart. What the server refuses is an error with its code as `code`. */
  query(statement: string, parameters: PostgresParameter[]): PromiseLike<readonly PostgresRow[]>;
  /** Notifications on a channel, whose payloads are the topics; undefined where no connection listens. */
  pushOn(channel: string): Push | undefined;
  /** The session that listens to a channel; undefined where none does. */
  sessionOn(channel: string): Session | undefined;
}

/** A table that is made by the first statement that misses it. */
export type Table = ReturnType<typeof openTable>;

// https://www.postgresql.org/docs/current/errcodes-appendix.html
const MISSING = "42P01";
/** Others have made the table at the same moment. */
const EXISTS = ["42P07", "42710", "23505"];
/** Where the default isolation is stricter than READ COMMITTED, losing a race is an error, and nothing was done. */
const LOST_RACE = ["40001", "40P01"];
const DENIED = "42501";
const READ_ONLY = "25006";
/** So a standby refuses to read an unlogged table, among other things that can't be done. */
const UNSUPPORTED = "0A000";
/** The connection was ended before its statement came: by the server, which was idle for too long, or by a pooler. */
const ENDED = ["57P01", "57P05", "CONNECTION_CLOSED", "ECONNRESET", "EPIPE"];
/** A client with one connection may send the next statement before it knows that the connection is closed, too. */
const MOST_ENDED = 2;
/** Under SERIALIZABLE more than one try in three of a busy table was lost, also to writes of other keys on the same page. */
const MOST_TRIES = 10;

/** Opens a table by its name. Throws a `TypeError` for a name that can't be used. */
export function openTable({ query, sessionOn }: PostgresCommands, table: string, create: boolean) {
  const name = quotedTable(table);
  const channel = channelOf(name);
  const definition = definitionOf(name);
  const make = async (cause: unknown) => {
    const missing = (why: string, cause: unknown) =>
      new Refusal(`the table is missing${why}; make it with: ${definition}`, { cause });
    if (!create) throw missing("", cause);
    try {
      await query(definition, []);
    } catch (error) {
      if (EXISTS.includes(codeOf(error))) return;
      if (codeOf(error) === READ_ONLY) throw explained(error, name);
      throw missing(` and can't be made (${(error as Error).message})`, error);
    }
  };
  let making: Promise<unknown> | undefined;
  return {
    /** Its name, quoted. */
    name,
    /** The channel of its notifications. */
    channel,
    /** The lock that this process holds. */
    lock: () => sessionOn(channel)?.lock,
    /** Sends a statement, and again if its connection was just ended. */
    ask(caller: Pick<Target, "signal">, statement: string, parameters: PostgresParameter[]) {
      let ended = 0;
      const again = (error: unknown) => {
        const code = codeOf(error);
        if (ENDED.includes(code)) return ++ended <= MOST_ENDED;
        return [MISSING, ...LOST_RACE].includes(code);
      };
      return retry(caller, async () => {
        try {
          return await query(statement, parameters);
        } catch (error) {
          const isMissing = codeOf(error) === MISSING;
          if (isMissing) await (making ??= make(error).finally(() => making = undefined));
          throw explained(error, name);
        }
      }, { most: MOST_TRIES, again });
    },
  };
}

/** Says what a refusal means that is for the user to mend. */
function explained(error: unknown, table: string): unknown {
  const code = codeOf(error);
  const { message } = error as Error;
  if (code === DENIED) {
    return new Refusal(`${message}; the adapter needs ${RIGHTS} on ${table}`, { cause: error });
  }
  const isStandby = code === READ_ONLY || code === UNSUPPORTED && message.includes("recovery");
  if (!isStandby) return error;
  const why = "the server is a hot standby, or read-only; connect to the primary";
  return new Refusal(`${why} (${message})`, { cause: error });
}

/** What a role needs for the adapter's statements. */
const RIGHTS = "SELECT, INSERT, UPDATE and DELETE";

function codeOf(error: unknown): string {
  return String((error as { readonly code?: unknown } | null)?.code);
}

/** Postgres cuts off the rest of a longer one. */
const LONGEST_IDENTIFIER = 63;

function isIdentifier(name: string): boolean {
  return bytesOf(name).length <= LONGEST_IDENTIFIER;
}

/** The table of an option, in quotes. Throws a `TypeError` for a name that can't be used. */
function quotedTable(table: string): string {
  const names = typeof table === "string" ? table.split(".") : [];
  const isName = (name: string) =>
    name !== "" && isWellFormed(name) && !name.includes("\0") && isIdentifier(name);
  const isTable = [1, 2].includes(names.length) && names.every(isName);
  const must = `\`table\` or \`schema.table\`, each of at most ${LONGEST_IDENTIFIER} bytes`;
  checkOption("table", isTable, must, table);
  return names.map((name) => `"${name.replaceAll('"', '""')}"`).join(".");
}

/** The channel of a table. Tables whose names are too long for one share it, which wakes some followers without a result. */
function channelOf(table: string): string {
  const channel = `cache_locking ${table}`;
  return isIdentifier(channel) ? channel : "cache_locking";
}

/** Removes expired rows, but for those that somebody else is about to change. */
export function pruned(table: string, limit: number, but = ""): string {
  // `now()`, as an index can't be asked for what `clock_timestamp()` may have changed to.
  return `
delete from ${table} where key = any(array(
  select key from ${table} where until <= now() ${but} order by until limit ${limit} for update skip locked
)) returning key`;
}

/**
 * A row has an entry, a lease, or both. The entry has `text` or `bytes`; it is over when it `ends`, and stale for `stale_for`
 * milliseconds before that. The lease has an `owner`, and is over at `lease_until`; one that was announced holds the lock
 * `present`, and has been `missing` since then, if it was found so. Until its end it is remembered whose lease
 * `ended` failed or uncached, by `outcome`, and how many `failures` there were in a row, after which nobody is to fetch until
 * `quiet_until`. All of it is over at `until`. The row is `followed` while somebody waits to be woken, who may wait for the
 * next lease, too; false says that the last change has woken them. An `outcome` that no lease has ended with, `outdated`, says
 * that the last change was one of a fresh entry.
 */
function definitionOf(table: string): string {
  return `create unlogged table ${table} (\
key text collate "C" primary key, until timestamptz not null, text text, bytes bytea, \
ends timestamptz, stale_for float8, took float8, owner text, lease_until timestamptz, \
present int8, missing timestamptz, \
ended text, outcome text, failures int4, quiet_until timestamptz, followed bool); \
create index on ${table} (until)`;
}
