import { Effect } from "effect";
import assert from "node:assert/strict";
import type { Entry, Failure, Lifetime } from "../../src/store/store.ts";
import { answered, atOnce, LONG, type Process, type Property, type World } from "./world.ts";

/** A day, in milliseconds: longer than any lease or entry of a case has to live. */
const DAY = 24 * 60 * 60 * 1000;

/** Ways to store a value, by each of which a case holds. */
const ways: Readonly<
  Record<
    "set" | "filled",
    (store: Process, key: string, value: unknown, lifetime: Lifetime) => Effect.Effect<
      void,
      unknown
    >
  >
> = {
  set: (store, key, value, lifetime) => store.set(key, value, lifetime),
  filled: (store, key, value, lifetime) =>
    Effect.gen(function* () {
      answered(yield* store.acquire(key, `fills ${key}`, LONG), "Leader");
      assert.equal(yield* store.fill(key, `fills ${key}`, value, lifetime), true);
    }),
};

/** The entry, which must be there. */
const entryIn = (store: Process, key: string) =>
  Effect.map(store.get(key, true), (entry): Entry<unknown> => {
    assert.ok(entry !== undefined, "there is no entry");
    return entry;
  });

/** That an entry is stale and its value this one. */
function assertStale(entry: Entry<unknown> | undefined, value: unknown): void {
  assert.deepEqual(entry?.value, value);
  assert.ok(isStale(entry), `it is fresh for ${entry?.freshFor}`);
}

function isStale(entry: Entry<unknown> | undefined): boolean {
  return entry?.freshFor !== undefined && entry.freshFor <= 0;
}

/** That nobody has anything of the key: neither a value nor a lease. */
const isCold = ({ one, two, key }: World) =>
  Effect.gen(function* () {
    for (const store of [one, two]) assert.equal(yield* store.get(key), undefined);
    answered(yield* two.acquire(key, "finds nothing", LONG), "Leader");
    yield* two.release(key, "finds nothing", "cancelled");
  });

/** Stores a value that is stale already, for long; what is told of the times is not looked at. */
const storeStale = ({ one, key }: World, value: unknown = "old") =>
  Effect.gen(function* () {
    yield* one.set(key, value, { freshFor: LONG, staleFor: LONG });
    yield* one.expire(key);
  });

/** What changes a key whose entry is being refreshed, and what is there then. */
const changes: Readonly<
  Record<string, { change: (world: World) => Effect.Effect<unknown, unknown>; left?: unknown }>
> = {
  "delete": { change: ({ two, key }) => two.delete(key) },
  "set": { change: ({ two, key }) => two.set(key, "set", { freshFor: LONG }), left: "set" },
  "set with a stale time": {
    change: ({ two, key }) => two.set(key, "set", { freshFor: LONG, staleFor: LONG }),
    left: "set",
  },
  "expire": { change: ({ two, key }) => two.expire(key), left: "old" },
};

const failed = (failures: number, quietFor: number): Failure => ({ failures, quietFor });

/** What stores keep of how fresh an entry is. */
export const freshness: readonly Property[] = [
  ...Object.entries(ways).map(([way, store]): Property => ({
    name: `an entry that was ${way} is fresh, then stale, then gone`,
    needs: ["staleness"],
    *holds(world) {
      const { one, two, key, short, expired, granularity } = world;
      yield* store(one, key, "value", { freshFor: short, staleFor: short });
      yield* store(one, `${key}:long`, "long", { freshFor: short, staleFor: DAY });
      const fresh = yield* entryIn(two, key);
      assert.equal(fresh.value, "value");
      assert.ok(fresh.freshFor! > 0 && fresh.freshFor! <= short + granularity, `${fresh.freshFor}`);
      answered(yield* two.acquire(key, "a", LONG), "Hit");
      yield* expired;
      const entry = yield* two.get(`${key}:long`);
      assertStale(entry, "long");
      assert.ok(entry!.freshFor! >= -LONG, `it has been stale for ${entry!.freshFor}`);
      assertStale(yield* two.get(`${key}:long`, true), "long");
      yield* expired;
      assert.equal(yield* one.get(key), undefined);
      assert.equal(yield* two.get(key), undefined);
      assert.equal(answered(yield* two.acquire(key, "a", LONG), "Leader").entry, undefined);
      assertStale(yield* one.get(`${key}:long`), "long");
    },
  })),
  {
    name: "a stale time is counted from the end of the fresh one",
    needs: ["staleness"],
    *holds({ one, two, key, short, expired }) {
      yield* one.set(key, "value", { freshFor: short, staleFor: 3 * short });
      yield* expired;
      assertStale(yield* two.get(key), "value");
    },
  },
  {
    name: "an entry without an end can have a stale time, which begins when it is expired",
    needs: ["staleness"],
    *holds({ one, two, key, short, expired }) {
      yield* one.set(key, "value", { staleFor: short });
      yield* one.set(`${key}:long`, "value", { staleFor: DAY });
      yield* expired;
      for (const each of [key, `${key}:long`]) {
        const { value, freshFor } = yield* entryIn(two, each);
        assert.deepEqual([value, freshFor], ["value", undefined]);
        answered(yield* two.acquire(each, "a", LONG), "Hit");
        yield* one.expire(each);
      }
      assertStale(yield* two.get(`${key}:long`), "value");
      yield* expired;
      assert.equal(yield* two.get(key), undefined);
      assertStale(yield* two.get(`${key}:long`), "value");
    },
  },
  {
    name: "every value can be stale, and how long its fetch took is told with it",
    needs: ["staleness", "nulls"],
    *holds({ one, two, key }) {
      for (const value of [undefined, null, 0, "", false, "\0", { deep: ["é", "🦊"] }]) {
        yield* one.set(key, value, { freshFor: LONG, staleFor: LONG, took: 12.5 });
        const entry = yield* entryIn(two, key);
        assert.deepEqual([entry.value, entry.took], [value, 12.5]);
        assert.ok(entry.freshFor! > LONG / 2, `${entry.freshFor}`);
        yield* two.expire(key);
        assertStale(yield* one.get(key), value);
        const leader = answered(yield* one.acquire(key, "a", LONG), "Leader");
        assertStale(leader.entry, value);
        assert.equal(leader.entry?.took, 12.5);
        assert.equal(yield* one.fill(key, "a", value, { freshFor: LONG, took: 3 }), true);
        const filled = yield* entryIn(two, key);
        assert.deepEqual([filled.value, filled.took], [value, 3]);
        assert.ok(filled.freshFor! > LONG / 2, `${filled.freshFor}`);
      }
    },
  },
  {
    name: "expire makes a fresh entry stale at once, for its stale time, and in every process",
    needs: ["staleness"],
    *holds({ one, two, key, short, expired }) {
      yield* one.set(key, "value", { freshFor: DAY, staleFor: short });
      yield* two.expire(key);
      for (const store of [one, two]) assertStale(yield* store.get(key), "value");
      assertStale(answered(yield* one.acquire(key, "a", short), "Leader").entry, "value");
      yield* expired;
      for (const store of [one, two]) assert.equal(yield* store.get(key), undefined);
    },
  },
  {
    name: "expire removes an entry without a stale time, and finds nothing where there is none",
    *holds(world) {
      const { one, two, key } = world;
      yield* one.expire(key);
      for (const lifetime of [{ freshFor: LONG }, {}]) {
        yield* one.set(key, "value", lifetime);
        yield* two.expire(key);
        yield* isCold(world);
        yield* one.acquire(key, "a", LONG);
        yield* one.fill(key, "a", "value", lifetime);
        yield* one.expire(key);
        yield* isCold(world);
      }
    },
  },
  {
    name: "expire leaves a stale entry as it is",
    needs: ["staleness"],
    *holds(world) {
      const { one, two, key, short, expired } = world;
      yield* one.set(key, "value", { freshFor: DAY, staleFor: short });
      yield* one.expire(key);
      yield* Effect.sleep(short / 2);
      yield* two.expire(key);
      assertStale(yield* one.get(key), "value");
      yield* Effect.sleep(short / 2);
      yield* two.expire(key);
      yield* expired;
      yield* isCold(world);
    },
  },
  {
    name: "expire ends a lease, whatever is there",
    needs: ["revocation", "fencing"],
    *holds(world) {
      const { one, two, key } = world;
      yield* one.acquire(key, "a", LONG);
      yield* two.expire(key);
      assert.equal(yield* one.renew(key, "a", LONG), false);
      assert.equal(yield* one.fill(key, "a", "late", { freshFor: LONG }), false);
      yield* isCold(world);
    },
  },
  {
    name: "one of 50 acquirers of a stale entry leads, and all have its value",
    needs: ["staleness"],
    *holds(world) {
      const { one, two, key } = world;
      yield* storeStale(world);
      const all = () =>
        atOnce(50, (index) => (index % 2 ? one : two).acquire(key, `owner ${index}`, LONG));
      const answers = yield* all();
      assert.equal(answers.filter(({ _tag }) => _tag === "Leader").length, 1, "leaders");
      assert.equal(answers.filter(({ _tag }) => _tag === "Follower").length, 49, "followers");
      for (const answer of answers) {
        assertStale((answer as { readonly entry?: Entry<unknown> }).entry, "old");
      }
      for (const store of [one, two]) assertStale(yield* store.get(key), "old");
      const leader = answers.findIndex(({ _tag }) => _tag === "Leader");
      assert.equal(yield* two.fill(key, `owner ${leader}`, "new", { freshFor: LONG }), true);
      for (const answer of yield* all()) assert.equal(answered(answer, "Hit").entry.value, "new");
      for (const store of [one, two]) {
        const entry = yield* store.get(key);
        assert.equal(entry?.value, "new");
        assert.ok(!isStale(entry));
      }
    },
  },
  {
    name: "a stale entry stays beside a lease that is renewed, and after any release",
    needs: ["staleness", "renewal"],
    *holds(world) {
      const { one, two, key, short } = world;
      yield* storeStale(world);
      for (const outcome of ["failed", "uncached", "cancelled"] as const) {
        answered(yield* one.acquire(key, outcome, short), "Leader");
        assert.equal(yield* one.renew(key, outcome, LONG), true);
        const { remaining, entry } = answered(yield* two.acquire(key, "b", LONG), "Follower");
        assert.ok(remaining > LONG / 2 && remaining <= LONG, `${remaining}`);
        assertStale(entry, "old");
        assertStale(answered(yield* two.acquire(key, outcome, LONG), "Leader").entry, "old");
        yield* one.release(key, outcome, outcome);
        assertStale(yield* two.get(key), "old");
      }
      assertStale(answered(yield* two.acquire(key, "b", LONG), "Leader").entry, "old");
    },
  },
  {
    name: "followers of a refresh learn how it ended",
    needs: ["staleness", "outcomes"],
    *holds(world) {
      const { one, two, key } = world;
      yield* storeStale(world);
      yield* one.acquire(key, "a", LONG);
      const first = answered(yield* two.acquire(key, "b", LONG), "Follower");
      yield* one.release(key, "a", "failed");
      const next = answered(
        yield* two.acquire(key, "b", LONG, { waitedFor: first.lease }),
        "Leader",
      );
      assert.equal(next.after, "failed");
      const second = answered(yield* one.acquire(key, "c", LONG), "Follower");
      yield* two.release(key, "b", "uncached");
      answered(yield* one.acquire(key, "c", LONG, { waitedFor: second.lease }), "Ended");
      assertStale(yield* one.get(key), "old");
    },
  },
  {
    name: "a refresh whose lease has ended is taken over, and refused",
    needs: ["staleness", "fencing"],
    *holds(world) {
      const { one, two, key, short, takeOver } = world;
      yield* storeStale(world);
      answered(yield* one.acquire(key, "a", short), "Leader");
      answered(yield* two.acquire(key, "b", LONG), "Follower");
      assertStale(answered(yield* takeOver(two, "b"), "Leader").entry, "old");
      assert.equal(yield* one.fill(key, "a", "late", { freshFor: LONG }), false);
      assertStale(yield* one.get(key), "old");
      assert.equal(yield* two.fill(key, "b", "new", { freshFor: LONG }), true);
      assert.equal((yield* one.get(key))?.value, "new");
    },
  },
  {
    name: "a late fill is refused, even with the very value that is there",
    needs: ["staleness", "fencing", "revocation"],
    *holds({ one, two, key, short, takeOver }) {
      for (const lifetime of [{ freshFor: LONG, staleFor: LONG }, { staleFor: LONG }]) {
        yield* one.set(key, "old", lifetime);
        answered(yield* one.acquire(key, "a", LONG, { freshBelow: Infinity }), "Leader");
        yield* two.expire(key);
        assert.equal(yield* one.fill(key, "a", "old", lifetime), false);
        assertStale(yield* two.get(key), "old");
        answered(yield* one.acquire(key, "b", short), "Leader");
        answered(yield* two.acquire(key, "c", LONG), "Follower");
        answered(yield* takeOver(two, "c"), "Leader");
        assert.equal(yield* one.fill(key, "b", "old", lifetime), false);
        assertStale(yield* one.get(key), "old");
        yield* two.release(key, "c", "cancelled");
      }
    },
  },
  {
    name: "an entry can be fresh, and stale, for longer than any backend can count",
    needs: ["staleness"],
    *holds({ one, two, key }) {
      const ages = [LONG, 1e13, 1e16, 1e300, Infinity];
      for (const freshFor of ages) {
        for (const staleFor of ages) {
          yield* one.set(key, "value", { freshFor, staleFor });
          const { freshFor: left = Infinity } = yield* entryIn(two, key);
          assert.ok(left > LONG / 2, `fresh for ${freshFor}: ${left}`);
          answered(yield* two.acquire(key, "a", LONG), "Hit");
          yield* one.expire(key);
          assertStale(yield* two.get(key), "value");
        }
      }
      yield* one.acquire(key, "a", LONG);
      yield* one.release(key, "a", "failed", failed(1, Infinity));
      const answer = answered(yield* two.acquire(key, "b", LONG, { backOff: true }), "Failed");
      assert.ok(answer.remaining > DAY, `${answer.remaining}`);
      yield* two.delete(key);
    },
  },
  {
    name: "an entry may end while it is refreshed, and is filled all the same",
    needs: ["staleness"],
    *holds({ one, two, key, short, expired }) {
      yield* one.set(key, "old", { freshFor: DAY, staleFor: short });
      yield* one.expire(key);
      answered(yield* one.acquire(key, "a", LONG), "Leader");
      yield* expired;
      assert.equal(yield* two.get(key), undefined);
      assert.equal(answered(yield* two.acquire(key, "b", LONG), "Follower").entry, undefined);
      assert.equal(yield* one.renew(key, "a", LONG), true);
      assert.equal(yield* two.get(key), undefined);
      assert.equal(yield* one.fill(key, "a", "new", { freshFor: LONG }), true);
      assert.equal((yield* two.get(key))?.value, "new");
    },
  },
  {
    name: "an entry outlives the lease of its refresh",
    needs: ["staleness"],
    *holds(world) {
      const { one, two, key, short, expired, takeOver } = world;
      yield* storeStale(world);
      answered(yield* one.acquire(key, "dies", short), "Leader");
      answered(yield* two.acquire(key, "b", LONG), "Follower");
      yield* expired;
      for (const store of [one, two]) assertStale(yield* store.get(key), "old");
      assertStale(answered(yield* takeOver(two, "b"), "Leader").entry, "old");
    },
  },
  ...Object.entries(changes).map(([name, { change, left }]): Property => ({
    name: `${name} ends the refresh of a stale entry, whose fill is refused`,
    needs: ["staleness", "revocation", "fencing", "renewal"],
    *holds(world) {
      const { one, two, key } = world;
      yield* storeStale(world);
      answered(yield* one.acquire(key, "a", LONG), "Leader");
      yield* change(world);
      assert.equal(yield* one.renew(key, "a", LONG), false);
      assert.equal(yield* one.fill(key, "a", "late", { freshFor: LONG }), false);
      yield* one.release(key, "a", "failed", failed(1, LONG));
      for (const store of [one, two]) assert.deepEqual((yield* store.get(key))?.value, left);
      const next = yield* two.acquire(key, "b", LONG, { backOff: true });
      assert.equal(next._tag, left === "set" ? "Hit" : "Leader");
    },
  })),
  {
    name: "an entry is no hit that isn't fresh for longer than asked for",
    needs: ["staleness"],
    *holds({ one, two, key }) {
      yield* one.set(key, "value", { freshFor: LONG, staleFor: LONG });
      const acquire = (owner: string, freshBelow: number) =>
        two.acquire(key, owner, LONG, { freshBelow });
      answered(yield* acquire("a", LONG / 2), "Hit");
      const { entry } = answered(yield* acquire("a", 2 * LONG), "Leader");
      assert.equal(entry?.value, "value");
      assert.ok(entry.freshFor! > LONG / 2 && entry.freshFor! <= LONG + 1000, `${entry.freshFor}`);
      // Others hit meanwhile, and whoever wants it fresher follows.
      for (const store of [one, two]) {
        const fresh = yield* entryIn(store, key);
        assert.equal(fresh.value, "value");
        assert.ok(fresh.freshFor! > LONG / 2, `${fresh.freshFor}`);
        answered(yield* store.acquire(key, "b", LONG), "Hit");
      }
      const follower = answered(yield* acquire("b", 2 * LONG), "Follower");
      assert.equal(follower.entry?.value, "value");
      assert.equal(yield* two.fill(key, "a", "new", { freshFor: 3 * LONG, staleFor: 1 }), true);
      assert.equal(answered(yield* acquire("b", 2 * LONG), "Hit").entry.value, "new");
    },
  },
  {
    name: "no entry is a hit where it is to be refreshed whatever it is",
    needs: ["staleness"],
    *holds({ one, two, key }) {
      for (const lifetime of [{}, { freshFor: DAY }, { freshFor: DAY, staleFor: DAY }]) {
        yield* one.set(key, "value", lifetime);
        const refresh = (owner: string) => two.acquire(key, owner, LONG, { freshBelow: Infinity });
        assert.equal(answered(yield* refresh("a"), "Leader").entry?.value, "value");
        assert.equal(answered(yield* refresh("b"), "Follower").entry?.value, "value");
        for (const store of [one, two]) {
          const entry = yield* store.get(key);
          assert.deepEqual([entry?.value, isStale(entry)], ["value", false]);
          answered(yield* store.acquire(key, "c", LONG), "Hit");
        }
        yield* two.release(key, "a", "failed");
        answered(yield* one.acquire(key, "c", LONG), "Hit");
        answered(yield* refresh("d"), "Leader");
        assert.equal(yield* two.fill(key, "d", "new", lifetime), true);
        assert.equal((yield* one.get(key))?.value, "new");
      }
    },
  },
  {
    name: "an entry that is fresh beside a lease becomes stale, and ends",
    needs: ["staleness"],
    *holds({ one, two, key, short, expired }) {
      yield* one.set(key, "value", { freshFor: short, staleFor: short });
      answered(yield* one.acquire(key, "a", LONG, { freshBelow: Infinity }), "Leader");
      yield* one.set(`${key}:long`, "value", { freshFor: short, staleFor: DAY });
      answered(yield* one.acquire(`${key}:long`, "a", LONG, { freshBelow: Infinity }), "Leader");
      yield* expired;
      assertStale(yield* two.get(`${key}:long`), "value");
      const { entry } = answered(yield* two.acquire(`${key}:long`, "b", LONG), "Follower");
      assertStale(entry, "value");
      yield* expired;
      assert.equal(yield* two.get(key), undefined);
      assertStale(yield* two.get(`${key}:long`), "value");
    },
  },
  {
    name:
      "set of a plain entry over one with a stale time, and the reverse, leaves nothing of the other",
    needs: ["staleness"],
    *holds({ one, two, key, short, expired }) {
      yield* one.set(key, "first", { freshFor: DAY, staleFor: DAY, took: 5 });
      yield* two.set(key, "plain", { freshFor: short });
      assert.equal((yield* one.get(key))?.value, "plain");
      assert.equal((yield* one.get(key, true))?.took, undefined);
      yield* one.set(`${key}:2`, "plain", { freshFor: DAY });
      yield* two.set(`${key}:2`, "second", { freshFor: short, staleFor: DAY });
      yield* one.set(`${key}:3`, "first", { freshFor: short, staleFor: short });
      yield* two.set(`${key}:3`, "for good");
      yield* expired;
      assert.equal(yield* one.get(key), undefined);
      assertStale(yield* one.get(`${key}:2`), "second");
      yield* expired;
      const { value, freshFor } = yield* entryIn(one, `${key}:3`);
      assert.deepEqual([value, freshFor], ["for good", undefined]);
      yield* one.expire(`${key}:3`);
      assert.equal(yield* two.get(`${key}:3`), undefined);
    },
  },
  {
    name: "a fill over a stale entry may be plain, and leaves nothing of it",
    needs: ["staleness"],
    *holds(world) {
      const { one, two, key, short, expired } = world;
      yield* storeStale(world);
      yield* one.acquire(key, "a", LONG);
      assert.equal(yield* one.fill(key, "a", "plain", { freshFor: short }), true);
      assert.equal(
        yield* one.fill(key, "a", "plain", { freshFor: short }).pipe(Effect.as(true)),
        true,
      );
      const entry = yield* two.get(key);
      assert.deepEqual([entry?.value, isStale(entry)], ["plain", false]);
      yield* expired;
      yield* isCold(world);
    },
  },
  {
    name: "times may have a fraction, and be very short or very long, where there is a stale time",
    needs: ["staleness"],
    *holds({ one, two, key }) {
      const times = [1000.5, 29.9 * DAY + 0.1, 40 * DAY, 36_500 * DAY];
      for (const freshFor of times) {
        for (const staleFor of [0.4, ...times]) {
          yield* one.set(key, freshFor, { freshFor, staleFor, took: 0.25 });
          const entry = yield* entryIn(two, key);
          assert.equal(entry.value, freshFor);
          const bound = Math.max(2000, freshFor * 1e-9);
          assert.ok(Math.abs(entry.freshFor! - freshFor) < bound, `${entry.freshFor}`);
        }
      }
      yield* one.set(key, "brief", { freshFor: 0.4, staleFor: DAY });
      assert.equal((yield* two.get(key))?.value, "brief");
      yield* one.delete(key);
      assert.equal(yield* two.get(key), undefined);
    },
  },
  {
    name:
      "who backs off is told to after a failure, with the stale value, and how many failed in a row",
    needs: ["staleness", "failures"],
    *holds(world) {
      const { one, two, key } = world;
      yield* storeStale(world);
      answered(yield* one.acquire(key, "a", LONG), "Leader");
      yield* one.release(key, "a", "failed", failed(1, LONG / 2));
      for (const store of [one, two]) {
        const answer = answered(yield* store.acquire(key, "b", LONG, { backOff: true }), "Failed");
        assert.equal(answer.failures, 1);
        assert.ok(
          answer.remaining > LONG / 4 && answer.remaining <= LONG / 2 + 1000,
          `${answer.remaining}`,
        );
        assertStale(answer.entry, "old");
        assertStale(yield* store.get(key), "old");
      }
      // Who doesn't back off ends it.
      assert.equal(answered(yield* two.acquire(key, "c", LONG), "Leader").failures, 1);
      const { failures } = answered(yield* two.acquire(key, "c", LONG), "Leader");
      assert.equal(failures, 1);
      answered(yield* one.acquire(key, "d", LONG, { backOff: true }), "Follower");
      yield* two.release(key, "c", "cancelled");
      answered(yield* one.acquire(key, "d", LONG, { backOff: true }), "Leader");
    },
  },
  {
    name: "a failure is told without an entry, too, and to nobody else than those who back off",
    needs: ["failures"],
    *holds({ one, two, key, gaps }) {
      answered(yield* one.acquire(key, "a", LONG), "Leader");
      yield* one.release(key, "a", "failed", failed(2, LONG));
      const answer = answered(yield* two.acquire(key, "b", LONG, { backOff: true }), "Failed");
      assert.deepEqual([answer.failures, answer.entry], [2, undefined]);
      if (gaps.fencing === undefined) {
        assert.equal(yield* one.fill(key, "a", "late", { freshFor: LONG }), false);
      }
      answered(yield* two.acquire(key, "b", LONG), "Leader");
    },
  },
  {
    name:
      "what a failure tells is told to those who back off: up to 8 kB, also nothing, until the next end",
    needs: ["failures"],
    *holds({ one, two, key }) {
      const backOff = (store: Process, waitedFor?: string) =>
        store.acquire(key, "b", LONG, { backOff: true, waitedFor });
      const longest = "+/aA9".repeat(2184) + "====";
      for (const payload of ["eyJfdGFnIjoiRG93biJ9", "", longest]) {
        answered(yield* one.acquire(key, "a", LONG), "Leader");
        const follower = answered(yield* backOff(two), "Follower");
        yield* one.release(key, "a", "failed", { ...failed(1, LONG), payload });
        for (const waitedFor of [undefined, follower.lease]) {
          assert.equal(answered(yield* backOff(two, waitedFor), "Failed").payload, payload);
        }
        const next = answered(
          yield* one.acquire(key, "c", LONG, { waitedFor: follower.lease }),
          "Leader",
        );
        assert.equal(next.after, "failed");
        yield* one.release(key, "c", "cancelled");
        answered(yield* backOff(two), "Leader");
        yield* two.release(key, "b", "failed", failed(1, LONG));
        assert.equal(answered(yield* backOff(two), "Failed").payload, undefined);
        yield* one.delete(key);
      }
    },
  },
  {
    name:
      "a failure is over after its time, how many there were in a row is remembered, and ends with a fill",
    needs: ["staleness", "failures", "fencing"],
    *holds(world) {
      const { one, two, key, short, expired } = world;
      yield* storeStale(world);
      const backOff = (store: Process, owner: string) =>
        store.acquire(key, owner, short, { backOff: true });
      answered(yield* backOff(one, "a"), "Leader");
      yield* one.release(key, "a", "failed", failed(1, short));
      answered(yield* backOff(two, "b"), "Failed");
      yield* expired;
      assert.equal(answered(yield* backOff(two, "b"), "Leader").failures, 1);
      yield* two.release(key, "b", "failed", failed(2, short));
      answered(yield* backOff(one, "c"), "Failed");
      yield* expired;
      assert.equal(answered(yield* backOff(one, "c"), "Leader").failures, 2);
      assert.equal(yield* one.fill(key, "c", "new", { freshFor: LONG, staleFor: LONG }), true);
      yield* two.expire(key);
      assert.equal(answered(yield* backOff(two, "d"), "Leader").failures ?? 0, 0);
    },
  },
  {
    name: "delete, set and expire end a failure's time",
    needs: ["staleness", "failures", "revocation"],
    *holds(world) {
      const { one, two, key } = world;
      for (const { change, left } of Object.values(changes)) {
        yield* storeStale(world);
        answered(yield* one.acquire(key, "a", LONG), "Leader");
        yield* one.release(key, "a", "failed", failed(3, LONG));
        answered(yield* two.acquire(key, "b", LONG, { backOff: true }), "Failed");
        yield* change(world);
        const next = yield* one.acquire(key, "b", LONG, { backOff: true });
        assert.equal(next._tag, left === "set" ? "Hit" : "Leader");
        yield* one.delete(key);
      }
    },
  },
];
