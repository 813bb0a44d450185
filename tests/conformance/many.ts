import { Effect, Fiber } from "effect";
import assert from "node:assert/strict";
import type { BatchContext } from "../../src/face/common_many_options.ts";
import { clientOf, type Property, soon, start, until } from "./world.ts";

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

/** The promises for many keys at once. */
export const many: readonly Property[] = [
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
