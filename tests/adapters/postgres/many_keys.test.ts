import { Effect } from "effect";
import assert from "node:assert/strict";
import { it } from "node:test";
import { makeStore } from "../../../adapters/kit/store.ts";
import { postgresBackend } from "../../../adapters/postgres/backend.ts";
import { postgresAdapter } from "../../../adapters/postgres.ts";
import type { Sql } from "postgres";
import { type BatchContext, Cache, type Store } from "../../../mod.ts";
import { times } from "../../support/herd.ts";
import { flightsUnderWay } from "../../../src/engine/flight.ts";
import { until } from "../../support/until.ts";
import { shuffle } from "../../support/random.ts";
import { unlessLate } from "../../support/unless_late.ts";
import { admin, connect, newKey, run, skip, table } from "./fixture.ts";

it(
  "4,000 cold keys at once, over ten connections of postgres, are all stored",
  { skip },
  () =>
    unlessLate(async () => {
      const name = table();
      const sql = connect({ max: 10 });
      const cache = Cache.make({ adapter: postgresAdapter({ sql, table: name }) });
      const key = newKey();
      await run(cache.set(key, "the table is there"));
      await Promise.all(Array.from({ length: 10 }, () => sql`select pg_sleep(0.2)`));

      const calls = Array.from(
        { length: 4000 },
        (_, index) => cache.getOrSet(`${key}:${index}`, () => Effect.succeed(index)),
      );
      const results = await run(Effect.all(calls, { concurrency: "unbounded" }));
      assert.deepEqual(new Set(results.map(({ meta }) => meta.cache)), new Set(["MISS-LEADER"]));
      const [row] = await admin`select count(text)::int as stored from ${admin(name)}`;
      assert.equal(row!["stored"], 4001);
    }),
);

/** What a client was asked for. */
function counted(sql: Sql): { readonly sql: Sql; readonly statements: string[] } {
  const statements: string[] = [];
  const counting = new Proxy(sql, {
    get(target, name) {
      if (name !== "unsafe") return Reflect.get(target, name);
      return (...asked: Parameters<Sql["unsafe"]>) => {
        statements.push(asked[0]);
        return target.unsafe(...asked);
      };
    },
  });
  return { sql: counting, statements };
}

const fetcher = ({ keys }: BatchContext<string>) =>
  Effect.succeed(new Map(keys.map((key) => [key, `value of ${key}`])));

it("asks postgres for many keys in one statement", { skip }, async () => {
  const { sql, statements } = counted(connect());
  const options = { leaseTtl: 3_000, staleWhileRevalidate: 60_000 };
  const store = postgresAdapter({ sql, table: table() });
  const cache = Cache.make({ adapter: store, ...options });
  const key = newKey();
  const keys = times(20, (index) => `${key}:${index}`);
  await run(cache.set(keys[3]!, "it was there"));
  const asked = async <A, E>(asking: Effect.Effect<A, E>) => {
    statements.length = 0;
    const answer = await run(asking);
    return [answer, statements.length] as const;
  };
  const slow = ({ keys }: BatchContext<string>) => Effect.delay(fetcher({ keys } as never), 1_500);
  const [values, cold] = await asked(cache.getOrSetAll(keys, slow));
  assert.equal(values.get(keys[3]!), "it was there");
  assert.equal(values.get(keys[4]!), `value of ${keys[4]}`);
  // The first of them asks whether it hears what others send.
  assert.equal(cold, 6, "read, acquire, notify, announce, renew, fill");
  const [again, warm] = await asked(cache.getOrSetAll(keys, fetcher));
  assert.deepEqual(again, values);
  assert.equal(warm, 1);
  assert.equal((await asked(cache.getMany(keys)))[1], 1);
  const other = keys.map((key) => `${key}:other`);
  const [, failed] = await asked(cache.getOrSetMany(other, () => Effect.fail("boom")));
  assert.equal(failed, 3, "read, acquire, release");
  for (const key of keys) await run(cache.expire(key));
  statements.length = 0;
  const stale = await run(cache.getOrSetMany(keys, fetcher));
  for (const exit of stale.values()) assert.equal((await run(exit)).meta.cache, "STALE");
  await until(() => cache.stats().refreshes === 20 && flightsUnderWay(store) === 0);
  assert.equal(statements.length, 3, "read, acquire, fill");
});

it("never has two batches of postgres wait for each other", { skip }, () =>
  unlessLate(async () => {
    const name = table();
    const key = newKey();
    const stores = times(4, () => postgresAdapter({ sql: connect({ max: 4 }), table: name }));
    await run(stores[0]!.get(key));
    const deadlocks = async () => {
      const [row] = await admin`
        select deadlocks::int from pg_stat_database where datname = current_database()`;
      return row!["deadlocks"] as number;
    };
    const before = await deadlocks();
    const batch = (store: Store<unknown>, owner: string) =>
      Effect.gen(function* () {
        const keys = times(60, (index) => `${key}:${index}`);
        shuffle(keys, Math.random);
        keys.length = 40;
        const leases = keys.map((key) => [key, owner, 20] as [string, string, number]);
        yield* store.acquireMany!(leases);
        yield* store.renewMany!(leases);
        const [some, others] = [keys.slice(0, 20), keys.slice(20)];
        yield* Effect.all([
          store.fillMany!(some.map((key) => [key, owner, "value", { freshFor: 5 }])),
          store.releaseMany!(others.map((key) => [key, owner, "failed"])),
        ], { concurrency: "unbounded" });
      });
    const all = times(200, (index) => batch(stores[index % 4]!, `owner ${index}`));
    await run(Effect.all(all, { concurrency: 16 }));
    await admin`select pg_sleep(1.1)`;
    assert.equal(await deadlocks() - before, 0);
  }));

it("leases of postgres are asked for once more only while the caller waits", async () => {
  const asked: unknown[] = [];
  let answer!: (rows: []) => void;
  const backend = postgresBackend({
    name: "leases",
    channel: "leases",
    lock: () => undefined,
    ask: (_, _statement, [names]) => {
      asked.push(names);
      return new Promise((resolve) => answer = resolve);
    },
  }, () => 0);
  const store = makeStore({ name: "postgres", backend, nameOf: (key) => key });
  const taking = store.acquireMany!([["a", "me", 1000], ["b", "me", 1000, { waitedFor: "she" }]]);
  await run(Effect.timeoutOption(taking, 10));
  answer([]);
  await new Promise((resolve) => setTimeout(resolve, 1));
  assert.deepEqual(asked, [JSON.stringify(["a"])]);
});
