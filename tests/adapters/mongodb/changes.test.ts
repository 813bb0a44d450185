import type { Effect } from "effect";
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { mongodbAdapter, type MongodbCollection } from "../../../adapters/mongodb.ts";
import { changesBy } from "../../../adapters/mongodb/changes.ts";
import { makeProgress, streamOf, timeOf } from "../../../adapters/mongodb/stream.ts";
import { hashOf } from "../../../adapters/kit/changes.ts";
import { makePush } from "../../../adapters/kit/push.ts";
import type { ChangesListener, Store } from "../../../src/store/store.ts";
import { skipWithout, variable } from "../../support/address.ts";
import { follow } from "../../support/follow.ts";
import {
  assertBackAfterCut,
  assertTold,
  found,
  kept,
  l1Of,
  notingIn,
  seen,
} from "../../support/told.ts";
import { until } from "../../support/until.ts";
import { openNetwork } from "../../servers/toxiproxy.ts";
import { deployments, newestDriver, oldestDriver } from "./clients.ts";
import { instead, newKey, type Opened, openIn, run, skipOf } from "./fixture.ts";

const [alone, replicaSet] = deployments;
const openAlone = openIn(alone!.url);
const open = openIn(replicaSet!.url);
const skip = skipOf(replicaSet!);

const storeOf = ({ collection }: { readonly collection: MongodbCollection }) =>
  mongodbAdapter({ collection });

/** The change streams of a collection that the server has. */
const streams = async ({ client, collection }: Opened) => {
  const ops = await client.db("admin").aggregate([
    { $currentOp: { allUsers: true, idleCursors: true } },
    {
      $match: {
        ns: collection.namespace,
        "cursor.originatingCommand.pipeline.$changeStream": { $exists: true },
      },
    },
  ]).toArray();
  return [...new Set(ops.map(({ cursor }) => cursor.cursorId))];
};

/** Hears changes until `leave` is called. */
function listen(store: Store<unknown>) {
  const heard = { stands: false, isNone: false, hashes: [] as number[] };
  const listener: ChangesListener = {
    changed: (hash) => void heard.hashes.push(hash),
    missed() {},
    stands: (time) => void (heard.stands = time !== undefined),
    none: () => void (heard.isNone = true),
  };
  return { heard, leave: store.changes!.listen(listener) };
}

const refusal = (code: number) => Object.assign(new Error("refused"), { code });

describe("changes told by mongodb", { skip }, () => {
  it("have L1s keep what nobody changes, and drop what another process does", async () => {
    await Promise.all([newestDriver, oldestDriver].map(async (driver, index) => {
      const name = `told ${index}`;
      await assertTold([storeOf(await open(name, driver)), storeOf(await open(name, driver))]);
    }));
  });

  it("that were missed as the stream was ended, or could not go on, leave nothing old", async () => {
    const [one, two, admin] = [await open("ended"), await open("ended"), await open("ended")];
    const kill = async () => {
      const cursors = await streams(admin);
      const db = admin.client.db(admin.collection.dbName);
      await db.command({ killCursors: admin.collection.collectionName, cursors });
      return cursors.length;
    };
    const [three, four] = [await open("lost"), await open("lost")];
    let loses = false;
    const watch: MongodbCollection["watch"] = (...args) => {
      const stream = three.collection.watch(...args as unknown as []);
      const tryNext = stream.tryNext.bind(stream);
      return Object.assign(stream, {
        async tryNext() {
          const change = await tryNext();
          if (!loses) return change;
          loses = false;
          throw refusal(286);
        },
      }) as never;
    };
    const losing = storeOf({ collection: instead(three.collection, {}, { watch }) });
    await Promise.all([
      assertBackAfterCut([storeOf(one), storeOf(two)], kill),
      assertBackAfterCut([losing, storeOf(four)], () => {
        loses = true;
        return Promise.resolve(1);
      }),
    ]);
  });

  it("are what other programs do, too", async () => {
    const [one, admin] = [await open("by hand"), (await open("by hand")).collection];
    const cache = l1Of(storeOf(one));
    const change: Record<string, (_id: string) => Promise<unknown>> = {
      update: (_id) => admin.updateOne({ _id }, { $set: { value: '"new"' } }),
      replace: (_id) => admin.replaceOne({ _id }, { value: '"new"' }),
      "delete": (_id) => admin.deleteOne({ _id }),
      end: (_id) => admin.updateOne({ _id }, { $set: { ends: new Date(0) } }),
      "deletes": (_id) => admin.deleteMany({ _id: { $in: [_id] } }),
      "unset": (_id) => admin.updateOne({ _id }, { $unset: { value: 1 } }),
    };
    await Promise.all(
      Object.entries(change).map(async ([key, change]) => {
        await cache.set(key, "old", "1 hour");
        await kept(cache, key, "old");
        await change(key);
        await until(async () => (await found(cache, key))[0] !== "old");
      }),
    );
  });

  it("are missed where the collection is replaced, which is seen", async () => {
    const ends: Record<string, (admin: Opened["collection"]) => Promise<unknown>> = {
      dropped: (admin) => admin.drop(),
      "written over": (admin) =>
        admin.aggregate([{ $limit: 1 }, { $out: "written over" }]).toArray(),
      renamed: (admin) => admin.rename("another"),
    };
    await Promise.all(
      Object.entries(ends).map(async ([name, end]) => {
        const [one, { collection }] = [await open(name), await open(name)];
        const cache = l1Of(storeOf(one));
        for (const key of ["a", "b"]) await cache.set(key, "old");
        await kept(cache, "a", "old");
        await kept(cache, "b", "old");
        await end(collection);
        await until(async () => {
          const values = [await found(cache, "a"), await found(cache, "b")];
          return values.some(([value]) => value === "fetched");
        });
      }),
    );
  });

  it("are those of entries, whoever makes them, and not of leases", async () => {
    const [one, two] = [await open("events"), await open("events")];
    const { heard, leave } = listen(storeOf(one));
    await until(() => heard.stands);
    const store = storeOf(two);
    // Not taken for the topic of all changes.
    const [key, last] = ["changes", "last"];
    const lease = (owner: string) => store.acquire(key, owner, 60_000, { freshBelow: Infinity });
    const lifetime = { freshFor: 60_000, staleFor: 60_000 };
    const changes: [string, number, () => Effect.Effect<unknown, unknown>][] = [
      ["set", 1, () => store.set(key, 1, lifetime)],
      ["acquire", 0, () => lease("a")],
      ["renew", 0, () => store.renew(key, "a", 60_000)],
      ["acquire of another", 0, () => lease("b")],
      ["fill", 1, () => store.fill(key, "a", 2, lifetime)],
      ["expire", 1, () => store.expire(key)],
      ["get", 0, () => store.get(key)],
      ["delete", 1, () => store.delete(key)],
      ["delete of nothing", 0, () => store.delete(key)],
    ];
    for (const [what, times, change] of changes) {
      heard.hashes.splice(0);
      await run(change());
      await run(store.set(last, what));
      await until(() => heard.hashes.includes(hashOf(last)));
      assert.deepEqual(heard.hashes, [...Array(times).fill(hashOf(key)), hashOf(last)], what);
    }
    const prefixed = mongodbAdapter({ collection: two.collection, keyPrefix: "ch" });
    assert.equal(prefixed.changes!.hashOf("anges"), hashOf(key));
    leave();
  });

  it("come by the stream that wakes followers", async () => {
    const [one, two] = [await open("shared"), await open("shared")];
    const store = storeOf(one);
    const { heard, leave } = listen(store);
    await until(() => heard.stands);
    const { fill } = await follow(newKey(), storeOf(two), store);
    assert.equal((await streams(two)).length, 1);
    await fill();
    assert.deepEqual(one.take().filter((name) => name === "aggregate").length > 0, true);
    leave();
    await until(async () => (await streams(two)).length === 0);
  });

  it("don't stand for who may not ask for them, which is found out", async () => {
    const opened = await open("refused");
    const watch = () => ({
      on() {},
      tryNext: () => Promise.reject(refusal(13)),
      close: () => Promise.resolve(),
    });
    const aggregate = () => ({ toArray: () => Promise.reject(refusal(13)) });
    const router = () => ({ toArray: () => Promise.resolve([{ host: "a", shard: "b" }]) });
    for (const replaced of [{ watch }, { aggregate }, { aggregate: router }]) {
      const store = storeOf({ collection: instead(opened.collection, {}, replaced) });
      const { heard, leave } = listen(store);
      await until(() => heard.isNone);
      assert.equal(heard.stands, false);
      // No stream is kept for nothing.
      store.closeIdle!();
      await until(async () => (await streams(opened)).length === 0);
      leave();
    }
  });

  it("aren't heard where reads may go to another than the primary", async () => {
    const { client, collection } = await open("secondary");
    const ofDb = client.db(collection.dbName, { readPreference: "secondaryPreferred" });
    assert.equal(storeOf({ collection: ofDb.collection("secondary") as never }).changes, undefined);
    const primary = client.db(collection.dbName, { readPreference: "primary" });
    assert.notEqual(storeOf({ collection: primary.collection("a") as never }).changes, undefined);
  });
});

describe("changes of mongodb over a network that fails", {
  skip: skip || skipWithout("TOXIPROXY_URL"),
}, () => {
  it("are seen though the stream is cut, or falls silent", async () => {
    await Promise.all((["cut", "blackhole"] as const).map(async (how) => {
      const port = Number(new URL(replicaSet!.url!).port);
      const network = await openNetwork(variable("TOXIPROXY_URL")!, port);
      const address = `mongodb://127.0.0.1:${network.port}/?directConnection=true`;
      const [one, two] = [await open(how), await open(how)];
      const ofStream = await open(how, newestDriver, address);
      const watch: MongodbCollection["watch"] = (...args) =>
        ofStream.collection.watch(...args as unknown as []) as never;
      const cache = l1Of(storeOf({ collection: instead(one.collection, {}, { watch }) }));
      const other = l1Of(storeOf(two));
      await other.set("a", "old");
      await kept(cache, "a", "old");
      await network[how]();
      await other.set("a", "new");
      await seen(cache, "a", "new");
      await network.heal();
      await kept(cache, "a", "new");
      await other.set("a", "newer");
      await seen(cache, "a", "newer");
      await network.close();
    }));
  });
});

describe("changes of a mongodb that has no change streams", { skip: skipOf(alone!) }, () => {
  it("aren't heard, which is found out, and an L1 goes by time", async () => {
    const [one, two] = [await openAlone("alone"), await openAlone("alone")];
    const store = storeOf(one);
    const { heard, leave } = listen(store);
    await until(() => heard.isNone);
    assert.equal(heard.stands, false);
    leave();
    const [cache, other] = [l1Of(store), l1Of(storeOf(two))];
    await other.set("a", "old");
    assert.deepEqual(await found(cache, "a"), ["old", undefined]);
    await other.set("a", "new");
    await seen(cache, "a", "new");
  });
});

describe("a line of changes of mongodb", () => {
  /** A token at a moment, and what of it the stream has told of. */
  const tokenAt = (seconds: number, count = 1, rest = "00") => ({
    _data: timeOf({ high: seconds, low: count }) + rest,
  });

  it("has heard all up to a moment when it is behind it, whatever else comes at that moment", async () => {
    const { moved, heard } = makeProgress();
    let isHeard = false;
    const wait = async (time: string) => {
      isHeard = false;
      heard(time).then(() => isHeard = true);
      await Promise.resolve();
    };
    const move = async (token: unknown, isAll: boolean) => {
      moved(token, isAll);
      await Promise.resolve();
      return isHeard;
    };
    const time = timeOf({ high: 0xffff_fff0 | 0, low: 10 });
    assert.equal(time, "82FFFFFFF00000000A");
    await wait(time);
    assert.equal(isHeard, false);
    assert.equal(await move(tokenAt(0xffff_fff0, 9), true), false);
    // One change of a transaction: others may follow.
    assert.equal(await move(tokenAt(0xffff_fff0, 10), false), false);
    assert.equal(await move(tokenAt(0xffff_fff0, 10, ""), true), true);
    await wait(time);
    assert.equal(isHeard, true);
    await wait(timeOf({ high: 0xffff_fff0, low: 11 }));
    assert.equal(await move(tokenAt(0xffff_fff0, 12), false), true);
    // Those of others than MongoDB's own servers tell nothing.
    for (const token of [undefined, null, {}, { _data: 1 }, { _data: "9" }, { _data: "FF" }]) {
      moved(token, true);
      await wait(time);
      assert.equal(isHeard, false, JSON.stringify(token));
    }
  });

  /** A line whose stream and primary are played. */
  const world = () => {
    const primary = { host: "a", seconds: 1 };
    let hear: ((change: Promise<object> | object | null) => void) | undefined;
    let closed = () => {};
    let resumeToken: unknown;
    const progress = makeProgress();
    const ask = () => {
      const { host, seconds } = primary;
      return Promise.resolve({ host, time: timeOf({ high: seconds, low: 1 }) });
    };
    const stream = {
      get resumeToken() {
        return resumeToken;
      },
      closed: false,
      on(event: string, then: () => void) {
        if (event === "resumeTokenChanged") then();
        else closed = then;
      },
      tryNext: () => new Promise<object | null>((resolve) => hear = resolve),
      close: () => Promise.resolve(),
    };
    const collection = { watch: () => stream } as unknown as MongodbCollection;
    const push = makePush(streamOf(collection, { progress, ask }));
    const told: string[] = [];
    const { listen } = changesBy({ push, progress, ask });
    const leave = listen(notingIn(told));
    const settled = () => new Promise((resolve) => setTimeout(resolve, 0));
    return {
      primary,
      told,
      leave,
      cut: async () => {
        closed();
        await settled();
      },
      /** The stream says how far it has come, and that it has told of all up to then. */
      async come(seconds: number) {
        await settled();
        resumeToken = tokenAt(seconds);
        hear!(null);
        await settled();
      },
      async fail() {
        await settled();
        hear!(Promise.reject(refusal(286)));
        await settled();
      },
      async tell(seconds: number, _id: unknown) {
        await settled();
        hear!({ _id: tokenAt(seconds), documentKey: { _id } });
        await settled();
      },
    };
  };

  it("stands once it has come as far as the primary", async () => {
    const { told, come, tell, leave } = world();
    await come(0);
    assert.ok(!told.includes("stands"));
    await tell(1, "before");
    assert.ok(!told.includes("stands"));
    await come(1);
    assert.equal(told.at(-1), "stands");
    assert.ok(told.lastIndexOf("missed") > told.indexOf("falls"));
    told.splice(0);
    await tell(2, 7);
    await tell(2, "key");
    // What else was kept stays.
    assert.ok(!told.includes("missed"));
    assert.ok(told.includes(`changed ${hashOf("key")}`));
    leave();
  });

  it("begins anew where it goes on with another cursor or primary, or can't go on", async () => {
    const { told, come, cut, fail, primary, leave } = world();
    await come(1);
    assert.equal(told.at(-1), "stands");
    told.splice(0);
    await cut();
    assert.deepEqual(told.slice(0, 2), ["missed", "falls"]);
    await come(1);
    assert.equal(told.at(-1), "stands");
    told.splice(0);
    primary.host = "b";
    await until(() => told.length > 2);
    assert.deepEqual(told.slice(0, 2), ["missed", "falls"]);
    await come(1);
    assert.equal(told.at(-1), "stands");
    told.splice(0);
    await fail();
    assert.ok(told.includes("missed"));
    assert.equal(told.at(-1), "falls");
    leave();
  });
});
