import { Deferred, Effect, Fiber } from "effect";
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { Options, ReservedSql, Sql } from "postgres";
import {
  postgresAdapter,
  type PostgresAdapterOptions,
  type PostgresClient,
  postgresLeases,
  prunePostgres,
} from "../../../adapters/postgres.ts";
import { Cache, type CacheLockingError, type Codec, type Store } from "../../../mod.ts";
import { forkDetached } from "../../../src/effect/fork.ts";
import { randomToken } from "../../../src/model/token.ts";
import { conformance } from "../../conformance/mod.ts";
import { variable, withoutServer } from "../../support/address.ts";
import {
  newTable,
  pgbouncerUrl,
  type PostgresClients,
  postgresClients,
  postgresUrl,
  statementsOn,
} from "./clients.ts";
import { sideBySide } from "../../support/side_by_side.ts";
import { reversed } from "../../support/reversed.ts";

/** How many keys are used in the soak; the pace of the adapter's own is a few thousand a second. */
const KEYS = Number(variable("SOAK_KEYS") ?? 5000);

type ClientOptions = Options<Record<never, never>>;

const skip = postgresUrl === undefined ? withoutServer("POSTGRES_URL") : false;
const behindPooler = variable("PGBOUNCER_POSTGRES_URL");
const skipPooler = pgbouncerUrl === undefined || behindPooler === undefined
  ? withoutServer("PGBOUNCER_URL")
  : false;

const suite = (
  name: string,
  skip: string | false,
  options: Omit<PostgresAdapterOptions, "sql">,
  open: () => Promise<{
    readonly admin: Sql;
    readonly connect: () => PostgresAdapterOptions["sql"];
    readonly subscriber?: Sql;
    readonly close: () => Promise<unknown>;
  }>,
) =>
  describe(`postgres: the suite, ${name}`, () => {
    const { table = "cache_locking", keyPrefix = "", codec } = options;
    let world: Awaited<ReturnType<typeof open>>;
    before(async () => void (skip || (world = await open())));
    after(async () => {
      if (skip) return;
      await world.admin`drop table ${world.admin(table)}`;
      await world.close();
    });
    // Clients are opened once: that takes Postgres as long as a whole case.
    const free: PostgresAdapterOptions["sql"][] = [];
    const cases = conformance({
      open: Effect.map(
        Effect.acquireRelease(
          Effect.sync(() => free.pop() ?? world.connect()),
          (client) => Effect.sync(() => void free.push(client)),
        ),
        (sql) => postgresAdapter({ sql, subscriber: world.subscriber, ...options }),
      ),
      corrupt: (key) =>
        Effect.promise(async () => {
          const { count } = await world.admin`
            update ${world.admin(table)} set text = '{', bytes = null
            where key = ${keyPrefix + key}`;
          assert.equal(count, 1);
        }),
      leftovers: (key) =>
        Effect.flatMap(prunePostgres({ sql: world.admin, table }), () =>
          Effect.promise(async () => [
            ...await world.admin`
              select * from ${world.admin(table)} where key = ${keyPrefix + key}`,
          ])),
      values: codec ? [[null, "é"]] : [],
    });
    sideBySide(cases, { skip, atOnce: 4 });
  });

suite("one server", skip, {}, async () => {
  const { connect, close } = await postgresClients(postgresUrl!);
  return { admin: connect(), connect, close };
});

suite(
  "every option, behind a pooler, where every lost race is an error",
  skip || skipPooler,
  { table: 'Hostile "; drop--.a "table"; --', keyPrefix: "'pre\\fix:%", codec: reversed },
  async () => {
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
    return {
      admin,
      connect: () => pooled.connect(odd),
      subscriber: behind.connect(odd),
      close: () => Promise.all([direct, behind, pooled].map(({ close }) => close())),
    };
  },
);

describe("postgres", { skip }, () => {
  let admin: Sql;
  let clients: PostgresClients;
  const tables: string[] = [];
  before(async () => {
    clients = await postgresClients(postgresUrl!);
    admin = clients.connect({ onnotice: () => {} });
  });
  after(async () => {
    for (const table of tables) await admin`drop table if exists ${admin(table)}`;
    await clients.close();
  });
  const connect = (options?: ClientOptions) => clients.connect(options);
  const table = () => {
    const name = newTable();
    tables.push(name);
    return name;
  };
  const run = Effect.runPromise;
  const newKey = () => `postgres.test:${randomToken()}`;
  const rowsIn = async (table: string) =>
    Number((await admin`select count(*) from ${admin(table)}`)[0]!["count"]);

  it("has clients of postgres.js fit its types", () => {
    const fits = (sql: PostgresClient) => sql;
    const all: ((sql: never) => unknown)[] = [
      (sql: Sql) => fits(sql),
      (sql: Sql<{ bigint: bigint }>) => fits(sql),
      (sql: ReservedSql) => fits(sql),
    ];
    assert.equal(all.length, 3);
  });

  it("needs one statement for a hit, three for a miss, four to follow, and wakes by push", async () => {
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
  });

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
    let fetches = 0;
    const herd = Array.from({ length: 50 }, () =>
      Cache.getOrSet({
        adapter: { type: "postgres", options: { sql, table: name, keyPrefix: "herd:" } },
        key,
        cacheTtl: 60_000,
        fetcher: () => Effect.as(Effect.sleep(20), ++fetches),
      }));
    const results = await run(Effect.all(herd, { concurrency: "unbounded" }));
    assert.deepEqual(new Set(results.map(({ value }) => value)), new Set([1]));
    const rows = await admin`select key, text, bytes, owner from ${admin(name)}`;
    assert.deepEqual([...rows], [{ key: `herd:${key}`, text: "1", bytes: null, owner: null }]);
  });

  it("refuses options that it can't use, with their names", async () => {
    const sql = connect();
    const bad: [unknown, RegExp][] = [
      [{}, /`sql` must be a postgres.js client, and no transaction, and is undefined/],
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
    for (const [options, message] of bad) {
      assert.throws(() => postgresAdapter(options as never), { name: "TypeError", message });
    }
    await sql.begin((transaction) => {
      assert.throws(() => postgresAdapter({ sql: transaction as never }), /no transaction/);
    });
    const none = { adapter: { type: "postgres", options: {} as never }, key: "a" } as const;
    const error = await run(
      Effect.flip(Cache.getOrSet({ ...none, fetcher: () => Effect.succeed(1) })),
    );
    assert.equal(error._tag, "VALIDATION_ERROR");
    assert.match(error.message, /`sql` must be given, and is undefined/);
  });

  it("refuses keys that it can't keep, before it asks the server", async () => {
    const store = postgresAdapter({ sql: connect(), table: table(), keyPrefix: "é" });
    const bad: [string, string][] = [
      ["a\0b", "the key must not have a NUL"],
      ["a\ud800", "the key must be text that UTF-8 can carry"],
    ];
    for (const [key, reason] of bad) {
      const asked = [
        store.get(key),
        store.set(key, 1),
        store.delete(key),
        store.acquire(key, "a", 1000),
        store.renew(key, "a", 1000),
        store.fill(key, "a", 1),
        store.release(key, "a", "failed"),
        Effect.scoped(store.watch!(key)),
      ];
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
        assert.equal(yield* store.fill(key, "a", length, 60_000), true);
        yield* watch!.next;
      })));
      assert.deepEqual(await run(store.get(key)), { value: length });
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
      assert.deepEqual(await run(store.get("a")), { value: Array.from(bytes) });
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
    const unreadable = await run(Effect.flip(store.get("a")));
    assert.equal(unreadable.corrupt, true);
    assert.equal(
      unreadable.message,
      `Cannot read the entry of "a": the codec can't decode the stored value`,
    );
    assert.equal(unreadable.cause, undefined);
    const unwritable = await run(Effect.flip(store.set("a", { secret: 1n })));
    assert.equal(
      unwritable.message,
      `Cannot store the value of "a": the codec can't encode the value`,
    );
  });

  it("keeps leases alone, for entries that are elsewhere", async () => {
    const [one, two] = [connect(), connect()];
    const name = table();
    const entries = new Map<string, unknown>();
    const cache = {
      get: (key: string) => Effect.sync(() => entries.get(key) ?? null),
      set: (key: string, value: unknown) => Effect.sync(() => entries.set(key, value)),
    };
    const clientOf = (sql: Sql) =>
      Cache.make({ adapter: { cache }, leases: postgresLeases({ sql, table: name }) });
    let fetches = 0;
    const fetcher = () => Effect.as(Effect.sleep(50), ++fetches);
    const results = await Promise.all(
      [one, two].map((sql) => run(clientOf(sql).getOrSet(newKey.name, fetcher))),
    );
    assert.deepEqual(results.map(({ value }) => value), [1, 1]);
    const rows = await admin`select text, bytes, owner from ${admin(name)}`;
    assert.deepEqual([...rows], [{ text: null, bytes: null, owner: null }]);
  });

  describe("the table", () => {
    it("is made once by 200 first calls at the same time, and nobody fails", async () => {
      const database = newTable();
      await admin`create database ${admin(database)}`;
      const { connect, close } = await postgresClients(postgresUrl!.replace(/[^/]*$/, database));
      const stores = Array.from({ length: 40 }, () => {
        const sql = connect({ max: 2, onnotice: (notice) => assert.fail(notice["message"]) });
        return postgresAdapter({ sql });
      });
      const calls = Array.from({ length: 200 }, (_, i) =>
        run(
          Cache.make({ adapter: stores[i % 40]!, coalesce: false, operationTimeout: "20 seconds" })
            .getOrSet(`key ${i % 100}`, () => Effect.succeed(i)),
        ));
      const results = await Promise.all(calls);
      assert.equal(new Set(results.map(({ value }) => value)).size, 100);
      const sql = connect();
      const made = await sql`
        select relname, relpersistence from pg_class where relkind = 'r' and relname ~ 'cache'`;
      assert.deepEqual([...made], [{ relname: "cache_locking", relpersistence: "u" }]);
      await close();
      await admin`drop database ${admin(database)} with (force)`;
    });

    it("is made again when somebody has dropped it", async () => {
      const name = table();
      const store = postgresAdapter({ sql: connect(), table: name });
      for (let i = 0; i < 3; i++) {
        await run(store.set("a", i));
        assert.deepEqual(await run(store.get("a")), { value: i });
        await admin`drop table ${admin(name)}`;
      }
      assert.equal(await run(store.get("a")), undefined);
    });

    it("is not made with `createTable: false`: the error holds the statements that make it", async () => {
      const name = `${table()} "`;
      tables.push(name);
      const sql = connect();
      const store = postgresAdapter({ sql, table: name, createTable: false });
      const error = await run(Effect.flip(store.get("a")));
      assert.equal(error._tag, "ADAPTER_ERROR");
      const made = error.message.split("make it with: ")[1]!;
      assert.match(made, /^create unlogged table "cache_\w+ """ \(key text/);
      await sql.unsafe(made);
      await run(store.set("a", 1));
      assert.deepEqual(await run(store.get("a")), { value: 1 });
    });

    it("is not made by those who may not: the error says so, and holds the statements", async () => {
      const role = newTable();
      await admin`create role ${admin(role)} login`;
      const store = postgresAdapter({ sql: connect({ user: role }), table: `public.${table()}` });
      const error = await run(Effect.flip(store.set("a", 1)));
      assert.match(error.message, /can't be made \(permission denied for schema public\); make it/);
      await admin`drop role ${admin(role)}`;
      const nowhere = postgresAdapter({ sql: connect(), table: "nowhere.cache" });
      const other = await run(Effect.flip(nowhere.set("a", 1)));
      assert.match(other.message, /can't be made \(schema "nowhere" does not exist\); make it/);
    });

    it("keeps its other rows, and other tables, whatever keys are named", async () => {
      const [name, other] = [table(), table()];
      const sql = connect();
      const stores = [name, other].map((table) => postgresAdapter({ sql, table }));
      for (const store of stores) await run(store.set("bystander", 1));
      const hostile = [
        `'; drop table ${other}; --`,
        `' or true; --`,
        `$1`,
        `\\'; delete from ${name}; --`,
        `%`,
        `${name}".key`,
      ];
      for (const key of hostile) {
        await run(stores[0]!.acquire(key, key, 60_000, key));
        assert.equal(await run(stores[0]!.fill(key, key, key, 60_000)), true);
        assert.deepEqual(await run(stores[0]!.get(key)), { value: key });
        await run(stores[0]!.set(key, key));
        await run(stores[0]!.delete(key));
      }
      for (const store of stores) assert.deepEqual(await run(store.get("bystander")), { value: 1 });
      assert.equal(await rowsIn(name), 1);
    });

    it("does not grow with keys that are used once", async () => {
      const name = table();
      const store = postgresAdapter({ sql: connect({ max: 8 }), table: name });
      let most = 0;
      const each = (key: string) =>
        Effect.flatMap(
          store.acquire(key, "a", 20),
          () =>
            Math.random() < 0.5
              ? store.fill(key, "a", "value", 20)
              : store.release(key, "a", "failed"),
        );
      for (let batch = 0; batch < KEYS / 500; batch++) {
        const keys = Array.from({ length: 500 }, (_, i) => `key ${batch} ${i}`);
        await run(Effect.forEach(keys, each, { concurrency: 50, discard: true }));
        most = Math.max(most, await rowsIn(name));
      }
      console.log(`    # of ${KEYS} keys at most ${most} were in the table`);
      // As many as are used within 20 ms on a quick machine, and a batch that was kept waiting on a slow one.
      assert.ok(most < 1000, `${most} rows`);
    });

    it("is pruned of 100,000 rows at once, and of no others", async () => {
      const name = table();
      const sql = connect();
      const store = postgresAdapter({ sql, table: name });
      await run(store.set("good", 1));
      await run(store.set("long", 1, 60_000));
      await admin`
        insert into ${admin(name)} (key, until, text)
        select 'key ' || i, now() - i * interval '1 ms', '' from generate_series(1, 100000) as i`;
      const counts = await Promise.all(
        [1, 2, 3].map(() => run(prunePostgres({ sql, table: name }))),
      );
      assert.equal(counts.reduce((a, b) => a + b), 100_000);
      assert.equal(await rowsIn(name), 2);
      assert.equal(await run(prunePostgres({ sql, table: name })), 0);
      assert.equal(await run(prunePostgres({ sql, table: table() })), 0);
    });

    it("is not looked through by those who write, however many rows are alive", async () => {
      const name = table();
      const store = postgresAdapter({ sql: connect(), table: name });
      await run(store.get("a"));
      await admin`
        insert into ${admin(name)} (key, until, text)
        select 'key ' || i, now() + i * interval '1 min', '' from generate_series(1, 100000) as i`;
      await admin`analyze ${admin(name)}`;
      await statementsOn(admin, name);
      for (let i = 0; i < 20; i++) {
        await run(store.acquire(`new ${i}`, "a", 60_000));
        await run(store.fill(`new ${i}`, "a", i));
        await run(store.set(`new ${i}`, i));
        await run(store.get(`new ${i}`));
      }
      const rows = await admin`
        select query, calls, shared_blks_hit + shared_blks_read as blocks from pg_stat_statements
        where query like ${`%"${name}"%`} and calls >= 20`;
      assert.equal(rows.length, 4);
      for (const { query, calls, blocks } of rows) {
        assert.ok(blocks / calls < 60, `${blocks / calls} blocks a statement: ${query}`);
      }
    });
  });

  describe("push", () => {
    const channelOf = (table: string) => `listen "cache_locking ""${table}"""`;
    /** The connections that listen to a table's channel. */
    const listeners = async (table: string) =>
      (await admin`select pid from pg_stat_activity where query = ${channelOf(table)}`)
        .map(({ pid }) => pid as number);
    /** Leads in one, and follows in the other until it is told to stop. */
    const follow = async (
      leader: Store<unknown>,
      options: PostgresAdapterOptions,
      errors: CacheLockingError[] = [],
    ) => {
      const key = newKey();
      await run(leader.acquire(key, "leader", 60_000));
      const cache = Cache.make({
        adapter: postgresAdapter(options),
        waitStrategy: () => "1 minute",
        waitMax: "20 seconds",
        hooks: { onError: (error) => Effect.sync(() => void errors.push(error)) },
      });
      const fiber = Effect.runFork(cache.getOrSet(key, () => Effect.succeed("fallback")));
      await sleep(200);
      const filled = async () => {
        await run(leader.fill(key, "leader", "filled"));
        return (await run(Fiber.join(fiber))).value;
      };
      return { key, fiber, filled };
    };
    const until = async (condition: () => Promise<boolean>) => {
      for (let i = 0; i < 250 && !await condition(); i++) await sleep(20);
      assert.ok(await condition());
    };

    const closed = async (table: string) => {
      await until(async () => (await listeners(table)).length === 0);
      // postgres.js opens again what it thinks that it has lost.
      await sleep(300);
      assert.deepEqual(await listeners(table), []);
    };

    it("wakes a follower within milliseconds of the fill", async () => {
      const name = table();
      const leader = postgresAdapter({ sql: connect(), table: name });
      const follower = postgresAdapter({ sql: connect(), table: name });
      const late: number[] = [];
      for (let round = 0; round < 50; round++) {
        const key = newKey();
        await run(leader.acquire(key, "a", 60_000));
        await run(Effect.scoped(Effect.gen(function* () {
          const watch = yield* follower.watch!(key);
          const began = performance.now();
          const filling = yield* forkDetached(leader.fill(key, "a", round));
          yield* watch!.next;
          assert.equal((yield* follower.acquire(key, "b", 60_000))._tag, "Hit");
          late.push(performance.now() - began);
          yield* Fiber.join(filling);
        })));
      }
      const median = late.sort((a, b) => a - b)[25]!;
      console.log(`    # the value is there ${median.toFixed(1)} ms after its fill was begun`);
    });

    it("opens one connection for all keys and stores, and closes it when none is waited for", async () => {
      const name = table();
      const sql = connect();
      const leader = postgresAdapter({ sql: connect(), table: name });
      const prefixed = postgresAdapter({ sql: connect(), table: name, keyPrefix: "a:" });
      const waits = await Promise.all([
        ...Array.from({ length: 4 }, () => follow(leader, { sql, table: name })),
        ...Array.from({ length: 4 }, () => follow(prefixed, { sql, table: name, keyPrefix: "a:" })),
      ]);
      assert.equal((await listeners(name)).length, 1);
      for (const { filled } of waits) assert.equal(await filled(), "filled");
      await closed(name);
      // And opens it again.
      const { filled } = await follow(leader, { sql, table: name });
      assert.equal((await listeners(name)).length, 1);
      assert.equal(await filled(), "filled");
      await closed(name);
    });

    it("listens again when the connection was cut, and closes it as well", async () => {
      const name = table();
      const sql = connect();
      const leader = postgresAdapter({ sql: connect(), table: name });
      const errors: CacheLockingError[] = [];
      const { filled } = await follow(leader, { sql, table: name }, errors);
      const missed = await follow(leader, { sql, table: name }, errors);
      const [pid] = await listeners(name);
      await admin`select pg_terminate_backend(${pid!})`;
      // What is filled while nobody listens is found once somebody does again.
      assert.equal(await missed.filled(), "filled");
      await until(async () => (await listeners(name)).some((other) => other !== pid));
      assert.equal(await filled(), "filled");
      assert.deepEqual(errors, []);
      await closed(name);
    });

    it("leaves alone what else the client listens to", async () => {
      const name = table();
      const sql = connect();
      const leader = postgresAdapter({ sql: connect(), table: name });
      const heard: string[] = [];
      const { state: { pid } } = await sql.listen(`${name} too`, (payload) => heard.push(payload));
      const { filled } = await follow(leader, { sql, table: name });
      assert.equal(await filled(), "filled");
      await sleep(1300);
      await sql.notify(`${name} too`, "heard");
      await until(() => Promise.resolve(heard.length === 1));
      const [row] = await admin`select query from pg_stat_activity where pid = ${pid}`;
      assert.match(row?.["query"], /^unlisten/);
    });

    it("uses the subscriber that it was given", async () => {
      const name = table();
      const subscriber = connect({ connection: { application_name: `${name}!` } });
      const leader = postgresAdapter({ sql: connect(), table: name });
      const { filled } = await follow(leader, { sql: connect(), subscriber, table: name });
      const [pid] = await listeners(name);
      const [row] = await admin`select application_name from pg_stat_activity where pid = ${pid!}`;
      assert.equal(row?.["application_name"], `${name}!`);
      assert.equal(await filled(), "filled");
    });

    /** A subscriber that can't listen, until it relents. */
    const refusing = () => {
      let refuse = true;
      const listen = new Proxy(connect().listen, {
        apply: (listen, _, args: Parameters<Sql["listen"]>) =>
          refuse ? Promise.reject(new Error("no LISTEN here")) : listen(...args),
      });
      const subscriber = { listen };
      return { subscriber, relent: () => void (refuse = false) };
    };

    it("needs fields of postgres.js that it documents nowhere, and names one that is missing", async () => {
      let stopped = 0;
      const result = Promise.resolve();
      const stop = () => Promise.resolve(void stopped++);
      const channel = `cache_locking "${table()}"`;
      const incomplete: [object, string | undefined][] = [
        [{}, "channels"],
        [{ channels: {}, sql: { close: stop } }, "channels"],
        [{ channels: { [channel]: {} }, sql: { close: stop } }, "channels"],
        [{ channels: { [channel]: { result } } }, "sql"],
        [{ channels: { [channel]: { result } }, sql: {} }, "sql"],
        [{ channels: { [channel]: { result } }, sql: { close: stop } }, undefined],
      ];
      for (const [fields, missing] of incomplete) {
        stopped = 0;
        const listen = () => Promise.resolve({ unlisten: stop });
        const subscriber = { listen: Object.assign(listen, fields) };
        const name = channel.split('"')[1]!;
        const store = postgresAdapter({ sql: connect(), subscriber, table: name });
        const watching = run(Effect.scoped(store.watch!("a")));
        if (missing === undefined) {
          await watching;
        } else {
          const message = new RegExp(`\`listen.${missing}\` is missing, which postgres.js 3.4 has`);
          await assert.rejects(watching, message);
          assert.equal(stopped, 1);
        }
      }
    });

    it("polls where it can't listen, says so, and listens once it can", async () => {
      const name = table();
      const { subscriber, relent } = refusing();
      const leader = postgresAdapter({ sql: connect(), table: name });
      const options = { sql: connect(), subscriber, table: name };
      const errors: CacheLockingError[] = [];
      const polling = await follow(leader, options, errors);
      await run(Fiber.interrupt(polling.fiber));
      assert.deepEqual(errors.map(({ _tag }) => _tag), ["WAIT_FAILED"]);
      assert.match(errors[0]!.message, /no LISTEN here/);
      relent();
      await sleep(1100);
      const { filled } = await follow(leader, options, errors);
      assert.equal(await filled(), "filled");
      assert.equal(errors.length, 1);
    });

    it("listens once it can though somebody waits all the time", async () => {
      const name = table();
      const { subscriber, relent } = refusing();
      const leader = postgresAdapter({ sql: connect(), table: name });
      const options = { sql: connect(), subscriber, table: name };
      const refusals: CacheLockingError[] = [];
      const polling = await follow(leader, options, refusals);
      await until(() => Promise.resolve(refusals.length === 1));
      relent();
      await sleep(1100);
      const errors: CacheLockingError[] = [];
      const { filled } = await follow(leader, options, errors);
      assert.equal(await filled(), "filled");
      assert.deepEqual(errors, []);
      await run(Fiber.interrupt(polling.fiber));
    });
  });

  describe("a client that can't be used", () => {
    const failing = { key: "a", operationTimeout: 100 } as const;

    it("fails at once when it is closed", async () => {
      const sql = connect();
      await sql.end();
      const error = await run(Effect.flip(Cache.getOrSet({
        ...failing,
        adapter: postgresAdapter({ sql }),
        fetcher: () => Effect.succeed(1),
      })));
      assert.equal(error._tag, "CACHE_GET_FAILED");
      assert.match(error.message, /CONNECTION_ENDED/);
    });

    it("fails when there is no server, and says why", async () => {
      const sql = connect({ port: 1 });
      const call = { ...failing, adapter: postgresAdapter({ sql }), operationTimeout: 5000 };
      const error = await run(
        Effect.flip(Cache.getOrSet({ ...call, fetcher: () => Effect.succeed(1) })),
      );
      assert.equal(error._tag, "CACHE_GET_FAILED");
      assert.match(error.message, /ECONNREFUSED/);
      const bypassed = await run(Cache.getOrSet({
        ...call,
        onCacheFailure: "bypass",
        fetcher: () => Effect.succeed(1),
        hooks: { onError: () => Effect.void },
      }));
      assert.equal(bypassed.meta.cache, "BYPASS");
    });

    it("fails after operationTimeout when a transaction holds its only connection", async () => {
      const sql = connect({ max: 1 });
      const adapter = postgresAdapter({ sql, table: table() });
      await sql.begin(async () => {
        const error = await run(Effect.flip(
          Cache.getOrSet({ ...failing, adapter, fetcher: () => Effect.succeed(1) }),
        ));
        assert.match(error.message, /postgres did not answer within 100 ms/);
      });
    });
  });

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
