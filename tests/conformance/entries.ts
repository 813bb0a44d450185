import { Effect } from "effect";
import assert from "node:assert/strict";
import { isAdapterError } from "../../src/model/errors.ts";
import type { Entry } from "../../src/store/store.ts";
import { answered, LONG, type Property, type World } from "./world.ts";

const DAY = 24 * 60 * 60 * 1000;

/** Values that every store keeps as they are. */
export const values: readonly unknown[] = [
  undefined,
  null,
  0,
  "",
  false,
  true,
  -1.5,
  1e21,
  "undefined",
  "null",
  "0",
  'quotes " and \\ backslashes',
  "line\nbreak, tab\t, NUL\0, é, 日本, 🦊",
  "\ud800 alone",
  [],
  {},
  [[null, [0, ""]], { deep: { deeper: [false, { deepest: null }] } }],
  JSON.parse('{ "__proto__": { "own": 1 }, "constructor": 2, "": 3 }'),
  "long ".repeat(20_000),
];

function nameOf(value: unknown): string {
  const type = Object.prototype.toString.call(value);
  const asJson = ["[object Object]", "[object Array]", "[object String]"].includes(type);
  const name = asJson ? JSON.stringify(value) : value instanceof Object ? type : String(value);
  return name.length > 50 ? `${name.slice(0, 50)}…` : name;
}

/** That a value comes back as it was. */
export function keeps(value: unknown): Property {
  return {
    name: `keeps the value ${nameOf(value)}`,
    needs: value === null ? ["nulls"] : [],
    *holds({ one, two, key }) {
      const filled = `${key}:filled`;
      yield* one.set(key, value, { freshFor: LONG });
      yield* one.acquire(filled, "a", LONG);
      assert.equal(yield* one.fill(filled, "a", value, { freshFor: LONG }), true);
      for (const each of [key, filled]) {
        assert.deepEqual((yield* two.get(each))?.value, value);
        assert.deepEqual(hasValue(yield* two.get(each)), true);
        assert.deepEqual(answered(yield* two.acquire(each, "b", LONG), "Hit").entry.value, value);
      }
    },
  };
}

const hasValue = (entry: Entry<unknown> | undefined) => entry !== undefined && "value" in entry;

/** What `get`, `set` and `delete` guarantee. */
export const entries: readonly Property[] = [
  {
    name: "get finds nothing before a set",
    *holds({ one, key }) {
      assert.equal(yield* one.get(key), undefined);
    },
  },
  {
    name: "set stores for every process, and overwrites",
    *holds({ one, two, key }) {
      yield* one.set(key, "first", { freshFor: LONG });
      assert.equal((yield* two.get(key))?.value, "first");
      yield* two.set(key, "second", { freshFor: LONG });
      assert.equal((yield* one.get(key))?.value, "second");
      assert.equal((yield* two.get(key))?.value, "second");
    },
  },
  {
    name: "delete removes for every process, and may find nothing to remove",
    *holds({ one, two, key }) {
      yield* one.delete(key);
      yield* one.set(key, "value");
      yield* two.delete(key);
      assert.equal(yield* one.get(key), undefined);
      assert.equal(yield* two.get(key), undefined);
      answered(yield* one.acquire(key, "a", LONG), "Leader");
    },
  },
  {
    name: "an entry expires after its time to live, and without one it stays",
    *holds({ one, two, key, short, expired }) {
      yield* one.set(key, "short", { freshFor: short });
      yield* one.set(`${key}:good`, "for good");
      assert.equal((yield* two.get(key))?.value, "short");
      yield* expired;
      assert.equal(yield* one.get(key), undefined);
      assert.equal(yield* two.get(key), undefined);
      answered(yield* two.acquire(key, "a", LONG), "Leader");
      assert.equal((yield* two.get(`${key}:good`))?.value, "for good");
    },
  },
  {
    name: "a filled entry expires after its time to live, and without one it stays",
    *holds({ one, two, key, short, expired }) {
      yield* one.acquire(key, "a", LONG);
      yield* one.fill(key, "a", "short", { freshFor: short });
      yield* one.acquire(`${key}:good`, "a", short);
      yield* one.fill(`${key}:good`, "a", "for good");
      assert.equal((yield* two.get(key))?.value, "short");
      yield* expired;
      assert.equal(yield* two.get(key), undefined);
      answered(yield* two.acquire(key, "b", LONG), "Leader");
      assert.equal((yield* two.get(`${key}:good`))?.value, "for good");
    },
  },
  {
    name: "the last set decides the time to live",
    *holds({ one, two, key, short, expired }) {
      yield* one.set(key, 1, { freshFor: short });
      yield* two.set(key, 2);
      yield* one.set(`${key}:2`, 1);
      yield* two.set(`${key}:2`, 2, { freshFor: short });
      yield* one.set(`${key}:3`, 1, { freshFor: short });
      yield* two.set(`${key}:3`, 2, { freshFor: LONG });
      yield* expired;
      assert.equal((yield* one.get(key))?.value, 2);
      assert.equal(yield* one.get(`${key}:2`), undefined);
      assert.equal((yield* one.get(`${key}:3`))?.value, 2);
    },
  },
  {
    name: "times to live may have a fraction, and be very short or very long",
    *holds({ one, two, key }) {
      for (const ttl of [1000.5, 29.9 * DAY + 0.1, 40 * DAY, 36_500 * DAY]) {
        yield* one.set(key, ttl, { freshFor: ttl });
        assert.equal((yield* two.get(key))?.value, ttl);
        yield* one.delete(key);
        const { remaining } = answered(yield* one.acquire(key, "a", ttl), "Leader");
        assert.ok(remaining > 0);
        assert.equal(yield* one.renew(key, "a", ttl), true);
        assert.equal(yield* one.fill(key, "a", ttl, { freshFor: ttl }), true);
        assert.equal((yield* two.get(key))?.value, ttl);
        yield* one.delete(key);
      }
      yield* one.set(key, "value", { freshFor: 0.4 });
      yield* one.set(key, "value", { freshFor: LONG });
      yield* one.delete(key);
      answered(yield* one.acquire(key, "a", 0.4), "Leader");
      yield* one.renew(key, "a", 0.4);
      yield* one.fill(key, "a", "value", { freshFor: 0.4 });
    },
  },
  {
    name: "many keys are stored at the same time",
    *holds({ one, two, key }) {
      const keys = Array.from({ length: 50 }, (_, index) => `${key}:${index}`);
      const each = <A, E>(run: (key: string) => Effect.Effect<A, E>) =>
        Effect.forEach(keys, run, { concurrency: "unbounded" });
      yield* each((key) => one.set(key, key, { freshFor: LONG }));
      assert.deepEqual((yield* each((key) => two.get(key))).map((entry) => entry?.value), keys);
    },
  },
  ...keyProperties(),
  {
    name: "processes with clocks an hour ahead or behind see the same entries and leases",
    needs: ["clocks"],
    alone: true,
    *holds({ one, two, key: name, short, expired, gaps }) {
      const wrong = [60, -60].map((minutes) => ({
        key: `${name}:${minutes}`,
        there: <A, E, R>(run: Effect.Effect<A, E, R>) => withSkewedClock(minutes * 60_000, run),
      }));
      for (const { key, there } of wrong) {
        yield* one.set(key, "here", { freshFor: LONG });
        assert.equal((yield* there(two.get(key)))?.value, "here");
        answered(yield* there(two.acquire(key, "b", LONG)), "Hit");
        yield* there(two.set(key, "there", { freshFor: LONG }));
        assert.equal((yield* one.get(key))?.value, "there");
        yield* there(two.set(key, "short", { freshFor: short }));
        assert.equal((yield* one.get(key))?.value, "short");
      }
      yield* expired;
      for (const { key, there } of wrong) {
        assert.equal(yield* one.get(key), undefined);
        assert.equal(yield* there(two.get(key)), undefined);

        answered(yield* one.acquire(key, "a", LONG), "Leader");
        const { remaining } = answered(yield* there(two.acquire(key, "b", LONG)), "Follower");
        assert.ok(remaining > 0 && remaining <= LONG, `${remaining}`);
        assert.equal(yield* one.fill(key, "a", "filled", { freshFor: LONG }), true);
        yield* one.delete(key);

        answered(yield* there(two.acquire(key, "c", short)), "Leader");
        answered(yield* one.acquire(key, "d", LONG), "Follower");
      }
      yield* expired;
      for (const { key, there } of wrong) {
        if (gaps.expiry === undefined) {
          assert.equal(yield* there(two.fill(key, "c", "late", { freshFor: LONG })), false);
        }
        answered(yield* one.acquire(key, "d", LONG), "Leader");
      }
    },
  },
];

/** Runs an effect while this machine's wall clock is wrong. */
function withSkewedClock<A, E, R>(
  skew: number,
  effect: Effect.Effect<A, E, R>,
): Effect.Effect<A, E, R> {
  const { now } = Date;
  return Effect.acquireUseRelease(
    Effect.sync(() => void (Date.now = () => now() + skew)),
    () => effect,
    () => Effect.sync(() => void (Date.now = now)),
  );
}

function keyProperties(): Property[] {
  /** Keys that every store takes. */
  const ordinary = [
    "a",
    "A",
    "a ",
    " a",
    "a b",
    "a:b",
    "a/b",
    "a//b",
    "/a",
    "a/",
    "../a",
    "%61",
    "{a}",
    "{a}b",
    "}a{",
    "{}a",
    "a*",
    "a?",
    "a%",
    "a_",
    "a'b",
    'a"b',
    "a\\b",
    "a;b--",
    "$a",
    "a.b",
    "é",
    "e\u0301",
    "日本",
    "🦊",
    "lease:a",
    "a:lease",
    "x".repeat(200),
  ];
  /** Keys that a store may refuse, with an `AdapterError`, but never mistake for another. */
  const hostile = [
    "a\0b",
    "a\nb",
    "a\r\nb",
    "a\tb",
    "\x7f",
    "\ud800",
    "\ud801",
    "\udc00",
    "\ufffd",
    "y".repeat(5000),
    "y".repeat(4999) + "z",
    "日".repeat(1000),
  ];
  const apart = ({ one, two }: World, keys: readonly string[], mayRefuse: boolean) =>
    Effect.gen(function* () {
      const taken: string[] = [];
      for (const key of keys) {
        const refused = yield* Effect.exit(Effect.flip(one.set(key, key, { freshFor: LONG })));
        if (refused._tag === "Failure") taken.push(key);
        else assert.ok(mayRefuse && isAdapterError(refused.value), `${key} is refused`);
      }
      for (const key of taken) assert.equal((yield* two.get(key))?.value, key);
      for (const key of taken) {
        yield* two.delete(key);
        assert.equal(yield* one.get(key), undefined);
        answered(yield* one.acquire(key, key, LONG), "Leader");
      }
      for (const key of taken) answered(yield* two.acquire(key, "other", LONG), "Follower");
      for (const key of taken) {
        assert.equal(yield* one.fill(key, key, key, { freshFor: LONG }), true);
      }
      for (const key of taken) assert.equal((yield* two.get(key))?.value, key);
      for (const key of taken) yield* two.delete(key);
    });
  return [
    {
      name: "keys may be any text, and no two are the same",
      *holds(world) {
        yield* apart(world, ordinary.map((name) => world.key + name), false);
      },
    },
    {
      name: "keys with a meaning for objects or file systems are keys like any other",
      *holds(world) {
        yield* apart(world, ["__proto__", "constructor", " ", ".", "..", "/"], false);
      },
    },
    {
      name: "keys that no backend likes stay separate, or are refused with an AdapterError",
      *holds(world) {
        yield* apart(world, hostile.map((name) => world.key + name), true);
      },
    },
  ];
}
