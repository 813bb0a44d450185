import { Effect } from "effect";
import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { postgresAdapter, type PostgresLeasesOptions } from "../../../adapters/postgres.ts";
import { Cache } from "../../../mod.ts";
import { skipWithout, variable } from "../../support/address.ts";
import { hangUp, newTable, openPool, pgbouncerUrl, postgresClients } from "./clients.ts";
import { newKey, run } from "./fixture.ts";

const opened: PostgresLeasesOptions[] = [];
after(() => opened.forEach(hangUp));

describe("a leader behind a pooler of Postgres in transaction mode", {
  skip: skipWithout("PGBOUNCER_URL", "PGBOUNCER_POSTGRES_URL"),
}, () => {
  it("is silently not announced, so that its lease's time decides", async () => {
    const { connect, close } = await postgresClients(variable("PGBOUNCER_POSTGRES_URL")!);
    const admin = connect();
    const byEach: (() => Promise<PostgresLeasesOptions>)[] = [
      async () => {
        const { default: postgres } = await import("postgres");
        return { sql: postgres(pgbouncerUrl!, { max: 4, prepare: false, fetch_types: false }) };
      },
      async () => ({ pool: await openPool(pgbouncerUrl!) }),
    ];
    await Promise.all(byEach.map(async (open) => {
      const table = newTable();
      const errors: unknown[] = [];
      const [leader, follower] = await Promise.all([1, 2].map(async () => {
        const client = await open();
        opened.push(client);
        const adapter = postgresAdapter({ ...client, table });
        const hooks = { onError: (error: unknown) => Effect.sync(() => void errors.push(error)) };
        return { client, adapter, cache: Cache.make({ adapter, hooks }) };
      }));
      const key = newKey();
      let fetches = 0;
      const fetch = (millis: number) => () =>
        Effect.as(Effect.delay(Effect.sync(() => ++fetches), millis), "value");
      const leading = run(leader!.cache.getOrSet(key, fetch(2500)));
      await sleep(100);
      const following = run(follower!.cache.getOrSet(key, fetch(0)));
      await sleep(2000);
      const isAnnounced = async (key: string) => {
        const [row] = await admin`select present from ${admin(table)} where key = ${key}`;
        return row!["present"] !== null;
      };
      const hasLocks = async () =>
        (await admin`
          select from pg_locks join pg_database as here on here.oid = database
          where locktype = 'advisory' and datname = current_database()`).length > 0;
      assert.deepEqual([await isAnnounced(key), await hasLocks()], [false, false]);
      for (const { value } of await Promise.all([leading, following])) {
        assert.equal(value, "value");
      }
      assert.equal(fetches, 1);

      const lease = 3000;
      const dead = newKey();
      const began = performance.now();
      await run(leader!.adapter.acquire(dead, "me", lease));
      leader!.adapter.announce!(dead, "me");
      await sleep(700);
      assert.equal(await isAnnounced(dead), false);
      hangUp(leader!.client);
      await run(follower!.cache.getOrSet(dead, fetch(0)));
      const took = performance.now() - began;
      assert.ok(took > lease - 50, `${took} ms`);
      assert.equal(await hasLocks(), false);
      assert.deepEqual(errors, []);
      await admin`drop table ${admin(table)}`;
    }));
    await close();
  });
});
