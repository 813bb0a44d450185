import { Effect } from "effect";
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { postgresAdapter, prunePostgres } from "../../../adapters/postgres.ts";
import { Cache } from "../../../mod.ts";
import { variable } from "../../support/address.ts";
import { newTable, postgresClients, postgresUrl, statementsOn } from "./clients.ts";
import { admin, connect, rowsIn, run, skip, table } from "./fixture.ts";

/** How many keys are used in the soak; the pace of the adapter's own is a few thousand a second. */
const KEYS = Number(variable("SOAK_KEYS") ?? 5000);

describe("the table of postgres", { skip }, () => {
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
      assert.deepEqual((await run(store.get("a")))?.value, i);
      await admin`drop table ${admin(name)}`;
    }
    assert.equal(await run(store.get("a")), undefined);
  });

  it("is not made with `createTable: false`: the error holds the statements that make it", async () => {
    const name = table(' "');
    const sql = connect();
    const store = postgresAdapter({ sql, table: name, createTable: false });
    const error = await run(Effect.flip(store.get("a")));
    assert.equal(error._tag, "ADAPTER_ERROR");
    const made = error.message.split("make it with: ")[1]!;
    assert.match(made, /^create unlogged table "cache_\w+ """ \(key text/);
    await sql.unsafe(made);
    await run(store.set("a", 1));
    assert.deepEqual((await run(store.get("a")))?.value, 1);
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
      await run(stores[0]!.acquire(key, key, 60_000, { waitedFor: key }));
      assert.equal(await run(stores[0]!.fill(key, key, key, { freshFor: 60_000 })), true);
      assert.deepEqual((await run(stores[0]!.get(key)))?.value, key);
      await run(stores[0]!.set(key, key));
      await run(stores[0]!.delete(key));
    }
    for (const store of stores) assert.deepEqual((await run(store.get("bystander")))?.value, 1);
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
            ? store.fill(key, "a", "value", { freshFor: 20 })
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
    await run(store.set("long", 1, { freshFor: 60_000 }));
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
