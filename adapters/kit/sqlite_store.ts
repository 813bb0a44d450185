import { attempt } from "../../src/store/attempt.ts";
import { type Codec, decode, encode } from "../../src/store/codec.ts";
import { describe } from "../../src/model/describe.ts";
import { Effect } from "../../src/effect/effect.ts";
import { AdapterError, type AdapterOperation } from "../../src/model/errors.ts";
import { wellFormed } from "./keys.ts";
import { makeRequestOrder, type Send, sendAtOnce } from "./request_order.ts";
import type { Acquired, Store } from "../../src/store/store.ts";

/** A statement with its parameters. */
export interface SqliteStatement {
  /** The same statement with values for its parameters, `?1` first. */
  bind(...values: unknown[]): SqliteStatement;
}

/** A database of SQLite, by what is used of it. */
export interface SqliteDatabase {
  /** Makes a statement. */
  prepare(sql: string): SqliteStatement;
  /** Runs statements in one transaction and in one round trip. */
  batch(statements: never): Promise<readonly { readonly results?: readonly unknown[] }[]>;
}

/** What a store in SQLite is made of. */
export interface SqliteStoreOptions {
  /** The store's name. */
  readonly name: string;
  /** The database. */
  readonly db: SqliteDatabase;
  /** Its table. */
  readonly table: string;
  /** Whether the table is made where it is missing. */
  readonly createTable: boolean;
  /** What keys begin with in the table. */
  readonly keyPrefix: string;
  /** How values become text or bytes. */
  readonly codec: Codec;
}

/** A store in SQLite. */
export interface SqliteStore extends Store<unknown> {
  /** Whether the row is still what the owner filled. */
  filledBy(key: string, owner: string): Effect.Effect<boolean, AdapterError>;
}

/** What is bound to a parameter. */
type Bound = string | number | Uint8Array | null;

/** What a column holds; some drivers return bytes as an array of numbers. */
type Column = string | number | ArrayBuffer | readonly number[] | null;

/** How many dead rows of other keys a fill removes at most. */
const PRUNED = 10;

const NOW = "unixepoch('subsec') * 1000";

/**
 * A store in one table of SQLite, with one row per key, which is an entry, a lease, or, until the lease would have ended,
 * the memory of how it ended. Each operation is one transaction; time is the database's. Throws a `TypeError` for options
 * that can't be used.
 */
export function sqliteStore(options: SqliteStoreOptions): SqliteStore {
  const { name, db, table, createTable, keyPrefix, codec } = options;
  for (const [option, value] of Object.entries({ table, keyPrefix })) {
    if (typeof value !== "string" || value.includes("\0") || (option === "table" && !value)) {
      throw new TypeError(`\`${option}\` must be a string, and is ${describe(value)}`);
    }
  }
  if (typeof createTable !== "boolean") {
    throw new TypeError(`\`createTable\` must be true or false, and is ${describe(createTable)}`);
  }
  const statements = statementsOf(table);
  const order = makeRequestOrder();

  /** The first row that any of the statements returns; the key is bound before what else is. */
  const askBy = (way: Send) =>
  (
    operation: AdapterOperation,
    key: string,
    ...asked: readonly [sql: string, ...values: Bound[]][]
  ) => {
    const send = async () => {
      const batch = asked.map(([sql, ...values]) =>
        db.prepare(sql).bind(keyPrefix + key, ...values)
      );
      const answers = await db.batch(batch as never);
      return answers.flatMap(({ results = [] }) => results)[0] as
        | Record<string, Column>
        | undefined;
    };
    const asking = attempt(operation, key, () => way(send));
    return wellFormed(operation, key, () =>
      Effect.matchEffect(asking, {
        onSuccess: Effect.succeed,
        onFailure: (error) => {
          if (/too ?big/i.test(String(error.cause))) {
            const reason = "the value is larger than the 2 MB that a row can hold";
            return Effect.fail(new AdapterError(operation, key, error.cause, { reason }));
          }
          if (!/no such table/i.test(String(error.cause))) return Effect.fail(error);
          const ddl = statements.create;
          if (!createTable) {
            const reason = `its table is missing; create it with: ${ddl.join("; ")}`;
            return Effect.fail(new AdapterError(operation, key, error.cause, { reason }));
          }
          const creation = attempt(
            operation,
            key,
            () => db.batch(ddl.map((sql) => db.prepare(sql)) as never),
          );
          return Effect.flatMap(creation, () => asking);
        },
      }));
  };
  const ask = askBy(sendAtOnce);
  const encoded = (operation: AdapterOperation, key: string, value: unknown) =>
    encode(codec, operation, key, value);
  const read = (operation: AdapterOperation, key: string, value: NonNullable<Column>) => {
    if (typeof value !== "number") return decode(codec, operation, key, bytesOf(value));
    const reason = "what is stored is neither text nor bytes";
    return Effect.fail(new AdapterError(operation, key, undefined, { reason, corrupt: true }));
  };
  const done = <E>(asked: Effect.Effect<unknown, E>) =>
    Effect.map(asked, (row) => row !== undefined);

  const acquire = (
    key: string,
    owner: string,
    ttl: number,
    waitedFor: string | null,
    unreadable: Bound,
  ): Effect.Effect<Acquired<unknown>, AdapterError> =>
    Effect.flatMap(
      askBy(order.acquiring(key, owner))(
        "acquire",
        key,
        [statements.take, owner, ttl, waitedFor, unreadable],
        [statements.look],
      ),
      (row): Effect.Effect<Acquired<unknown>, AdapterError> => {
        const { value = null, owner: holder, last, how, remaining } = row!;
        if (value !== null) {
          return Effect.matchEffect(read("acquire", key, value), {
            onSuccess: (entry) => Effect.succeed({ _tag: "Hit", entry }),
            onFailure: () =>
              acquire(
                key,
                owner,
                ttl,
                waitedFor,
                typeof value === "object" ? bytesOf(value) : value,
              ),
          });
        }
        const known = waitedFor !== null && last === waitedFor ? how : null;
        const after = known === "failed" ? known : undefined;
        const lease = {
          remaining: Math.max(0, Number(remaining)),
          ...(after && { after } as const),
        };
        if (holder === owner) return Effect.succeed({ _tag: "Leader", ...lease });
        return Effect.succeed(
          known === "uncached" || holder === null
            ? { _tag: "Ended", outcome: "uncached" }
            : { _tag: "Follower", lease: String(holder), ...lease },
        );
      },
    );

  return {
    name,
    get: (key) =>
      Effect.flatMap(
        ask("get", key, [statements.get]),
        (row) => row === undefined ? Effect.succeed(undefined) : read("get", key, row.value!),
      ),
    set: (key, value, ttl) =>
      Effect.flatMap(
        encoded("set", key, value),
        (data) => Effect.asVoid(ask("set", key, [statements.set, data, ttl ?? null])),
      ),
    delete: (key) => Effect.asVoid(ask("delete", key, [statements.delete])),
    acquire: (key, owner, ttl, waitedFor) => acquire(key, owner, ttl, waitedFor ?? null, null),
    renew: (key, owner, ttl) => done(ask("renew", key, [statements.renew, owner, ttl])),
    fill: (key, owner, value, ttl) =>
      Effect.flatMap(
        encoded("fill", key, value),
        (data) =>
          done(
            ask("fill", key, [statements.fill, owner, data, ttl ?? null], [
              statements.prune,
              PRUNED,
            ]),
          ),
      ),
    filledBy: (key, owner) => done(ask("fill", key, [statements.filledBy, owner])),
    release: (key, owner, outcome) =>
      Effect.asVoid(
        askBy(order.releasing(key, owner))(
          "release",
          key,
          [statements.release, owner, outcome === "cancelled" ? null : outcome],
        ),
      ),
  };
}

const utf8 = new TextEncoder();

function bytesOf(value: string | ArrayBuffer | readonly number[]): Uint8Array {
  return typeof value === "string" ? utf8.encode(value) : new Uint8Array(value);
}

/** An identifier, whatever it holds. */
function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/**
 * `value` is null where the row is a lease; `expires_at` is when the entry or the lease ends, null for an entry that is
 * kept for good. `last` is the owner of the latest lease that ended `how`: failed, uncached or filled.
 */
const statementsOf = (name: string) => {
  const table = quoted(name);
  return {
    create: [
      `CREATE TABLE IF NOT EXISTS ${table} (key TEXT PRIMARY KEY, value BLOB, owner TEXT, ` +
      `last TEXT, how TEXT, expires_at REAL) WITHOUT ROWID`,
      `CREATE INDEX IF NOT EXISTS ${quoted(`${name}_expires_at`)} ON ${table} (expires_at)`,
    ],

    get: `
SELECT value FROM ${table}
WHERE key = ?1 AND value IS NOT NULL AND (expires_at IS NULL OR expires_at > ${NOW})`,

    // ?2: owner, ?3: ttl, ?4: the lease that was waited for, ?5: an entry to ignore.
    take: `
INSERT INTO ${table} (key, owner, expires_at) VALUES (?1, ?2, ${NOW} + ?3)
ON CONFLICT (key) DO UPDATE SET
  value = NULL, owner = ?2, expires_at = ${NOW} + ?3,
  last = CASE WHEN expires_at > ${NOW} THEN last END,
  how = CASE WHEN expires_at > ${NOW} THEN how END
WHERE expires_at <= ${NOW} OR value = ?5 OR typeof(value) IN ('integer', 'real')
  OR (value IS NULL AND owner IS NULL AND (how IS NOT 'uncached' OR last IS NOT ?4))`,

    // Whatever is dead by now was alive when the statement before left it as it was.
    look: `
SELECT value, owner, last, how, expires_at - ${NOW} AS remaining FROM ${table} WHERE key = ?1`,

    // ?2: owner, ?3: ttl.
    renew: `
UPDATE ${table} SET expires_at = ${NOW} + ?3
WHERE key = ?1 AND owner = ?2 AND expires_at > ${NOW} RETURNING 1`,

    // ?2: owner, ?3: value, ?4: ttl.
    fill: `
UPDATE ${table} SET value = ?3, owner = NULL, last = ?2, how = 'filled', expires_at = ${NOW} + ?4
WHERE key = ?1 AND owner = ?2 AND expires_at > ${NOW} RETURNING 1`,

    // ?2: owner.
    filledBy: `SELECT 1 FROM ${table} WHERE key = ?1 AND last = ?2 AND how = 'filled'`,

    // ?2: owner, ?3: how, or null for no news.
    release: `
UPDATE ${table} SET
  owner = NULL, last = CASE WHEN ?3 IS NULL THEN last ELSE ?2 END, how = coalesce(?3, how)
WHERE key = ?1 AND owner = ?2`,

    // ?2: value, ?3: ttl.
    set: `
INSERT INTO ${table} (key, value, expires_at) VALUES (?1, ?2, ${NOW} + ?3)
ON CONFLICT (key) DO UPDATE SET
  value = excluded.value, expires_at = excluded.expires_at, owner = NULL, last = NULL, how = NULL`,

    delete: `DELETE FROM ${table} WHERE key = ?1`,

    // ?2: how many.
    prune: `
DELETE FROM ${table} WHERE key IN (
  SELECT key FROM ${table} WHERE expires_at <= ${NOW} AND key <> ?1 LIMIT ?2)`,
  };
};
