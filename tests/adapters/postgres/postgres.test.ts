import { Deferred, Effect } from "effect";
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { ReservedSql, Sql } from "postgres";
import {
  postgresAdapter,
  type PostgresClient,
  postgresLeases,
} from "../../../adapters/postgres.ts";
import { Cache, type Codec } from "../../../mod.ts";
import { randomToken } from "../../../src/model/token.ts";
import { assertTellsNothing, SECRETS } from "../../conformance/told.ts";
import { variable, withoutServer } from "../../support/address.ts";
import { newTable, pgbouncerUrl, postgresClients, postgresUrl, statementsOn } from "./clients.ts";
import { reversed } from "../../support/reversed.ts";
import { admin, type ClientOptions, connect, newKey, run, skip, table } from "./fixture.ts";
import { suite } from "./suite.ts";
import { unlessLate } from "../../support/unless_late.ts";
import {
  assertLeaseAlone,
  assertMeet,
  assertRefused,
  assertTextUntold,
  assertUnusable,
  operationsOn,
  writesOf,
} from "../../support/adapter_cases.ts";

const behindPooler = variable("PGBOUNCER_POSTGRES_URL");
const skipPooler = pgbouncerUrl === undefined || behindPooler === undefined
  ? withoutServer("PGBOUNCER_URL")
  : false;

suite("postgres: the suite, one server", {
  skip,
  async open() {
    const { connect, close } = await postgresClients(postgresUrl!);
    return { admin: connect(), connect: () => ({ sql: connect() }), close };
  },
});

suite("postgres: the suite, every option, behind a pooler, where every lost race is an error", {
  skip: skip || skipPooler,
  options: { table: 'Hostile "; drop--.a "table"; --', keyPrefix: "'pre\\fix:%", codec: reversed },
  async open() {
    const database = `strict_${randomToken().replaceAll("-", "")}`;
    const direct = await postgresClients(behindPooler!);
    await direct.connect()`create database ${direct.connect()(database)}`;
    const inDatabase = (url: string) => postgresClients(url.replace(/[^/]*$/, database));
    const behind = await inDatabase(behindPooler!);
    const pooled = await inDatabase(pgbouncerUrl!);
    const admin = behind.connect();
    await admin.unsafe(`
      alter database ${database} set default_transaction_isolation = 'serializable';
      alter database ${database} set bytea_output = 'escape';
      create schema "Hostile ""; drop--"`);
    const odd: ClientOptions = {
      prepare: false,
      max: 1,
      transform: { column: (name) => `${name}?`, value: () => 1, row: (row) => ({ ...row }) },
    };
    const subscriber = behind.connect(odd);
    return {
      admin,
      connect: (own) => ({
        sql: pooled.connect(odd),
        subscriber: own ? behind.connect(odd) : subscriber,
      }),
      close: () => Promise.all([direct, behind, pooled].map(({ close }) => close())),
    };
  },
});

describe("postgres", { skip }, () => {
  it("has clients of postgres.js fit its types", () => {
    const fits = (sql: PostgresClient) => sql;
    const all: ((sql: never) => unknown)[] = [
      (sql: Sql) => fits(sql),
      (sql: Sql<{ bigint: bigint }>) => fits(sql),
      (sql: ReservedSql) => fits(sql),
    ];
    assert.equal(all.length, 3);
  });

  it("needs one statement for a hit, three for a miss, four to follow, and wakes by push", () =>
    unlessLate(async () => {
      const name = table();
      const [one, two] = [connect(), connect()];
      const clientOf = (sql: Sql) => Cache.make({ adapter: postgresAdapter({ sql, table: name }) });
      await run(clientOf(one).getOrSet(newKey(), () => Effect.succeed(1)));
      const seen = await statementsOn(admin, name);
      const key = newKey();

      await run(clientOf(one).getOrSet(key, () => Effect.succeed("value")));
      assert.deepEqual(await seen.take(), ["acquire", "fill", "get"]);

      await run(clientOf(two).getOrSet(key, () => Effect.succeed("other")));
      assert.deepEqual(await seen.take(), ["get"]);

      const key2 = newKey();
      const done = await run(Deferred.make<string>());
      const leading = run(clientOf(one).getOrSet(key2, () => Deferred.await(done)));
      await sleep(100);
      assert.deepEqual(await seen.take(), ["acquire", "get"]);
      const following = run(clientOf(two).getOrSet(key2, () => Effect.succeed("other")));
      await sleep(200);
      assert.deepEqual(await seen.take(), ["acquire", "acquire", "get", "listen"]);
      await run(Deferred.succeed(done, "value"));
      assert.equal((await following).value, "value");
      await leading;
      // The fill, and the look that finds its value.
      assert.deepEqual(await seen.take(), ["acquire", "fill"]);
    }));

  it("writes nothing for those who look at a lease that another holds", async () => {
    const name = table();
    const store = postgresAdapter({ sql: connect(), table: name });
    const key = newKey();
    await run(store.acquire(key, "a", 60_000));
    const version = async () => (await admin`select xmin, ctid from ${admin(name)}`)[0];
    const before = await version();
    for (let i = 0; i < 10; i++) await run(store.acquire(key, "b", 60_000));
    assert.deepEqual(await version(), before);
  });

  it("has one of many lead that see no lease yet, and tells the others in the same statement", async () => {
    const name = table();
    const key = newKey();
    const stores = Array.from(
      { length: 4 },
      () => postgresAdapter({ sql: connect(), table: name }),
    );
    await Promise.all(stores.map((store) => run(store.get(key))));
    const seen = await statementsOn(admin, name);
    // All have their snapshots before any can see what another has written.
    await admin.begin(async (sql) => {
      await sql`lock table ${sql(name)} in share mode`;
      const answers = stores.map((store, i) => run(store.acquire(key, `owner ${i}`, 60_000)));
      await sleep(200);
      return answers;
    }).then(async (answers) => {
      const tags = (await Promise.all(answers)).map(({ _tag }) => _tag).sort();
      assert.deepEqual(tags, ["Follower", "Follower", "Follower", "Leader"]);
    });
    assert.deepEqual(await seen.take(), Array(4).fill("acquire"));
  });

  it("is a store of its own each time", () => {
    const sql = connect();
    assert.notEqual(postgresAdapter({ sql }), postgresAdapter({ sql }));
  });

  it("tries ten times what others are in the way of, and no more once its caller has left", async () => {
    const lost = (code: string) => Object.assign(new Error("lost the race"), { code });
    for (const code of ["40001", "40P01"]) {
      let sent = 0;
      const losing = (tries: number) => ({
        listen: () => Promise.reject(lost(code)),
        unsafe: () => ({
          raw: () => ++sent > tries ? Promise.resolve([]) : Promise.reject(lost(code)),
        }),
      });
      const store = postgresAdapter({ sql: losing(9) });
      assert.equal(await run(store.get("a")), undefined);
      assert.equal(sent, 10);
      sent = 0;
      const error = await run(Effect.flip(postgresAdapter({ sql: losing(100) }).get("a")));
      assert.match(error.message, /lost the race/);
      assert.equal(sent, 10);
      sent = 0;
      const left = Effect.timeoutOption(postgresAdapter({ sql: losing(100) }).get("a"), 1);
      await run(left);
      const then = sent;
      await sleep(200);
      assert.ok(sent === then && sent < 10, `${then} tries, and ${sent}`);
    }
  });

  it("has the callers of configs that are written out in each call meet", async () => {
    const sql = connect();
    const name = table();
    const key = newKey();
    await assertMeet(
      () => ({ type: "postgres", options: { sql, table: name, keyPrefix: "herd:" } }),
      key,
    );
    const rows = await admin`select key, text, bytes, owner from ${admin(name)}`;
    assert.deepEqual([...rows], [{ key: `herd:${key}`, text: "1", bytes: null, owner: null }]);
  });

  it("refuses options that it can't use, with their names", async () => {
    const sql = connect();
    const bad: [unknown, RegExp][] = [
      [{}, /`sql` must be a postgres.js client, and no transaction, and is undefined/],
      [{ sql, pool: {} }, /`sql` must not be given beside `pool`/],
      [{ sql: { unsafe() {} } }, /`sql` must be a postgres.js client/],
      [{ sql, subscriber: {} }, /`subscriber` must be a postgres.js client or false/],
      [{ sql, subscriber: true }, /`subscriber` must be .* and is true/],
      [{ sql, table: "" }, /`table` must be .* and is ""/],
      [{ sql, table: "a.b.c" }, /`table` must be `table` or `schema.table`/],
      [{ sql, table: "a." }, /`table` must be/],
      [{ sql, table: "a\0" }, /`table` must be/],
      [{ sql, table: "é".repeat(32) }, /at most 63 bytes/],
      [{ sql, keyPrefix: 1 }, /`keyPrefix` must be a string, and is 1/],
      [{ sql, keyPrefix: "\0" }, /`keyPrefix` must be a string, and must not have a NUL/],
    ];
    await assertRefused("postgres", [postgresAdapter], bad);
    await sql.begin((transaction) => {
      assert.throws(() => postgresAdapter({ sql: transaction as never }), /no transaction/);
    });
  });

  it("keeps leases alone, for entries that are elsewhere", async () => {
    const [one, two] = [connect(), connect()];
    const name = table();
    const leases = [one, two].map((sql) => postgresLeases({ sql, table: name }));
    await assertLeaseAlone(leases, newKey());
    const rows = await admin`select text, bytes, owner from ${admin(name)}`;
    assert.deepEqual([...rows], [{ text: null, bytes: null, owner: null }]);
  });
});

describe("keys and values of postgres", { skip }, () => {
  it("refuses keys that it can't keep, before it asks the server", async () => {
    const store = postgresAdapter({ sql: connect(), table: table(), keyPrefix: "é" });
    const bad: [string, string][] = [
      ["a\0b", "the key must not have a NUL"],
      ["a\ud800", "the key must be text that UTF-8 can carry"],
    ];
    for (const [key, reason] of bad) {
      const asked = [...operationsOn(store, key), Effect.scoped(store.watch!(key))];
      for (const each of asked) {
        const error = await run(Effect.flip(each as Effect.Effect<unknown, Error>));
        assert.ok(error.message.endsWith(`: ${reason}`), error.message);
      }
    }
  });

  it("keeps keys of any length, and wakes those who watch them", async () => {
    const store = postgresAdapter({ sql: connect(), table: table(), keyPrefix: "é" });
    // No compression makes them shorter.
    const digits = Array.from({ length: 20_000 }, () => Math.floor(Math.random() * 10)).join("");
    for (const length of [2597, 2598, 2599, 20_000]) {
      const key = digits.slice(0, length);
      await run(store.acquire(key, "a", 60_000));
      await run(Effect.scoped(Effect.gen(function* () {
        const watch = yield* store.watch!(key);
        yield* store.acquire(key, "b", 60_000);
        assert.equal(yield* store.fill(key, "a", length, { freshFor: 60_000 }), true);
        yield* watch!.next;
      })));
      assert.deepEqual((await run(store.get(key)))?.value, length);
      assert.equal(await run(store.get(`${key}+`)), undefined);
    }
  });

  it("keeps text as text, and bytes as bytes", async () => {
    const name = table();
    const sql = connect();
    const plain: Codec = {
      encode: (value) => value as string | Uint8Array,
      decode: (bytes) => Array.from(bytes),
    };
    const store = postgresAdapter({ sql, table: name, codec: plain });
    const all = Uint8Array.from({ length: 256 }, (_, i) => i);
    const values = ["\ufeffä\\x", "", all, new Uint8Array(), "NUL \0"];
    for (const value of values) {
      await run(store.set("a", value));
      const bytes = typeof value === "string" ? new TextEncoder().encode(value) : value;
      assert.deepEqual((await run(store.get("a")))?.value, Array.from(bytes));
      const [row] = await admin`select text, bytes from ${admin(name)}`;
      const isText = typeof value === "string" && !value.includes("\0");
      assert.deepEqual([typeof row!["text"] === "string", row!["bytes"] !== null], [
        isText,
        !isText,
      ]);
    }
  });

  it("names neither the bytes that it can't decode nor the value that it can't encode", async () => {
    const name = table();
    const store = postgresAdapter({ sql: connect(), table: name });
    await run(store.set("a", 1));
    await admin`update ${admin(name)} set text = 'secret text'`;
    await assertTextUntold(store, "a");
  });
});

describe("a client of postgres that can't be used", { skip }, () => {
  it("fails at once when it is closed", async () => {
    const sql = connect();
    await sql.end();
    await assertUnusable(postgresAdapter({ sql }), /CONNECTION_ENDED/);
  });

  it("opens no more connections once it has ended, while a lease is announced", async () => {
    const named = newTable();
    const sql = connect({ connection: { application_name: named } });
    const sessions = async () => {
      const rows = await admin`select pid from pg_stat_activity where application_name = ${named}`;
      return rows.map(({ pid }) => pid as number);
    };
    const store = postgresAdapter({ sql, table: table() });
    const key = newKey();
    await run(store.acquire(key, "a", 60_000));
    const letGo = store.announce!(key, "a");
    await sleep(200);
    assert.notDeepEqual(await sessions(), []);
    await sql.end({ timeout: 0 });
    // The first connection to listen that comes after the end tells of it, and is closed a second later.
    await sleep(2000);
    const later = new Set<number>();
    for (let i = 0; i < 25; i++) {
      for (const pid of await sessions()) later.add(pid);
      await sleep(100);
    }
    letGo();
    assert.deepEqual([...later], []);
  });

  it("fails when there is no server, and says why", async () => {
    const sql = connect({ port: 1 });
    await assertUnusable(postgresAdapter({ sql }), /ECONNREFUSED/, 5000);
  });

  it("fails after operationTimeout when a transaction holds its only connection", async () => {
    const sql = connect({ max: 1 });
    const adapter = postgresAdapter({ sql, table: table() });
    await sql.begin(async () => {
      await assertUnusable(adapter, /postgres did not answer within 100 ms/);
    });
  });
});

describe("connections of postgres", { skip }, () => {
  it("does with one connection, for many keys, their fetchers and their followers", async () => {
    const name = table();
    const [one, two] = [connect({ max: 1 }), connect({ max: 1 })];
    let fetches = 0;
    const herd = [one, two].flatMap((sql) => {
      const cache = Cache.make({ adapter: postgresAdapter({ sql, table: name }) });
      return Array.from(
        { length: 100 },
        (_, i) =>
          cache.getOrSet(`key ${i % 20}`, () =>
            Effect.promise(async () => {
              fetches++;
              return (await sql`select pg_sleep(0.01), 1 as one`)[0]!["one"];
            })),
      );
    });
    const results = await run(Effect.all(herd, { concurrency: "unbounded" }));
    assert.deepEqual(new Set(results.map(({ value }) => value)), new Set([1]));
    assert.equal(fetches, 20);
  });

  it("leaves no lease behind of an acquire that was given up, however late it comes", async () => {
    const name = table();
    const store = postgresAdapter({ sql: connect(), table: name });
    const key = newKey();
    await run(store.get(key));
    const undone = new Error("undone");
    // The acquire waits for whoever else makes the row, and a release would not.
    const other = admin.begin(async (sql) => {
      await sql`insert into ${sql(name)} (key, until) values (${key}, 'infinity')`;
      const error = await run(Effect.flip(Cache.getOrSet({
        adapter: store,
        key,
        operationTimeout: 200,
        fetcher: () => Effect.succeed(1),
      })));
      assert.equal(error._tag, "LEASE_ACQUIRE_FAILED");
      await sleep(200);
      throw undone;
    });
    await assert.rejects(other, undone);
    await sleep(200);
    assert.equal((await run(store.acquire(key, "next", 1000)))._tag, "Leader");
  });

  it("has one fetch behind a pooler without push", { skip: skipPooler }, async () => {
    const pooled = await postgresClients(pgbouncerUrl!);
    const name = newTable();
    const stores = Array.from({ length: 4 }, () => {
      const sql = pooled.connect({ prepare: false });
      return postgresAdapter({ sql, subscriber: false, table: name });
    });
    assert.equal(stores[0]!.watch, undefined);
    for (let round = 0; round < 5; round++) {
      let fetches = 0;
      const results = await run(Effect.all(
        stores.flatMap((adapter) =>
          Array.from({ length: 50 }, () =>
            Cache.getOrSet({
              adapter,
              key: `round ${round}`,
              fetcher: () => Effect.as(Effect.sleep(100), ++fetches),
            }))
        ),
        { concurrency: "unbounded" },
      ));
      assert.deepEqual(new Set(results.map(({ value }) => value)), new Set([1]));
      assert.equal(fetches, 1);
    }
    await pooled.connect({ prepare: false })`drop table ${admin(name)}`;
    await pooled.close();
  });
});

describe("errors of postgres", { skip }, () => {
  for (const [name, write] of Object.entries(writesOf(SECRETS[0]))) {
    it(`tell nothing of the value of a refused ${name}`, async () => {
      const named = table();
      const store = postgresAdapter({ sql: connect(), table: named });
      await run(store.get("a"));
      await admin`alter table ${admin(named)} add constraint short check (length(text) < 3)`;
      const error = await run(Effect.flip(write(store, "a")));
      assert.match(error.message, /violates check constraint "short"/);
      assert.equal((error.cause as { readonly code?: string }).code, "23514");
      assertTellsNothing(error);
    });
  }

  it("tell nothing of a refused login", async () => {
    const sql = connect({ user: "nobody-known", password: SECRETS[1], connect_timeout: 2 });
    assertTellsNothing(await run(Effect.flip(postgresAdapter({ sql }).get("a"))));
  });
});
