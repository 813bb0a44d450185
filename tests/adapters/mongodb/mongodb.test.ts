import { Deferred, Effect } from "effect";
import type { Collection, MongoClient } from "mongodb";
import type { Collection as Collection6 } from "mongodb6";
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import {
  mongodbAdapter,
  type MongodbAdapterOptions,
  type MongodbCollection,
  mongodbLeases,
} from "../../../adapters/mongodb.ts";
import { Cache, type CacheClient, type Codec } from "../../../mod.ts";
import { conformance } from "../../conformance/mod.ts";
import { assertTellsNothing, SECRETS } from "../../conformance/told.ts";
import {
  assertLeaseAlone,
  assertMeet,
  assertRefused,
  assertUnusable,
  writesOf,
} from "../../support/adapter_cases.ts";
import { variable } from "../../support/address.ts";
import { until } from "../../support/until.ts";
import { deployments, newestDriver, oldestDriver, openMongodb } from "./clients.ts";
import { damageOf } from "./damage.ts";
import { sideBySide } from "../../support/side_by_side.ts";
import { damageFor, reversed } from "../../support/reversed.ts";
import {
  instead,
  newDatabase,
  newKey,
  openIn,
  optionsOf,
  run,
  skipOf,
  type Stored,
} from "./fixture.ts";

/** How many keys are used in the soak. */
const KEYS = Number(variable("SOAK_KEYS") ?? 2000);
const FOREVER = new Date(8.64e15);

for (const deployment of deployments) {
  const { name, url, pushless } = deployment;
  const skip = skipOf(deployment);
  // Each deployment has one of the drivers; what differs between these is tested below.
  const { title, open, client, adapter } = pushless === undefined
    ? { title: "the newest driver", open: newestDriver, client: {}, adapter: {} }
    : {
      title: "the oldest driver, every option",
      open: oldestDriver,
      client: { promoteValues: false, promoteBuffers: false },
      adapter: { createIndex: false, keyPrefix: "app$.:", codec: reversed },
    };
  const { keyPrefix = "", codec }: Omit<MongodbAdapterOptions, "collection"> = adapter;

  describe(`${name}: the suite, ${title}`, () => {
    let clients: MongoClient;
    let collection: () => Collection<{ _id: string }>;
    before(async () => {
      if (skip) return;
      clients = await openMongodb(await open(), url!, client);
      const database = newDatabase();
      collection = () => clients.db(database).collection("cache");
    });
    after(async () => {
      if (skip) return;
      await collection().drop();
      await clients.close();
    });

    const cases = conformance({
      // Each collection object is a store of its own.
      open: Effect.sync(() => mongodbAdapter({ collection: collection(), ...adapter })),
      // Every write waits for the disk, and a slow one keeps a lease from being renewed in time.
      pace: 600,
      gaps: pushless === undefined ? {} : { push: pushless },
      damage: damageFor(
        adapter.codec,
        damageOf(() => collection(), open, (key) => keyPrefix + key),
      ),
      // What is over lies there until the server looks for it, once a minute.
      leftovers: (key) =>
        Effect.promise(() => {
          const isOver = { $lte: [{ $ifNull: ["$expires", FOREVER] }, "$$NOW"] };
          return collection().find({ _id: keyPrefix + key, $expr: { $not: [isOver] } }).toArray();
        }),
      values: codec ? [[null, "é"]] : [],
    });
    sideBySide(cases, { skip, atOnce: 6 });
  });
}

describe("mongodb", () => {
  it("has collections of drivers 6 and 7, of any schema, fit its types", () => {
    interface Typed {
      readonly _id: string;
      readonly value?: Uint8Array;
    }
    const fits = (collection: MongodbCollection) => collection;
    const all: ((collection: never) => unknown)[] = [
      (collection: Collection) => fits(collection),
      (collection: Collection<Typed>) => fits(collection),
      (collection: Collection6) => fits(collection),
      (collection: Collection6<Typed>) => fits(collection),
    ];
    assert.equal(all.length, 4);
  });

  it("refuses options that it can't use, with their names", async () => {
    const collection = { findOne() {}, findOneAndUpdate() {}, updateOne() {}, deleteOne() {} };
    const bad: [unknown, RegExp][] = [
      [{}, /`collection` must be a collection of the MongoDB driver, and is undefined/],
      [{ collection: {} }, /`collection` must be a collection of the MongoDB driver/],
      [{ collection: { ...collection, writeConcern: { w: 0 } } }, /`collection` must have a write/],
      [{ collection, keyPrefix: 1 }, /`keyPrefix` must be a string, and is 1/],
      [{ collection, keyPrefix: "\ud800" }, /`keyPrefix` must be a string/],
      [{ collection, createIndex: "no" }, /`createIndex` must be true or false, and is "no"/],
    ];
    await assertRefused("mongodb", [mongodbAdapter], bad);
  });
});

/** Leads by one client, and follows by the other; the value is there once it follows. */
async function meet(
  [leader, follower]: [CacheClient, CacheClient],
  key: string,
  follows: () => Promise<void>,
) {
  const done = await run(Deferred.make<string>());
  let leads = false;
  const leading = run(leader.getOrSet(key, () => {
    leads = true;
    return Deferred.await(done);
  }));
  await until(() => leads);
  const following = run(follower.getOrSet(key, () => Effect.succeed("other")));
  await follows();
  await run(Deferred.succeed(done, "value"));
  return [await leading, await following] as const;
}

for (const deployment of deployments) {
  const { name, url, pushless } = deployment;
  const skip = skipOf(deployment);

  describe(`commands of ${name}`, { skip }, () => {
    const open = openIn(url);

    it("needs one command for a hit, three for a miss, and four to follow", async () => {
      const [one, two] = [await open(), await open()];
      const clientOf = ({ collection }: typeof one) =>
        Cache.make({
          adapter: mongodbAdapter({ collection }),
          // Who polls looks once, when the value is there.
          waitStrategy: () => 1500,
        });
      // The index is seen to.
      for (const each of [one, two]) {
        await run(clientOf(each).getOrSet(newKey(), () => Effect.succeed(1)));
        assert.deepEqual(each.take(), ["find", "createIndexes", "findAndModify", "update"]);
      }
      const key = newKey();
      await run(clientOf(one).getOrSet(key, () => Effect.succeed("value")));
      assert.deepEqual(one.take(), ["find", "findAndModify", "update"]);
      await run(clientOf(two).getOrSet(key, () => Effect.succeed("other")));
      assert.deepEqual(two.take(), ["find"]);

      for (const stream of ["aggregate", pushless === undefined ? "aggregate" : undefined]) {
        const key = newKey();
        const [led, followed] = await meet([clientOf(one), clientOf(two)], key, async () => {
          await until(() => two.commands.length >= (stream ? 3 : 2));
          await sleep(100);
        });
        assert.deepEqual([led.value, followed.value], ["value", "value"]);
        assert.deepEqual(one.take(), ["find", "findAndModify", "update"]);
        const looks = pushless === undefined ? ["findAndModify"] : [];
        const opened = stream ? [stream] : [];
        assert.deepEqual(
          two.take(),
          ["find", "findAndModify", ...opened, ...looks, "findAndModify"],
        );
        await sleep(1300);
      }
    });

    it("has every command find its document by its `_id`", async () => {
      const { collection, client } = await open("indexed");
      const store = mongodbAdapter({ collection });
      const key = newKey();
      await run(store.set("other", 1));
      const db = client.db(collection.dbName);
      await db.command({ profile: 2 });
      await run(Effect.gen(function* () {
        yield* store.get(key);
        yield* store.acquire(key, "a", 1000);
        yield* store.acquire(key, "b", 1000);
        yield* store.renew(key, "a", 1000);
        yield* store.fill(key, "a", 1, { freshFor: 1000 });
        yield* store.get(key);
        yield* store.set(key, 1);
        yield* store.release(key, "a", "failed");
        yield* store.delete(key);
      }));
      await db.command({ profile: 0 });
      const seen = await db.collection("system.profile").find({ ns: collection.namespace })
        .toArray();
      assert.ok(seen.length >= 9, `${seen.length} commands`);
      for (const { op, planSummary, docsExamined = 0 } of seen) {
        assert.match(planSummary, /^(IDHACK|IXSCAN { _id: 1 })$/, op);
        assert.ok(docsExamined <= 1, `${op}: ${docsExamined} documents`);
      }
    });

    it("has 200 first calls meet in an empty database, with one TTL index", async () => {
      const collections = await Promise.all(Array.from({ length: 20 }, () => open("first")));
      let fetches = 0;
      const results = await Promise.all(
        collections.flatMap(({ collection }) =>
          Array.from({ length: 10 }, (_, index) => {
            const adapter = mongodbAdapter({ collection });
            // A busy server may take seconds to make a collection and its index.
            const options = {
              operationTimeout: "30 seconds",
              waitMax: "1 minute",
              leaseTtl: "1 minute",
            } as const;
            return run(Cache.getOrSet({
              adapter,
              key: `key ${index}`,
              fetcher: () => Effect.sync(() => ++fetches),
              ...options,
            }));
          })
        ),
      );
      assert.equal(results.length, 200);
      assert.equal(fetches, 10);
      const indexes = await collections[0]!.collection.indexes();
      assert.deepEqual(
        indexes.map(({ key, expireAfterSeconds }) => [key, expireAfterSeconds]),
        [[{ _id: 1 }, undefined], [{ expires: 1 }, 0]],
      );
    });

    it("creates no index where it is told so", async () => {
      const { collection, take } = await open("unindexed");
      const store = mongodbAdapter({ collection, createIndex: false });
      await run(store.set("key", 1));
      await run(store.acquire("other", "a", 1000));
      assert.deepEqual(take(), ["update", "findAndModify"]);
      assert.equal((await collection.indexes()).length, 1);
    });

    it("says how to create the index where it can't, and tries again", async () => {
      const { collection } = await open("taken");
      await collection.createIndex({ expires: 1 }, { expireAfterSeconds: 60 });
      const store = mongodbAdapter({ collection });
      for (const failing of [store.set("key", 1), store.acquire("key", "a", 1000)]) {
        const { message, cause } = await run(Effect.flip(failing));
        assert.match(message, /: the TTL index can't be created: .*expire/);
        assert.match(message, /createIndex\({ expires: 1 }, { expireAfterSeconds: 0 }\)/);
        assert.match(message, /`createIndex: false`/);
        assert.equal(typeof (cause as { readonly code?: unknown }).code, "number");
      }
      await run(store.get("key"));
      await run(store.delete("key"));
      await collection.dropIndexes();
      await run(store.set("key", 1));
    });
  });

  describe(`values of ${name}`, { skip }, () => {
    const open = openIn(url);

    it("takes text for text, whatever it means to the server", async () => {
      const verbatim: Codec = {
        encode: String,
        decode: (bytes) => new TextDecoder().decode(bytes),
      };
      for (
        const hostile of ["$$ROOT", "$value", "$where", "{ $ne: 1 }", "'; drop", "a.b", "$$NOW"]
      ) {
        const { collection } = await open(`cache of "${hostile.replaceAll("$", "")}"`);
        const store = mongodbAdapter({ collection, keyPrefix: hostile, codec: verbatim });
        await run(store.set(hostile, hostile));
        assert.deepEqual((await run(store.get(hostile)))?.value, hostile);
        await run(store.delete(hostile));
        assert.equal((await run(store.acquire(hostile, hostile, 60_000)))._tag, "Leader");
        const follower = await run(store.acquire(hostile, "b", 60_000, { waitedFor: hostile }));
        assert.ok(follower._tag === "Follower" && follower.lease === hostile);
        await run(store.release(hostile, hostile, "uncached"));
        assert.equal(
          (await run(store.acquire(hostile, "b", 60_000, { waitedFor: hostile })))._tag,
          "Ended",
        );
        assert.equal((await run(store.acquire(hostile, "b", 60_000)))._tag, "Leader");
        assert.equal(await run(store.fill(hostile, "b", hostile)), true);
        assert.deepEqual(await collection.find().toArray(), [
          { _id: hostile + hostile, value: hostile },
        ] as never);
      }
    });

    it("keeps values as large as a document, and refuses larger ones", async () => {
      const { collection } = await open("large");
      const texts: Codec = {
        encode: String,
        decode: (bytes) => new TextDecoder().decode(bytes),
      };
      const bytes: Codec = {
        encode: (value) => value as Uint8Array,
        decode: (bytes) => new Uint8Array(bytes),
      };
      const room = 16 * 1024 * 1024 - "é".length - 1 - 58;
      for (
        const [codec, make] of [
          [texts, (length: number) => "x".repeat(length % 2) + "é".repeat(length / 2)],
          [bytes, (length: number) => new Uint8Array(length).fill(7)],
        ] as const
      ) {
        const store = mongodbAdapter({ collection, codec });
        const largest = make(room);
        await run(store.set("é", largest, { freshFor: 60_000 }));
        assert.ok((await run(store.get("é")))?.value !== undefined);
        await run(store.delete("é"));
        await run(store.acquire("é", "a", 60_000));
        assert.equal(await run(store.fill("é", "a", largest, { freshFor: 60_000 })), true);
        assert.deepEqual((await run(store.get("é")))?.value, largest);
        await run(store.delete("é"));

        await run(store.acquire("é", "a", 60_000));
        for (const more of [1, room, 3 * room]) {
          for (
            const failing of [
              store.set("é", make(room + more), { freshFor: 60_000 }),
              store.fill("é", "a", make(room + more), { freshFor: 60_000 }),
            ]
          ) {
            assert.equal(
              (await run(Effect.flip(failing as Effect.Effect<unknown, Error>))).message,
              `Cannot store the value of "é": a document holds 16777216 bytes, and this one would have ${
                16_777_216 + more
              }`,
            );
          }
        }
        assert.equal(await run(store.fill("é", "a", make(1))), true);
        await run(store.delete("é"));
      }
    });

    it("takes what others have put there for a bad entry", async () => {
      const { collection } = await open("strange", oldestDriver);
      const store = mongodbAdapter({ collection });
      // It is read as text, and is none to the server.
      const symbol = new (await import("mongodb6")).BSONSymbol("secret");
      const values = [null, 1, true, { a: 1 }, ["secret"], new Date(), "secret", 2n ** 62n, symbol];
      for (const value of values) {
        const update = { $set: { value }, $unset: { owner: "", expires: "" } };
        await collection.updateOne({ _id: "key" }, update as never, { upsert: true });
        const error = await run(Effect.flip(store.get("key")));
        assert.equal(error.corrupt, true);
        assert.doesNotMatch(error.message, /secret/);
        assert.equal(error.cause, undefined);
        const taken = await run(Effect.timeoutOption(store.acquire("key", "a", 60_000), 5000));
        assert.ok(taken._tag === "Some" && taken.value._tag === "Leader");
        assert.equal(await run(store.fill("key", "a", 1)), true);
        assert.deepEqual((await run(store.get("key")))?.value, 1);
      }
      const { message } = await run(Effect.flip(store.set("key", { secret: 1n })));
      assert.equal(
        message,
        `Cannot store the value of "key": the codec can't encode the value: Do not know how to serialize a BigInt`,
      );
    });
  });

  describe(name, { skip }, () => {
    const open = openIn(url);

    it("is a store of its own each time, and sees to the index of a collection once", async () => {
      const { collection, take } = await open("shared");
      const stores = [mongodbAdapter({ collection }), mongodbAdapter({ collection })] as const;
      assert.notEqual(stores[0], stores[1]);
      for (const store of stores) await run(store.set("a", 1));
      assert.deepEqual(take(), ["createIndexes", "update", "update"]);
    });

    it("has the callers of configs that are written out in each call meet", async () => {
      const { collection, take } = await open("configured");
      const key = newKey();
      const options = { collection, keyPrefix: "herd:" };
      await assertMeet(() => ({ type: "mongodb", options: { ...options } }), key);
      assert.deepEqual(take(), ["find", "createIndexes", "findAndModify", "update"]);
      assert.equal((await collection.findOne({ _id: `herd:${key}` }))?.value, "1");
    });

    it("keeps leases alone, beside the entries of the same keys", async () => {
      const [one, two] = [await open("leases"), await open("leases")];
      const key = newKey();
      await run(mongodbAdapter(optionsOf(one)).set(key, "the adapter's own"));
      await assertLeaseAlone([mongodbLeases(optionsOf(one)), mongodbLeases(optionsOf(two))], key);
      const ids = (await one.collection.find().toArray()).map(({ _id }) => _id).sort();
      assert.deepEqual(ids, [`lease:${key}`, key]);
      // Nor does the entry of a key that is called so stand in the way.
      await run(mongodbAdapter(optionsOf(one)).set(`lease:${key}2`, "entry"));
      await assertLeaseAlone(
        [mongodbLeases(optionsOf(one)), mongodbLeases(optionsOf(two))],
        `${key}2`,
      );
    });

    it("works alike through either driver", async () => {
      for (const driver of [newestDriver, oldestDriver]) {
        for (const codec of [undefined, reversed]) {
          const [one, two] = [await open("drivers", driver), await open("drivers", driver)];
          const clientOf = ({ collection }: typeof one) =>
            Cache.make({ adapter: mongodbAdapter({ collection, codec }) });
          const key = newKey();
          // The look of a follower is over when it has asked for a change stream.
          const follows = () => until(() => two.commands.length >= 4);
          const results = await meet([clientOf(one), clientOf(two)], key, follows);
          assert.deepEqual(
            results.map(({ meta }) => meta.cache),
            ["MISS-LEADER", "MISS-FOLLOWER-HIT"],
          );
          assert.deepEqual(await run(mongodbAdapter({ ...optionsOf(two), codec }).get(key)), {
            value: "value",
          });
        }
      }
    });

    it("looks again where another's upsert came first, a few times", async () => {
      const { collection } = await open("upserts");
      let refused = 0;
      const refuse = (times: number) => () => {
        if (refused++ < times) {
          return Promise.reject(Object.assign(new Error("E11000"), { code: 11000 }));
        }
      };
      for (const [times, succeeds] of [[3, true], [100, false]] as const) {
        const once = instead(collection, {
          findOneAndUpdate: refuse(times),
          updateOne: refuse(times),
        });
        const store = mongodbAdapter({ collection: once });
        for (const upsert of [store.acquire("key", "a", 1000), store.set("key", 1)]) {
          refused = 0;
          const exit = await Effect.runPromiseExit(upsert as Effect.Effect<unknown, unknown>);
          assert.equal(exit._tag, succeeds ? "Success" : "Failure");
          assert.ok(refused < 10, `${refused} times`);
        }
        await run(store.delete("key"));
      }
    });

    it("leaves no lease behind where an acquire comes too late", async () => {
      for (const slow of ["createIndex", "findOneAndUpdate"]) {
        const { collection } = await open(`late ${slow}`);
        let arrive!: () => void;
        const late = new Promise<void>((resolve) => arrive = resolve);
        const adapter = mongodbAdapter({ collection: instead(collection, { [slow]: () => late }) });
        const call = Cache.getOrSet({
          adapter,
          key: "key",
          leaseTtl: "1 minute",
          operationTimeout: 100,
          fetcher: () => Effect.succeed(1),
        });
        assert.equal((await run(Effect.flip(call)))._tag, "LEASE_ACQUIRE_FAILED");
        await sleep(50);
        arrive();
        // What is left tells nothing, and ends with what would have been the lease.
        await until(async () => {
          const found = await collection.findOne({ _id: "key" });
          return found !== null && found.owner === undefined;
        });
      }
    });

    it("has nothing pile up: what is over is removed, and nothing else", async () => {
      const { collection } = await open("soak");
      const store = mongodbAdapter({ collection });
      await run(store.set("stays", 1));
      await run(store.set("stays for now", 1, { freshFor: 3_600_000 }));
      const keys = Array.from({ length: KEYS }, (_, index) => `key ${index}`);
      await run(Effect.forEach(keys, (key) =>
        Effect.gen(function* () {
          yield* store.acquire(key, "a", 500);
          if (key.endsWith("0")) yield* store.release(key, "a", "failed");
          else if (!key.endsWith("1")) yield* store.fill(key, "a", "value", { freshFor: 500 });
        }), { concurrency: 64 }));
      // The server looks once a minute unless it is told to look more often, as ours is.
      const began = performance.now();
      while (await collection.countDocuments() > 2) {
        assert.ok(performance.now() - began < 150_000, "they are still there");
        await sleep(200);
      }
      const ids = (await collection.find().toArray()).map(({ _id }) => _id).sort();
      assert.deepEqual(ids, ["stays", "stays for now"]);
    });

    describe("a client that can't be used", () => {
      it("fails at once when it is closed", async () => {
        const { collection, client } = await open();
        await client.close();
        await assertUnusable(mongodbAdapter({ collection }), /connect/i, 2000);
      });

      it("fails after operationTimeout when it never connects", async () => {
        const { MongoClient } = await newestDriver();
        const client = new MongoClient("mongodb://127.0.0.1:1", { serverSelectionTimeoutMS: 1000 });
        const collection = client.db("none").collection<Stored>("cache");
        const adapter = mongodbAdapter({ collection });
        await assertUnusable(adapter, /mongodb did not answer within 100 ms/);
        await client.close();
      });
    });
  });
}

describe("errors of mongodb", () => {
  for (const deployment of deployments.slice(0, 1)) {
    const skip = skipOf(deployment);
    const open = openIn(deployment.url);
    for (const [name, write] of Object.entries(writesOf(SECRETS[0]))) {
      it(`tell nothing of the value of a refused ${name}`, { skip }, async () => {
        const { client, collection } = await open(`refusing-${name}`);
        const validator = { $or: [{ owner: { $exists: true } }, { value: { $type: "int" } }] };
        await client.db(collection.dbName).createCollection(collection.collectionName, {
          validator,
        });
        const error = await run(Effect.flip(write(mongodbAdapter({ collection }), "a")));
        assert.match(error.message, /Document failed validation/);
        assert.equal((error.cause as { readonly code?: number }).code, 121);
        assertTellsNothing(error);
      });
    }
  }
});
