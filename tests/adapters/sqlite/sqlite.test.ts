import { Effect } from "effect";
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { DatabaseSync } from "node:sqlite";
import {
  sqliteAdapter,
  type SqliteAdapterOptions,
  type SqliteConnection,
  sqliteLeases,
} from "../../../adapters/sqlite.ts";
import { Cache, type Codec } from "../../../mod.ts";
import { randomToken } from "../../../src/model/token.ts";
import { conformance } from "../../conformance/mod.ts";
import {
  assertLeaseAlone,
  assertMeet,
  assertRefused,
  writesOf,
} from "../../support/adapter_cases.ts";
import { damagedRows } from "../../support/damaged_rows.ts";
import { damageFor, reversed } from "../../support/reversed.ts";
import { sideBySide } from "../../support/side_by_side.ts";
import {
  type Database,
  type Folder,
  newFolder,
  openFile,
  skip,
  skipTransactions,
} from "./clients.ts";

const run = Effect.runPromise;
let folder: Folder;
before(() => void (skip || (folder = newFolder())));
after(() => skip || folder.remove());

const suite = (
  name: string,
  options: Omit<SqliteAdapterOptions, "db">,
  { memory = false }: { readonly memory?: boolean } = {},
) =>
  describe(`sqlite: the suite, ${name}`, () => {
    const { table = "cache_locking", keyPrefix = "", codec, watch = true } = options;
    const file = `${name}.db`;
    let shared: Database | undefined;
    const open = () => memory ? shared ??= openFile(":memory:") : openFile(folder.file(file));
    after(() => shared?.close());
    const quoted = `"${table.replaceAll('"', '""')}"`;
    const ask = <A>(work: (db: Database) => A) =>
      Effect.sync(() => {
        const db = open();
        try {
          return work(db);
        } finally {
          if (!memory) db.close();
        }
      });
    const cases = conformance({
      open: Effect.map(
        Effect.acquireRelease(
          Effect.sync(open),
          (db) => Effect.sync(() => memory || db.close()),
        ),
        (db) => sqliteAdapter({ db, ...options }),
      ),
      gaps: watch && !memory ? {} : { push: "there is nothing to watch" },
      damage: damageFor(
        codec,
        damagedRows(
          (sql, key) => run(ask((db) => db.prepare(sql).run(key))),
          quoted,
          keyPrefix,
        ),
      ),
      leftovers: (key) =>
        ask((db) =>
          db.prepare(
            `SELECT * FROM ${quoted} WHERE key = ? AND
              (kept_until IS NULL OR kept_until > unixepoch('subsec') * 1000)`,
          ).all(keyPrefix + key)
        ),
      values: codec ? [[null, "é"]] : [],
    });
    sideBySide(cases, { skip, atOnce: 4 });
  });

suite("one file", {});
suite("every option", {
  table: 'Hostile "; drop--.a "table"; --',
  keyPrefix: "'pre\\fix:%",
  codec: reversed,
  watch: false,
});
suite("one connection in memory", {}, { memory: true });

/** A connection, and the statements that it has been sent. */
function counted(db: Database): { readonly db: Database; readonly sent: string[] } {
  const sent: string[] = [];
  const prepare = (method: "prepare" | "query") => (sql: string) => {
    sent.push(sql.trim().split(/\s+/, 2).join(" "));
    return (db as unknown as Record<string, Database["prepare"]>)[method]!(sql);
  };
  const query = "query" in db ? { query: prepare("query") } : {};
  return {
    db: { prepare: prepare("prepare"), ...query, exec: (sql) => db.exec(sql), close: () => {} },
    sent,
  };
}

const modeOf = (db: Database) => db.prepare("PRAGMA journal_mode").all()[0]!["journal_mode"];
const timeoutOf = (db: Database) => db.prepare("PRAGMA busy_timeout").all()[0]!["timeout"];

describe("sqlite", { skip }, () => {
  it("has connections of node:sqlite fit its types", () => {
    const fits = (db: SqliteConnection) => db;
    const all: ((db: never) => unknown)[] = [(db: DatabaseSync) => fits(db)];
    assert.equal(all.length, 1);
  });

  it("prepares each statement once, and writes nothing for those who look at another's lease", async () => {
    const { db, sent } = counted(folder.open("kept.db"));
    const store = sqliteAdapter({ db });
    const changes = () => db.prepare("SELECT total_changes() AS changes").all()[0]!["changes"];
    for (let i = 0; i < 20; i++) {
      await run(store.acquire(`${i}`, "a", 60_000));
      const before = changes();
      await run(store.acquire(`${i}`, "b", 60_000));
      assert.equal(changes(), before);
      assert.equal(await run(store.fill(`${i}`, "a", i)), true);
      assert.deepEqual((await run(store.get(`${i}`)))?.value, i);
    }
    const kept = sent.filter((sql) => !/busy_timeout|total_changes/.test(sql));
    const twice = kept.filter((sql, i) => kept.indexOf(sql) !== i);
    // One of two selects, and all that found no table.
    assert.ok(twice.length <= 3, `${twice}`);
    assert.ok(kept.length >= 7, `${kept}`);
  });

  it("puts the file into WAL mode, but leaves that to others with `createTable: false`", async () => {
    const db = folder.open("modes.db");
    const careful = sqliteAdapter({ db, table: 'a "', createTable: false });
    const error = await run(Effect.flip(careful.acquire("key", "owner", 1000)));
    const [, statements] = /create it with: (.*)$/s.exec(error.message) ?? assert.fail();
    assert.equal(modeOf(db), "delete");
    for (const statement of statements!.split("; ")) db.exec(statement);
    await run(careful.set("key", 1));
    assert.deepEqual((await run(careful.get("key")))?.value, 1);
    assert.equal(modeOf(db), "delete");
    await run(sqliteAdapter({ db }).get("key"));
    assert.equal(modeOf(db), "wal");
  });
});

describe("locks, values and options of sqlite", { skip }, () => {
  it("waits for a lock of another process without blocking its own, whatever its busy timeout", async () => {
    const [db, other] = [folder.open("locked.db"), folder.open("locked.db")];
    db.exec("PRAGMA busy_timeout = 5000");
    const store = sqliteAdapter({ db });
    await run(store.set("a", 1));
    other.exec("BEGIN IMMEDIATE");
    const began = performance.now();
    const writing = Promise.all([
      run(store.set("a", 2)),
      run(store.acquire("b", "owner", 60_000)),
      run(store.delete("c")),
    ]);
    // Nobody who reads waits, and the process goes on.
    const readAt = run(store.get("a")).then((entry) => [entry, performance.now() - began] as const);
    await sleep(500);
    const slept = performance.now() - began;
    other.exec("COMMIT");
    const [, acquired] = await writing;
    const [entry, read] = await readAt;
    assert.ok(slept < 3000, `the process was blocked for ${slept - 500} ms`);
    assert.deepEqual(entry, { value: 1 });
    assert.ok(read < slept, `read after ${read} ms`);
    assert.equal(acquired._tag, "Leader");
    assert.deepEqual((await run(store.get("a")))?.value, 2);
    assert.equal(timeoutOf(db), 5000);
  });

  it("puts a file into WAL mode that another process is writing to", async () => {
    const [db, other] = [folder.open("late.db"), folder.open("late.db")];
    other.exec("CREATE TABLE other (a)");
    other.exec("BEGIN IMMEDIATE");
    const reading = run(sqliteAdapter({ db }).get("a"));
    await sleep(50);
    other.exec("COMMIT");
    assert.equal(await reading, undefined);
    assert.equal(modeOf(db), "wal");
  });

  it("tries no more once its caller has left", async () => {
    const [db, other] = [folder.open("left.db"), folder.open("left.db")];
    const store = sqliteAdapter({ db });
    await run(store.set("a", 1));
    other.exec("BEGIN IMMEDIATE");
    const error = await run(Effect.flip(
      Cache.getOrSet({
        adapter: store,
        key: "b",
        operationTimeout: 100,
        fetcher: () => Effect.succeed(1),
      }),
    ));
    assert.match(error.message, /sqlite did not answer within 100 ms/);
    await sleep(50);
    other.exec("COMMIT");
    await sleep(50);
    assert.equal((await run(store.acquire("b", "next", 1000)))._tag, "Leader");
  });

  const within = { skip: skipTransactions() };
  it(
    "waits for the end of a transaction of yours on its connection, and takes no part in it",
    within,
    async () => {
      const db = folder.open("yours.db");
      const store = sqliteAdapter({ db });
      await run(store.set("a", 1));
      const begin = db.prepare("BEGIN");
      begin.run();
      const writing = [run(store.set("a", 2)), run(store.acquire("b", "owner", 60_000))];
      await sleep(50);
      db.exec("ROLLBACK");
      const [, acquired] = await Promise.all(writing);
      assert.equal((acquired as { _tag: string })._tag, "Leader");
      assert.deepEqual((await run(store.get("a")))?.value, 2);
    },
  );

  it("leaves no transaction open where a statement fails", async () => {
    const db = folder.open("broken.db");
    db.exec(
      "CREATE TABLE broken (key TEXT PRIMARY KEY, owner TEXT, expires_at REAL, value, stale_for, took, " +
        "lease_until, last, how, failures, quiet_until, kept_until)",
    );
    db.exec(
      "CREATE TRIGGER refuse BEFORE INSERT ON broken BEGIN SELECT RAISE(ABORT, 'refused'); END",
    );
    const store = sqliteAdapter({ db, table: "broken" });
    const error = await run(Effect.flip(store.acquire("a", "owner", 1000)));
    assert.match(error.message, /refused/);
    db.exec("BEGIN");
    db.exec("COMMIT");
  });

  it("fails at once where the connection is closed, and goes on once it is open again", async () => {
    const db = openFile(folder.file("closed.db"));
    const store = sqliteAdapter({ db });
    await run(store.set("a", 1));
    assert.deepEqual((await run(store.get("a")))?.value, 1);
    db.close();
    const error = await run(Effect.flip(store.get("a")));
    assert.match(error.message, /Cannot read the entry of "a": .*(open|closed|finalized)/i);
    const { open } = db as { readonly open?: unknown };
    if (typeof open !== "function") return;
    open.call(db);
    assert.deepEqual((await run(store.get("a")))?.value, 1);
    db.close();
  });

  it("keeps keys as text, whatever they look like", async () => {
    const db = folder.open("keys.db");
    const store = sqliteAdapter({ db });
    for (const key of ["42", "4.20", "1e3", "NULL", "é"]) await run(store.set(key, key));
    const rows = db.prepare("SELECT key, typeof(key) AS type FROM cache_locking").all();
    assert.deepEqual(
      new Set(rows.map(({ key, type }) => `${type} ${key}`)),
      new Set(["text 42", "text 4.20", "text 1e3", "text NULL", "text é"]),
    );
    for (const [key, reason] of [["a\0b", "NUL"], ["a\ud800", "UTF-8"]] as const) {
      const error = await run(Effect.flip(store.get(key)));
      assert.match(error.message, new RegExp(`the key must .*${reason}`));
    }
  });

  it("keeps text and bytes as they are", async () => {
    const plain: Codec = {
      encode: (value) => value as string | Uint8Array,
      decode: (bytes) => Array.from(bytes),
    };
    const store = sqliteAdapter({ db: folder.open("values.db"), codec: plain });
    const all = Uint8Array.from({ length: 256 }, (_, i) => i);
    for (const value of ["\ufeffä\\x", "", "NUL \0 and more", all, new Uint8Array()]) {
      for (const write of Object.values(writesOf(value))) {
        const key = randomToken();
        await run(write(store, key));
        const bytes = typeof value === "string" ? new TextEncoder().encode(value) : value;
        assert.deepEqual((await run(store.get(key)))?.value, Array.from(bytes));
      }
    }
  });

  it("removes dead rows of other keys with each fill", async () => {
    const db = folder.open("dead.db");
    const store = sqliteAdapter({ db });
    for (let i = 0; i < 30; i++) await run(store.set(`dead ${i}`, i, { freshFor: 1 }));
    await sleep(10);
    for (let i = 0; i < 4; i++) {
      await run(Cache.getOrSet({ adapter: store, key: `${i}`, fetcher: () => Effect.succeed(i) }));
    }
    const [row] = db.prepare("SELECT count(*) AS rows FROM cache_locking").all();
    assert.equal(row!["rows"], 4);
  });

  it("has the callers of configs that are written out in each call meet", async () => {
    const db = folder.open("meet.db");
    await assertMeet(() => ({ type: "sqlite", options: { db, keyPrefix: "herd:" } }), "key");
    const rows = db.prepare("SELECT key, value, owner FROM cache_locking").all();
    assert.deepEqual(rows.map((row) => ({ ...row })), [
      { key: "herd:key", value: "1", owner: null },
    ]);
  });

  it("is a store of its own each time", () => {
    const db = folder.open();
    assert.notEqual(sqliteAdapter({ db }), sqliteAdapter({ db }));
  });

  it("keeps leases alone, for entries that are elsewhere", async () => {
    const leases = [1, 2].map(() => sqliteLeases({ db: folder.open("leases.db") }));
    await assertLeaseAlone(leases, "key");
    const rows = folder.open("leases.db").prepare(
      "SELECT key, value, owner FROM cache_locking_leases",
    ).all();
    assert.deepEqual(rows.map((row) => ({ ...row })), [{ key: "key", value: null, owner: null }]);
  });

  it("refuses options that it can't use, with their names", async () => {
    const db = folder.open();
    await assertRefused("sqlite", [sqliteAdapter, sqliteLeases], [
      [{}, /`db` must be a connection of SQLite, and is undefined/],
      [{ db: { prepare() {} } }, /`db` must be a connection of SQLite/],
      [{ db, table: "" }, /`table` must be a string/],
      [{ db, table: "a\0" }, /`table` must be a string/],
      [{ db, createTable: 1 }, /`createTable` must be true or false, and is 1/],
      [{ db, watch: "no" }, /`watch` must be true or false, and is "no"/],
      [{ db, keyPrefix: "\0" }, /`keyPrefix` must be a string/],
    ]);
  });
});
