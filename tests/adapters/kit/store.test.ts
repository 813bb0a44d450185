import { Effect } from "effect";
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ofBigint } from "../../support/adapter_cases.ts";
import type { Backend, Row, Target } from "../../../adapters/kit/backend.ts";
import { makeNames } from "../../../adapters/kit/names.ts";
import { makePush } from "../../../adapters/kit/push.ts";
import { makeStore, type StoreOptions } from "../../../adapters/kit/store.ts";
import { Cache } from "../../../mod.ts";
import { startOf } from "../../../src/store/attempt.ts";
import { conformance } from "../../conformance/mod.ts";
import { sideBySide } from "../../support/side_by_side.ts";
import { mapBackend } from "./map_store.ts";

const nameOf = makeNames({ prefix: undefined });

function storeOver(backend: Backend, options: Partial<StoreOptions<Row>> = {}) {
  return makeStore({ name: "map", backend, nameOf, ...options });
}

describe("a store of the kit: the suite", () => {
  const held: NonNullable<Parameters<typeof mapBackend>[0]> = new Map();
  const backend = mapBackend(held);
  const damaged = (row: Parameters<typeof held["set"]>[1]) => (key: string) =>
    Promise.resolve(held.set(key, row));
  const cases = conformance({
    open: Effect.sync(() => storeOver(backend)),
    gaps: { push: "a Map has none" },
    damage: {
      entries: {
        "text that is no JSON": damaged({
          entry: { data: "{", freshUntil: Infinity, staleFor: 0 },
        }),
        "a number": damaged({ entry: { data: 5, freshUntil: Infinity, staleFor: 0 } }),
      },
      ends: {
        text: damaged({
          entry: { data: '"damaged"', freshUntil: "soon" as never, staleFor: 0 },
        }),
      },
      leases: {
        "a lease without an end": damaged({ lease: { owner: "gone", until: Infinity } }),
        "a lease until text": damaged({ lease: { owner: "gone", until: "soon" as never } }),
        "an end of nobody": damaged({ lease: { outcome: "uncached", until: Infinity } }),
      },
    },
  });
  sideBySide(cases, { skip: false, atOnce: 6 });
});

describe("a store of the kit", () => {
  const run = Effect.runPromise;

  it("has every operation but the watch be one promise, which takes no fiber of its own", async () => {
    const push = makePush({ open: () => Promise.resolve(undefined) });
    const store = storeOver(mapBackend(), { unordered: true, push });
    const operations = {
      get: store.get("a"),
      set: store.set("a", 1),
      expire: store.expire("a"),
      delete: store.delete("a"),
      acquire: store.acquire("a", "me", 1000),
      renew: store.renew("a", "me", 1000),
      fill: store.fill("a", "me", 1),
      release: store.release("a", "me", "failed"),
    };
    const { name: _, watch, closeIdle: __, copy: ___, withCodec: ____, withL1, ...all } = store;
    const kept = withL1!({ ttl: 1000, maxEntries: 10, maxBytes: 1000, copy: false });
    for (const read of [kept.get("a"), kept.acquire("a", "me", 1000)]) {
      assert.ok(startOf(read as Effect.Effect<unknown>) !== undefined, "a read into L1");
    }
    assert.deepEqual(Object.keys(operations).sort(), Object.keys(all).sort());
    for (const [name, effect] of Object.entries(operations)) {
      assert.ok(startOf(effect as Effect.Effect<unknown>) !== undefined, name);
    }
    assert.equal(await run(Effect.scoped(watch!("a"))), undefined);
  });

  it("asks for many at once, and for each by itself where that fails", async () => {
    const asked: string[] = [];
    const backend = mapBackend();
    const together =
      <A, B>(name: string, one: (target: Target, asked: A) => Promise<B>) =>
      (all: readonly (readonly [Target, A])[]) => {
        asked.push(`${name} ${all.length}`);
        return all.some(([{ key }]) => key === "down")
          ? Promise.reject(new Error("one is down"))
          : Promise.all(all.map(([target, each]) => one(target, each)));
      };
    const store = storeOver({
      ...backend,
      read: (target, aged) =>
        target.key === "down" ? Promise.reject(new Error("down")) : backend.read(target, aged),
      readMany: together("read", backend.read),
      takeMany: together("take", backend.take),
      renewMany: together("renew", backend.renew),
      fillMany: together("fill", backend.fill),
      releaseMany: together("release", backend.release),
    }, { unordered: true });
    const led = await run(store.acquireMany!([["a", "me", 1000], ["b", "me", 1000]]));
    assert.deepEqual(led.map((each) => each._tag), ["Leader", "Leader"]);
    // What can't be encoded or named fails, and nothing else.
    const [first, second, third] = await run(
      store.fillMany!([["a", "me", 1], ["b", "me", 1n], ["\ud800", "me", 1]]),
    );
    assert.equal(first, true);
    assert.match(`${second}`, /Cannot store the value of "b": the codec can't encode/);
    assert.match(`${third}`, /the key must be text/);
    const [a, down] = await run(store.getMany!([["a"], ["down"]]));
    assert.deepEqual(a, { value: 1 });
    assert.match(`${down}`, /Cannot read the entry of "down": down/);
    assert.deepEqual(await run(store.getMany!([["\ud800"]])).then((all) => all.length), 1);
    await run(store.releaseMany!([["b", "me", "cancelled"]]));
    assert.deepEqual(asked, ["take 2", "fill 1", "read 2", "release 1"]);
  });

  it("asks for none by itself once its caller has left", async () => {
    const backend = mapBackend();
    const taken: string[] = [];
    let fail!: () => void;
    const failing = new Promise<never>((_, reject) => fail = () => reject(new Error("down")));
    const store = storeOver({
      ...backend,
      take: (target, wanted) => (taken.push(target.key), backend.take(target, wanted)),
      takeMany: () => failing,
    });
    await run(Effect.timeoutOption(store.acquireMany!([["a", "me", 1000]]), 10));
    fail();
    await new Promise((resolve) => setTimeout(resolve, 1));
    assert.deepEqual(taken, []);
  });

  it("releases leases once it is known of all whether they were taken, also given up", async () => {
    const backend = mapBackend();
    const asked: string[] = [];
    let answer!: () => void;
    const answered = new Promise<void>((resolve) => answer = resolve);
    const store = storeOver({
      ...backend,
      async takeMany(all) {
        await answered;
        asked.push("taken");
        return await Promise.all(all.map(([target, wanted]) => backend.take(target, wanted)));
      },
      async releaseMany(all) {
        asked.push("released");
        return await Promise.all(all.map(([target, end]) => backend.release(target, end)));
      },
    }, { unordered: true });
    const taking = store.acquireMany!([["a", "me", 1000], ["b", "me", 1000]]);
    await run(Effect.timeoutOption(taking, 10));
    const releasing = ["a", "b"].map((key) => run(store.releaseMany!([[key, "me", "cancelled"]])));
    await new Promise((resolve) => setTimeout(resolve, 1));
    assert.deepEqual(asked, []);
    answer();
    await Promise.all(releasing);
    assert.deepEqual(asked, ["taken", "released", "released"]);
  });

  it("names a long key once for all requests of a call", async () => {
    const asked: string[] = [];
    const store = storeOver(mapBackend(), { nameOf: (key) => (asked.push(key), nameOf(key)) });
    const keys = Array.from({ length: 10 }, (_, index) => index + "k".repeat(64_000));
    const cache = Cache.make({ adapter: store });
    const miss = (key: string) => cache.getOrSet(key, () => Effect.as(Effect.sleep(5), "value"));
    await run(Effect.forEach(keys, miss, { concurrency: "unbounded" }));
    assert.deepEqual(asked.sort(), keys);
  });

  it("asks again for each entry that it can't read, ignoring that one alone, five times at most", async () => {
    const backend = mapBackend();
    const ignored: unknown[] = [];
    let entries = 0;
    const store = storeOver({
      ...backend,
      take: (_, wanted) => {
        ignored.push(wanted.ignored?.data);
        return Promise.resolve({ data: ["{0", "{1", 7, "1"][entries++] ?? "{" });
      },
    });
    const hit = await run(store.acquire("a", "me", 1000));
    assert.deepEqual([hit, ignored.splice(0)], [
      { _tag: "Hit", entry: { value: 1 } },
      [undefined, "{0", "{1", 7],
    ]);
    const error = await run(Effect.flip(store.acquire("a", "me", 1000)));
    assert.equal(ignored.length, 5);
    assert.equal(
      error.message,
      `Cannot acquire the lease for "a": other programs stored a value that can't be decoded, before each of 5 tries`,
    );
  });

  it("tells of an entry that can't be read, and of a value that can't be kept, nothing of what they are", async () => {
    const held: NonNullable<Parameters<typeof mapBackend>[0]> = new Map();
    const backend = mapBackend(held);
    const messageOf = async (effect: Effect.Effect<unknown, Error>) =>
      (await run(Effect.flip(effect))).message;
    const store = storeOver(backend);
    for (const data of ["secret", 1, null]) {
      held.set("a", { entry: { data, freshUntil: Infinity, staleFor: 0 } });
      const error = await run(Effect.flip(store.get("a")));
      assert.equal(error.corrupt, true);
      assert.equal(error.cause, undefined);
      assert.match(
        error.message,
        /^Cannot read the entry of "a": (the codec can't|the stored value)/,
      );
    }
    assert.equal(
      await messageOf(store.set("a", { secret: 1n })),
      `Cannot store the value of "a": the codec can't encode the value: ${ofBigint}`,
    );
    const none = storeOver(backend, { codec: { encode: () => 1 as never, decode: () => 1 } });
    assert.equal(
      await messageOf(none.fill("a", "me", "secret")),
      `Cannot store the value of "a": the codec must return text or bytes, and returned a number`,
    );
  });

  it("says why a codec can't read an entry, and quotes none of it", async () => {
    const held: Parameters<typeof mapBackend>[0] = new Map();
    const parse = (bytes: Uint8Array) => JSON.parse(new TextDecoder().decode(bytes));
    const outdated = () => {
      throw new RangeError(`version 1 of 'secret "value"' is no longer read`);
    };
    for (
      const [decode, why] of [
        [parse, /^[^:]*: the codec can't decode the stored value: .*JSON/],
        [outdated, /: version 1 of … is no longer read$/],
      ] as const
    ) {
      const store = storeOver(mapBackend(held), { codec: { encode: String, decode } });
      held.set("a", { entry: { data: "secret bytes", freshUntil: Infinity, staleFor: 0 } });
      const error = await run(Effect.flip(store.get("a")));
      assert.match(error.message, why);
      assert.doesNotMatch(error.message, /secret/);
    }
  });

  it("makes the same store with another codec", async () => {
    const shout = { encode: () => "LOUD", decode: () => "LOUD" };
    const store = storeOver(mapBackend());
    await run(store.withCodec!(shout).set("a", "quiet"));
    assert.deepEqual(await run(store.withCodec!(shout).get("a")), { value: "LOUD" });
    const { corrupt } = await run(Effect.flip(store.get("a")));
    assert.equal(corrupt, true);
  });

  it("explains what a client throws where the adapter can", async () => {
    const backend = mapBackend();
    const thrown = new Error("E42");
    const failing = {
      ...backend,
      read: () => Promise.reject(thrown),
      remove: () => {
        throw thrown;
      },
    };
    const store = storeOver(failing, {
      explain: (_, operation) =>
        operation === "get" ? { reason: "the table is missing" } : undefined,
    });
    const read = await run(Effect.flip(store.get("a")));
    assert.deepEqual([read.message, `${read.cause}`], [
      `Cannot read the entry of "a": the table is missing`,
      "Error: E42",
    ]);
    const removed = await run(Effect.flip(store.delete("a")));
    assert.deepEqual([removed.message, `${removed.cause}`], [
      `Cannot delete "a": E42`,
      "Error: E42",
    ]);
  });

  it("says when a backend gives no lease and names nobody who has it", async () => {
    const backend = mapBackend();
    const store = storeOver({ ...backend, take: () => Promise.resolve({}) });
    const { message } = await run(Effect.flip(store.acquire("a", "me", 1000)));
    assert.match(message, /neither gave the lease nor named its owner/);
  });

  it("asks for nothing where the name of a key can't be had", async () => {
    const store = storeOver({} as Backend);
    for (const operation of [store.get("\ud800"), store.release("\ud800", "me", "failed")]) {
      const { message } = await run(Effect.flip(operation as Effect.Effect<unknown, Error>));
      assert.match(message, /"\\ud800": the key must be text that UTF-8 can carry$/);
    }
  });

  it("sends a release after its acquire where requests may overtake one another", async () => {
    for (const unordered of [true, false]) {
      const backend = mapBackend();
      const sent: string[] = [];
      let arrive!: () => void;
      const late = new Promise<void>((resolve) => arrive = resolve);
      const store = storeOver({
        ...backend,
        async take(target, wanted) {
          await late;
          sent.push("acquire");
          return await backend.take(target, wanted);
        },
        async release(target, end) {
          sent.push("release");
          await backend.release(target, end);
        },
      }, { unordered });
      await run(Effect.timeoutOption(store.acquire("a", "me", 1000), 10));
      const released = run(store.release("a", "me", "cancelled"));
      arrive();
      await released;
      await new Promise((resolve) => setTimeout(resolve, 1));
      assert.deepEqual(sent, unordered ? ["acquire", "release"] : ["release", "acquire"]);
    }
  });

  it("lets a backend know that its caller has left", async () => {
    const backend = mapBackend();
    const signals: AbortSignal[] = [];
    const store = storeOver({
      ...backend,
      read: ({ signal }) => {
        signals.push(signal());
        return new Promise(() => {});
      },
    });
    await run(Effect.timeoutOption(store.get("a"), 10));
    assert.deepEqual(signals.map(({ aborted }) => aborted), [true]);
  });
});
