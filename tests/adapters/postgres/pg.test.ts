import { Effect, Fiber } from "effect";
import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { Pool, PoolConfig } from "pg-types";
import {
  type PgOptions,
  type PgPool,
  postgresAdapter,
  postgresLeases,
} from "../../../adapters/postgres.ts";
import { Cache, type CacheLockingError, type Codec } from "../../../mod.ts";
import { withoutServer } from "../../support/address.ts";
import {
  assertLeaseAlone,
  assertMeet,
  assertRefused,
  assertUnusable,
  writesOf,
} from "../../support/adapter_cases.ts";
import { assertTellsNothing, SECRETS } from "../../conformance/told.ts";
import { follow } from "../../support/follow.ts";
import { reversed } from "../../support/reversed.ts";
import { until } from "../../support/until.ts";
import { newTable, openPool, pgbouncerUrl, postgresUrl } from "./clients.ts";
import { admin, newKey, run, skip, table } from "./fixture.ts";
import { suite } from "./suite.ts";

const skipPooler = pgbouncerUrl === undefined ? withoutServer("PGBOUNCER_URL") : skip;

const pools: Pool[] = [];
after(() => Promise.all(pools.map((pool) => pool.ended ? undefined : pool.end())));

/** Opens a pool that is closed in the end. */
async function open(options: PoolConfig = {}, url = postgresUrl!): Promise<Pool> {
  const pool = await openPool(url, options);
  pools.push(pool);
  return pool;
}

for (
  const [name, config, options] of [
    ["default options", {}, {}],
    ["every option", {}, { keyPrefix: "app:", codec: reversed }],
    ["one connection", { max: 1 }, {}],
  ] as const
) {
  suite(`postgres by pg: the suite, ${name}`, {
    skip,
    options: { table: newTable(), ...options },
    open: () =>
      Promise.resolve({
        admin,
        connect: async () => ({ pool: await open(config) }),
        close: () => Promise.resolve(),
      }),
  });
}

describe("postgres by pg", { skip }, () => {
  it("has pools fit its types", () => {
    const fits = (pool: Pool): PgPool => pool;
    assert.equal(typeof fits, "function");
  });

  it("refuses options that it can't use, with their names", async () => {
    const pool = await open();
    const client = await pool.connect();
    const bad: [unknown, RegExp][] = [
      [{ pool: {} }, /`pool` must be a `Pool` of pg, and is an object/],
      [{ pool: client }, /`pool` must be a `Pool` of pg/],
      [{ pool, subscriber: {} }, /`subscriber` must be a `Pool` of pg or false/],
      [{ pool, sql: {} }, /`sql` must not be given beside `pool`/],
    ];
    client.release();
    await assertRefused("postgres", [postgresAdapter], bad);
  });

  it("reads what the server wrote, whatever parsers the program has set", async () => {
    const types = { getTypeParser: () => () => "parsed" };
    const name = table();
    const odd = postgresAdapter({ pool: await open({ types }), table: name });
    const store = postgresAdapter({ pool: await open(), table: name });
    await run(odd.set("a", "ä"));
    assert.deepEqual(await run(odd.get("a")), { value: "ä" });
    assert.deepEqual(await run(store.get("a")), { value: "ä" });
  });

  it("keeps bytes as bytes, shares them with postgres.js, and makes its table", async () => {
    const name = table();
    const codec: Codec = { encode: (value) => value as Uint8Array, decode: (bytes) => [...bytes] };
    const all = Uint8Array.from({ length: 256 }, (_, i) => i);
    const store = postgresAdapter({ pool: await open(), table: name, codec });
    const other = postgresAdapter({ sql: admin, table: name, codec });
    // A part of a larger buffer.
    await run(store.set("a", all.subarray(10, 250)));
    assert.deepEqual(await run(other.get("a")), { value: [...all.subarray(10, 250)] });
    await run(other.set("a", all));
    assert.deepEqual(await run(store.get("a")), { value: [...all] });
  });

  it("has the callers of configs that are written out in each call meet", async () => {
    const pool = await open();
    const name = table();
    await assertMeet(() => ({ type: "postgres", options: { pool, table: name } }), newKey());
  });

  it("keeps leases alone", async () => {
    const name = table();
    const leases = [await open(), await open()].map((pool) =>
      postgresLeases({ pool, table: name })
    );
    await assertLeaseAlone(leases, newKey());
  });

  it("sends a statement again if its connection was just ended", async () => {
    const pool = await open({ max: 1 });
    const name = table();
    const store = postgresAdapter({ pool, table: name });
    await run(store.set("a", 1));
    const { rows } = await pool.query("select pg_backend_pid() as pid");
    const sleeping = pool.query("select pg_sleep(10)").catch((error: Error) => error);
    const setting = run(store.set("a", 2));
    await admin`select pg_terminate_backend(${rows[0].pid})`;
    await sleeping;
    await setting;
    assert.deepEqual(await run(store.get("a")), { value: 2 });
  });

  it("fails at once when the pool is closed, and when there is no server", async () => {
    const closed = await open();
    await closed.end();
    await assertUnusable(postgresAdapter({ pool: closed }), /after calling end on the pool/);
    const nowhere = await open({}, "postgres://postgres@127.0.0.1:1/postgres");
    await assertUnusable(postgresAdapter({ pool: nowhere }), /ECONNREFUSED/, 5000);
  });

  for (const [name, write] of Object.entries(writesOf(SECRETS[0]))) {
    it(`tells nothing of the value of a refused ${name}`, async () => {
      const named = table();
      const store = postgresAdapter({ pool: await open(), table: named });
      await run(store.get("a"));
      await admin`alter table ${admin(named)} add constraint short check (length(text) < 3)`;
      const error = await run(Effect.flip(write(store, "a")));
      assert.match(error.message, /violates check constraint "short"/);
      assertTellsNothing(error);
    });
  }
});

describe("push of postgres by pg", { skip }, () => {
  const listeners = async (name: string) =>
    (await admin`
      select pid from pg_stat_activity where query = ${`listen "cache_locking ""${name}"""`}`)
      .map(({ pid }) => pid as number);
  const followIn = async (options: PgOptions, errors: CacheLockingError[] = []) => {
    const leader = postgresAdapter({ sql: admin, table: options.table });
    const following = await follow(newKey(), leader, postgresAdapter(options), { errors });
    await until(async () => (await listeners(options.table!)).length > 0);
    return following;
  };

  it("opens one connection for all keys, and closes it when none is waited for", async () => {
    const name = table();
    const pool = await open();
    const waits = [];
    for (let i = 0; i < 4; i++) waits.push(await followIn({ pool, table: name }));
    assert.equal((await listeners(name)).length, 1);
    // None of the pool's, whose `end` would wait for it.
    await until(() => pool.totalCount === pool.idleCount);
    for (const { fill } of waits) await fill();
    await until(async () => (await listeners(name)).length === 0);
    // And opens it again.
    const { fill } = await followIn({ pool, table: name });
    await fill();
  });

  it("tells of a connection that ends, and listens again for who comes then", async () => {
    const name = table();
    const pool = await open();
    const errors: CacheLockingError[] = [];
    const { fiber } = await followIn({ pool, table: name }, errors);
    const [pid] = await listeners(name);
    await admin`select pg_terminate_backend(${pid!})`;
    await until(() => errors.length === 1);
    assert.equal(errors[0]!._tag, "WAIT_FAILED");
    const { fill } = await followIn({ pool, table: name }, errors);
    await fill();
    assert.equal(errors.length, 1);
    await run(Fiber.interrupt(fiber));
  });

  it("closes its connection when the pool is closed", async () => {
    const name = table();
    const pool = await open();
    const { fiber } = await followIn({ pool, table: name });
    await pool.end();
    await until(async () => (await listeners(name)).length === 0);
    await run(Fiber.interrupt(fiber));
  });

  it("closes its connection when the pool is closed while it waits for one of the pool's", async () => {
    const name = table();
    const [pool, subscriber] = [await open(), await open({ max: 1 })];
    const taken = await subscriber.connect();
    const { fiber } = await followIn({ pool, subscriber, table: name });
    await until(() => subscriber.waitingCount === 1);
    const ended = subscriber.end();
    await until(async () => (await listeners(name)).length === 0);
    taken.release();
    await ended;
    await run(Fiber.interrupt(fiber));
  });

  it("uses the subscriber that it was given, or none", async () => {
    const name = table();
    const [pool, subscriber] = [await open(), await open({ application_name: `${name}!` })];
    const { fill } = await followIn({ pool, subscriber, table: name });
    const [pid] = await listeners(name);
    const [row] = await admin`select application_name from pg_stat_activity where pid = ${pid!}`;
    assert.equal(row?.["application_name"], `${name}!`);
    await fill();
    assert.equal(postgresAdapter({ pool, subscriber: false, table: name }).watch, undefined);
  });
});

describe("postgres by pg behind a pooler", { skip: skipPooler }, () => {
  it("has one fetch, and knows that it hears nothing", async () => {
    const name = newTable();
    const errors: CacheLockingError[] = [];
    const stores = await Promise.all(
      [1, 2, 3, 4].map(async () =>
        postgresAdapter({ pool: await open({}, pgbouncerUrl), table: name })
      ),
    );
    for (const store of stores) {
      assert.equal(await run(Effect.scoped(store.watch!(newKey()))), undefined);
    }
    for (let round = 0; round < 5; round++) {
      let fetches = 0;
      const results = await run(Effect.all(
        stores.flatMap((adapter) =>
          Array.from({ length: 50 }, () =>
            Cache.getOrSet({
              adapter,
              key: `round ${round}`,
              hooks: { onError: (error) => Effect.sync(() => void errors.push(error)) },
              fetcher: () => Effect.as(Effect.sleep(100), ++fetches),
            }))
        ),
        { concurrency: "unbounded" },
      ));
      assert.deepEqual(new Set(results.map(({ value }) => value)), new Set([1]));
      assert.equal(fetches, 1);
    }
    assert.deepEqual(errors, []);
    await (await open({}, pgbouncerUrl)).query(`drop table "${name}"`);
    await sleep(0);
  });
});
