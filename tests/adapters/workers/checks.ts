/** What the adapters of Workers show beyond the suites, each over the bindings that it is given. */
import type { D1Database, KVNamespace, R2Bucket } from "@cloudflare/workers-types/index.ts";
import { Effect } from "effect";
import assert from "node:assert/strict";
import { cloudflareD1Adapter, cloudflareD1Leases } from "../../../adapters/cloudflare_d1.ts";
import { cloudflareKvAdapter } from "../../../adapters/cloudflare_kv.ts";

import type { CacheLockingError, Store } from "../../../mod.ts";
import { randomToken } from "../../../src/model/token.ts";
import { Cache } from "../../../adapters/workers/mod.ts";
import { r2Adapter } from "../../../adapters/workers/r2.ts";

/** What the Worker has. */
export interface Bindings {
  readonly DB: D1Database;
  readonly KV: KVNamespace;
  readonly BUCKET: R2Bucket;
}

const run = Effect.runPromise;
const newTable = () => `table ${randomToken()}`;
const fetches = (adapter: Store<unknown>, key: string, value: unknown = "value") =>
  run(Cache.make({ adapter }).getOrSet(key, () => Effect.succeed(value)));

/** The same bindings, and what they are asked for. */
function counted({ DB, KV, BUCKET }: Bindings) {
  const asked: string[] = [];
  const recorded = <Binding extends object>(name: string, binding: Binding): Binding =>
    new Proxy(binding, {
      get(target, property) {
        const value = target[property as keyof Binding];
        if (typeof value !== "function") return value;
        return (...args: unknown[]) => {
          if (property !== "prepare") asked.push(`${name}.${String(property)}`);
          return value.apply(target, args);
        };
      },
    });
  return {
    DB: recorded("DB", DB),
    KV: recorded("KV", KV),
    BUCKET: recorded("BUCKET", BUCKET),
    take: () => asked.splice(0),
  };
}

/** A namespace that first does something else at each write. */
function writingAfter(kv: KVNamespace, before: () => Promise<unknown>) {
  return {
    getWithMetadata: (name: string) => kv.getWithMetadata(name, "arrayBuffer"),
    delete: (name: string) => kv.delete(name),
    put: async (name: string, value: string | Uint8Array, options: object) => {
      await before();
      await kv.put(name, value as string, options);
    },
  };
}

/** The checks by what they show. */
export const checks: Readonly<Record<string, (bindings: Bindings) => Promise<unknown>>> = {
  "D1 is asked once for a hit and three times for a miss": async (bindings) => {
    const { DB, take } = counted(bindings);
    const adapter = cloudflareD1Adapter({ db: DB });
    await fetches(adapter, "warm");
    take();
    const key = randomToken();
    await fetches(adapter, key);
    assert.deepEqual(take(), ["DB.batch", "DB.batch", "DB.batch"]);
    await fetches(adapter, key);
    assert.deepEqual(take(), ["DB.batch"]);
  },

  "KV is asked once for a hit, and twice for a miss, beside D1": async (bindings) => {
    const { DB, KV, take } = counted(bindings);
    const adapter = cloudflareKvAdapter({ kv: KV, leasesDb: DB });
    await fetches(adapter, "warm");
    take();
    const key = randomToken();
    await fetches(adapter, key);
    const miss = ["KV.getWithMetadata", "DB.batch", "DB.batch", "KV.put", "DB.batch"];
    assert.deepEqual(take(), miss);
    await fetches(adapter, key);
    assert.deepEqual(take(), ["KV.getWithMetadata"]);
  },

  "R2 is asked once for a hit and four times for a miss": async (bindings) => {
    const { BUCKET: bucket, take } = counted(bindings);
    const adapter = r2Adapter({ bucket });
    const key = randomToken();
    await fetches(adapter, key);
    assert.deepEqual(take(), ["BUCKET.get", "BUCKET.get", "BUCKET.put", "BUCKET.put"]);
    await fetches(adapter, key);
    assert.deepEqual(take(), ["BUCKET.get"]);
  },

  "A table may have any name, and keys and prefixes are never read as SQL": async ({ DB: db }) => {
    const victim = newTable();
    const own = cloudflareD1Adapter({ db, table: victim });
    await fetches(own, "key", "kept");
    const hostile = `x"; DROP TABLE "${victim}"; --`;
    for (const table of [hostile, `${hostile}'`, "select", "tä ble"]) {
      const adapter = cloudflareD1Adapter({ db, table, keyPrefix: `'; DROP TABLE "${victim}` });
      const key = `' OR 1=1 --${randomToken()}`;
      assert.equal((await fetches(adapter, key)).value, "value");
      assert.equal((await fetches(adapter, key)).meta.cache, "HIT");
      assert.equal((await fetches(adapter, `${key}2`, "other")).value, "other");
    }
    assert.equal((await fetches(own, "key")).value, "kept");
  },

  "A missing table is a typed error that holds the statements that make it": async (bindings) => {
    const { DB: db, KV: kv } = bindings;
    const [own, leases] = [newTable(), { table: newTable(), createTable: false }];
    for (
      const [table, adapter] of [
        [own, cloudflareD1Adapter({ db, table: own, createTable: false })],
        [leases.table, cloudflareKvAdapter({ kv, leasesDb: db, leases })],
      ] as const
    ) {
      const error = await run(Effect.flip(adapter.acquire("key", "owner", 1000)));
      const [, statements] = /create it with: (.*)$/s.exec(error.message) ?? assert.fail();
      assert.ok(statements!.includes(table));
      for (const statement of statements!.split("; ")) await db.prepare(statement).run();
      assert.equal((await fetches(adapter, randomToken())).value, "value");
    }
  },

  "A hundred first calls at once find the table made, once, and none fails": async ({ DB: db }) => {
    const adapter = cloudflareD1Adapter({ db, table: newTable() });
    let fetched = 0;
    const client = Cache.make({ adapter, coalesce: false });
    const call = client.getOrSet("key", () => Effect.as(Effect.sleep(200), ++fetched));
    const results = await run(
      Effect.all(Array.from({ length: 100 }, () => call), { concurrency: "unbounded" }),
    );
    assert.equal(fetched, 1);
    assert.ok(results.every(({ value }) => value === 1));
  },

  "A value that is too large reaches its caller, is reported, and leaves no lease": async (all) => {
    const { DB: db, KV: kv } = all;
    const large = "x".repeat(3_000_000);
    const adapters = [cloudflareD1Adapter({ db }), cloudflareKvAdapter({ kv, leasesDb: db })];
    for (const adapter of adapters) {
      const errors: CacheLockingError[] = [];
      const key = randomToken();
      const { value, meta } = await run(Cache.getOrSet({
        adapter,
        key,
        fetcher: () => Effect.succeed(large),
        hooks: { onError: (error) => Effect.sync(() => void errors.push(error)) },
      }));
      assert.ok(value === large);
      assert.equal(meta.cache, "MISS-LEADER-NOCACHE");
      assert.equal(errors[0]?._tag, "CACHE_SET_FAILED");
      assert.match(errors[0].message, /2 MB/);
      await run(Effect.sleep(100));
      assert.equal((await run(adapter.acquire(key, "next", 1000)))._tag, "Leader");
    }
  },

  "KV takes keys of any length and form, and no two become one": async (bindings) => {
    const { KV: kv, DB: leasesDb } = bindings;
    const adapter = cloudflareKvAdapter({ kv, leasesDb });
    const long = randomToken().repeat(40);
    await fetches(adapter, long, "long");
    const { keys } = await kv.list({ prefix: long.slice(0, 40) });
    const hashed = keys.map((key: { readonly name: string }) => key.name).find((name: string) =>
      name.includes("~")
    )!;
    for (const key of [".", "..", `${long}2`, hashed, "~."]) {
      assert.equal((await fetches(adapter, key, key)).value, key);
    }
    assert.equal((await fetches(adapter, long)).value, "long");
    assert.equal((await fetches(adapter, ".")).meta.cache, "HIT");
  },

  "KV ends an entry after less than its own minute": async ({ KV: kv, DB: leasesDb }) => {
    const adapter = cloudflareKvAdapter({ kv, leasesDb });
    const key = randomToken();
    await run(adapter.set(key, "short", { freshFor: 300 }));
    assert.deepEqual((await run(adapter.get(key)))?.value, "short");
    await run(Effect.sleep(350));
    assert.equal(await run(adapter.get(key)), undefined);
    assert.equal((await run(adapter.acquire(key, "owner", 1000)))._tag, "Leader");
  },

  "A delete between the two writes of a fill leaves nothing in KV": async (bindings) => {
    const { KV, DB: leasesDb } = bindings;
    const other = cloudflareKvAdapter({ kv: KV, leasesDb });
    const key = randomToken();
    const kv = writingAfter(KV, () => run(other.delete(key)));
    const { value } = await fetches(cloudflareKvAdapter({ kv, leasesDb }), key, "old");
    assert.equal(value, "old");
    assert.equal(await run(other.get(key)), undefined);
  },

  "An expire where KV still tells an older value doesn't bring that back": async (bindings) => {
    const { KV, DB: leasesDb } = bindings;
    const other = cloudflareKvAdapter({ kv: KV, leasesDb });
    const key = randomToken();
    const lifetime = { freshFor: 60_000, staleFor: 60_000, took: 5 };
    await run(other.set(key, "old", lifetime));
    const old = await KV.getWithMetadata(key, "arrayBuffer");
    const kv = {
      ...writingAfter(KV, () => Promise.resolve()),
      getWithMetadata: () => Promise.resolve(old),
    };
    await run(other.set(key, "new", lifetime));
    await run(cloudflareKvAdapter({ kv, leasesDb }).expire(key));
    const entry = await run(other.get(key));
    assert.deepEqual([entry?.value, entry?.took], ["new", 5]);
    assert.ok(entry!.freshFor! <= 0, `fresh for ${entry?.freshFor}`);
  },

  "A delete before a slow write to KV, for which nobody waited, leaves nothing there": async (
    bindings,
  ) => {
    const { KV, DB: leasesDb } = bindings;
    const other = cloudflareKvAdapter({ kv: KV, leasesDb });
    const key = randomToken();
    const kv = writingAfter(KV, () => run(Effect.sleep(400)));
    const { meta } = await run(Cache.getOrSet({
      adapter: cloudflareKvAdapter({ kv, leasesDb }),
      key,
      operationTimeout: 200,
      fetcher: () => Effect.succeed("old"),
      hooks: { onError: () => Effect.void },
    }));
    assert.equal(meta.cache, "MISS-LEADER-NOCACHE");
    await run(other.delete(key));
    await run(Effect.sleep(500));
    assert.equal(await run(other.get(key)), undefined);
  },

  "An acquire of D1 that comes after it was given up leaves no lease": async ({ DB }) => {
    const own = cloudflareD1Adapter({ db: DB });
    await run(own.get("warm"));
    let late = 0;
    const db = {
      prepare: (sql: string) => DB.prepare(sql),
      batch: async (statements: never) => {
        await run(Effect.sleep(late));
        late = 0;
        return await DB.batch(statements);
      },
    };
    const adapter = cloudflareD1Adapter({ db });
    const key = randomToken();
    const slow: Store<unknown> = {
      ...adapter,
      acquire: (...asked) => Effect.suspend(() => (late = 400, adapter.acquire(...asked))),
    };
    const call = Cache.getOrSet({
      adapter: slow,
      key,
      operationTimeout: 200,
      fetcher: () => Effect.succeed("value"),
    });
    assert.equal((await run(Effect.flip(call)))._tag, "LEASE_ACQUIRE_FAILED");
    await run(Effect.sleep(500));
    assert.equal((await run(own.acquire(key, "next", 1000)))._tag, "Leader");
  },

  "Fills remove dead rows of other keys": async ({ DB: db }) => {
    const table = newTable();
    const adapter = cloudflareD1Adapter({ db, table });
    for (let i = 0; i < 30; i++) await run(adapter.set(`dead ${i}`, i, { freshFor: 1 }));
    for (let i = 0; i < 4; i++) await fetches(adapter, `live ${i}`);
    const rows = await db.prepare(`SELECT count(*) AS rows FROM "${table}"`).first<number>("rows");
    assert.equal(rows, 4);
  },

  "Releases remove dead rows of other keys, in D1 and of KV's leases": async ({ DB, KV }) => {
    const table = newTable();
    const leases = { table, createTable: true };
    const adapters = [
      cloudflareD1Adapter({ db: DB, table }),
      cloudflareKvAdapter({ kv: KV, leasesDb: DB, leases }),
    ];
    for (const adapter of adapters) {
      const fails = (key: string) =>
        Cache.make({ adapter, leaseTtl: 5 }).getOrSet(key, () => Effect.fail("down" as const));
      for (let i = 0; i < 30; i++) await run(Effect.flip(fails(`dead ${i}`)));
      await run(Effect.sleep(20));
      for (let i = 0; i < 4; i++) await run(Effect.flip(fails(`last ${i}`)));
      const rows = await DB.prepare(`SELECT count(*) AS rows FROM "${table}"`).first<number>(
        "rows",
      );
      assert.ok(rows! <= 8, `${rows} rows are left`);
    }
  },

  "D1 keeps leases alone": async ({ DB: db }) => {
    const leases = cloudflareD1Leases({ db });
    const key = randomToken();
    assert.equal((await run(leases.acquire(key, "a", 1000))).role, "leader");
    assert.equal((await run(leases.acquire(key, "b", 1000))).role, "follower");
    await run(leases.release(key, "a"));
    assert.equal((await run(leases.acquire(key, "b", 1000))).role, "leader");
  },

  "Options that can't be used are typed errors that name them": async ({ DB: db, KV: kv }) => {
    const configs = [
      [{ type: "cloudflare-d1", options: {} }, "`db` must be given"],
      [{ type: "cloudflare-kv", options: { leasesDb: db } }, "`kv` must be given"],
    ];
    for (const [adapter, message] of configs) {
      const call = Cache.getOrSet({ adapter, key: "key", fetcher: () => Effect.void } as never);
      const error = await run(Effect.flip(call)) as CacheLockingError;
      assert.equal(error._tag, "VALIDATION_ERROR");
      assert.ok(error.message.includes(message as string), error.message);
    }
    const bad = (make: () => unknown, message: RegExp) => assert.throws(make, message);
    bad(() => cloudflareD1Adapter({ db: {} as never }), /`db` must be a D1 binding/);
    bad(() => cloudflareD1Adapter({ db, table: "" }), /`table` must be a string/);
    bad(() => cloudflareD1Adapter({ db, table: 1 as never }), /`table` must be a string/);
    bad(() => cloudflareD1Adapter({ db, keyPrefix: "\0" }), /`keyPrefix` must be a string/);
    bad(
      () => cloudflareKvAdapter({ kv, leasesDb: {} as never }),
      /`leasesDb` must be a D1 binding/,
    );
    bad(() => r2Adapter({ bucket: {} as never }), /`bucket` must be a binding/);
    bad(() => cloudflareKvAdapter({ kv: {} as never, leasesDb: db }), /`kv` must be a KV binding/);
  },
};
