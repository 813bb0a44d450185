import { Effect, Fiber } from "effect";
import assert from "node:assert/strict";
import type { BatchContext } from "../../src/face/common_many_options.ts";
import type { Store } from "../../src/store/store.ts";
import { answered, clientOf, LONG, type Property, soon, start, until } from "./world.ts";

/** A fetch of many keys that ends when it is told to, and knows what it was asked for. */
function makeBatches(millis = 0) {
  const asked: string[][] = [];
  return {
    asked,
    fetcher: ({ keys }: BatchContext<string>) =>
      Effect.suspend(() => {
        asked.push([...keys].sort());
        const found = new Map(keys.map((key) => [key, `value of ${key}`]));
        return millis === Infinity ? Effect.never : Effect.as(Effect.sleep(millis), found);
      }),
  };
}

const keysOf = (key: string, count = 6) =>
  Array.from({ length: count }, (_, index) => `${key}:${index}`);

/** What the operations on many keys answer, or those on one, where the store has no others. */
const operationsOf = (store: Store<unknown>) => {
  const each = <Asked extends readonly unknown[], Answer>(
    many: ((asked: readonly Asked[]) => Effect.Effect<readonly unknown[], unknown>) | undefined,
    one: (...asked: Asked) => Effect.Effect<Answer, unknown>,
  ) =>
  (...asked: Asked[]) =>
    many === undefined
      ? Effect.forEach(asked, (each) => one(...each))
      : many(asked) as Effect.Effect<readonly Answer[], unknown>;
  return {
    get: each(store.getMany, store.get),
    acquire: each(store.acquireMany, store.acquire),
    renew: each(store.renewMany, store.renew),
    fill: each(store.fillMany, store.fill),
    release: each(store.releaseMany, store.release),
  };
};

/** The promises for many keys at once. */
export const many: readonly Property[] = [
  {
    name: "operations on many keys do for each what those on one do",
    needs: ["fencing", "outcomes"],
    *holds({ one, two, key }) {
      const [held, filled, free, other] = keysOf(key, 4) as [string, string, string, string];
      const ours = operationsOf(one);
      yield* two.acquire(held, "theirs", LONG);
      yield* two.set(filled, "value", { freshFor: LONG });
      const answers = yield* ours.acquire(
        [held, "a", LONG],
        [filled, "b", LONG, {}],
        [free, "c", LONG, { freshBelow: 0 }],
        [other, "d", LONG],
      );
      assert.deepEqual(answers.map(({ _tag }) => _tag), ["Follower", "Hit", "Leader", "Leader"]);
      assert.deepEqual(
        (yield* ours.acquire([free, "c", LONG], [other, "c", LONG])).map(({ _tag }) => _tag),
        ["Leader", "Follower"],
      );
      assert.deepEqual(
        yield* ours.renew([held, "a", LONG], [free, "c", LONG], [other, "d", LONG]),
        [false, true, true],
      );
      const lifetime = { freshFor: LONG };
      assert.deepEqual(
        yield* ours.fill([held, "a", "stolen", lifetime], [free, "c", "fetched", lifetime]),
        [false, true],
      );
      yield* ours.release([held, "a", "failed"], [other, "d", "failed"]);
      const next = yield* ours.acquire(
        [held, "e", LONG],
        [other, "e", LONG, { waitedFor: "d" }],
        [free, "e", LONG, { waitedFor: "c" }],
      );
      assert.deepEqual(
        next.map((answer) => "after" in answer && answer.after ? answer.after : answer._tag),
        ["Follower", "failed", "Hit"],
      );
      yield* ours.release([other, "e", "cancelled"]);
      const found = yield* ours.get([held], [filled], [free, true], [other]);
      assert.deepEqual(found.map((entry) => entry?.value), [
        undefined,
        "value",
        "fetched",
        undefined,
      ]);
      assert.equal((yield* two.get(free))?.value, "fetched");
      answered(yield* two.acquire(other, "f", LONG), "Leader");
    },
  },
  {
    name: "operations on many keys keep what is stale, and how failures follow one another",
    needs: ["fencing", "outcomes"],
    *holds({ one, two, key }) {
      const keys = keysOf(key, 3) as [string, string, string];
      const ours = operationsOf(one);
      for (const each of keys) {
        yield* two.set(each, `old ${each}`, { freshFor: LONG, staleFor: LONG });
        yield* two.expire(each);
      }
      const [first] = yield* ours.get([keys[0], true], [keys[1], true]);
      assert.ok((first?.freshFor ?? 1) <= 0, `${first?.freshFor}`);
      const led = yield* ours.acquire(
        ...keys.map((each): [string, string, number] => [each, "a", LONG]),
      );
      for (const [index, each] of keys.entries()) {
        assert.equal(answered(led[index]!, "Leader").entry?.value, `old ${each}`);
      }
      // An end is remembered for those who follow.
      answered((yield* ours.acquire([keys[1], "b", LONG]))[0]!, "Follower");
      const failure = { failures: 2, quietFor: LONG, payload: "AAAA" };
      yield* ours.release([keys[0], "a", "failed", failure], [keys[1], "a", "uncached"]);
      const lifetime = { freshFor: LONG, staleFor: LONG, took: 7 };
      assert.deepEqual(yield* ours.fill([keys[2], "a", "new", lifetime], [keys[0], "a", "late"]), [
        true,
        false,
      ]);
      const backOff = true;
      const next = yield* ours.acquire(
        [keys[0], "b", LONG, { backOff }],
        [keys[1], "b", LONG, { waitedFor: "a", backOff }],
        [keys[2], "b", LONG, { freshBelow: Infinity, backOff }],
      );
      assert.deepEqual(next.map(({ _tag }) => _tag), ["Failed", "Ended", "Leader"]);
      const failed = answered(next[0]!, "Failed");
      assert.deepEqual([failed.failures, failed.payload, failed.entry?.value], [
        2,
        "AAAA",
        `old ${keys[0]}`,
      ]);
      assert.equal(answered(next[2]!, "Leader").entry?.took, 7);
    },
  },
  {
    name: "many keys: one fetch for all that are missing, and hits then",
    *holds({ one, two, key }) {
      const keys = keysOf(key);
      const { asked, fetcher } = makeBatches();
      yield* clientOf(two).set(keys[1]!, "set");
      const values = yield* clientOf(one).getOrSetAll(keys, fetcher);
      assert.deepEqual(asked, [keys.filter((each) => each !== keys[1])]);
      const expected = keys.map((each) => [each, each === keys[1] ? "set" : `value of ${each}`]);
      assert.deepEqual([...values], expected);
      assert.deepEqual([...yield* clientOf(two).getMany(keys)], expected);
      assert.deepEqual([...yield* clientOf(two).getOrSetAll(keys, fetcher)], expected);
      assert.equal(asked.length, 1);
    },
  },
  {
    name: "many keys: two processes that ask in another order fetch each key once",
    *holds({ one, two, key }) {
      const keys = keysOf(key, 12);
      const { asked, fetcher } = makeBatches(50);
      const results = yield* soon(
        "Many keys of two processes",
        Effect.all([
          clientOf(one).getOrSetAll(keys.slice(0, 9), fetcher),
          clientOf(two).getOrSetAll([...keys].reverse().slice(0, 9), fetcher),
        ], { concurrency: "unbounded" }),
      );
      assert.deepEqual(asked.flat().sort(), [...keys].sort());
      for (const values of results) {
        for (const [each, value] of values) assert.equal(value, `value of ${each}`);
      }
    },
  },
  {
    name: "many keys: what another process's fetch fails for is taken over",
    *holds({ one, two, key }) {
      const keys = keysOf(key, 4);
      const failing = makeBatches(0);
      let fail = false;
      const fails = (context: BatchContext<string>) =>
        Effect.flatMap(failing.fetcher(context), () =>
          Effect.flatMap(
            until("the fetch is to fail", () => fail),
            () => Effect.fail("boom" as const),
          ));
      const first = yield* start(clientOf(one).getOrSetMany(keys, fails));
      yield* until("the fetch has begun", () => failing.asked.length > 0);
      const { asked, fetcher } = makeBatches();
      const second = yield* start(clientOf(two).getOrSetAll(keys, fetcher));
      yield* two.follows(keys.length);
      fail = true;
      const values = yield* soon("The takeover", Fiber.join(second));
      assert.deepEqual([...values.keys()], keys);
      assert.deepEqual(asked.flat().sort(), keys);
      for (const exit of (yield* Fiber.join(first)).values()) {
        assert.equal(yield* Effect.flip(exit), "boom");
      }
    },
  },
  {
    name: "many keys: an interrupted call leaves no lease",
    *holds({ one, two, key }) {
      const keys = keysOf(key, 4);
      const hangs = makeBatches(Infinity);
      const call = yield* start(clientOf(one).getOrSetMany(keys, hangs.fetcher));
      yield* until("the fetch has begun", () => hangs.asked.length > 0);
      yield* Fiber.interrupt(call);
      const { asked, fetcher } = makeBatches();
      yield* soon("The next call", clientOf(two).getOrSetAll(keys, fetcher));
      assert.deepEqual(asked.flat().sort(), keys);
    },
  },
];
