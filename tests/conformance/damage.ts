import { Effect } from "effect";
import assert from "node:assert/strict";
import type { CacheLockingError } from "../../src/model/errors.ts";
import type { Backend, Damage, Damager } from "./backend.ts";
import {
  answered,
  clientOf,
  LONG,
  type Process,
  type Property,
  soon,
  type World,
} from "./world.ts";

const kinds: Readonly<
  Record<keyof Damage, (name: string, write: Damager) => readonly Property[]>
> = {
  entries: (name, write) => [
    {
      name: `a bad entry is a miss, reported and refilled: ${name}`,
      *holds(world) {
        const { one, two, key } = world;
        yield* one.set(key, "value", { freshFor: LONG });
        yield* damage(world, write);
        const error = yield* Effect.flip(one.get(key));
        assert.deepEqual([error._tag, error.corrupt], ["ADAPTER_ERROR", true]);
        const errors: CacheLockingError[] = [];
        const client = clientOf(one, {}, errors);
        assert.equal((yield* client.get(key))._tag, "None");
        assert.equal(yield* refilled(world, errors), "MISS-LEADER");
        assert.deepEqual(errors.map(({ _tag }) => _tag), ["CACHE_GET_FAILED", "CACHE_GET_FAILED"]);
        assert.equal(yield* valueIn(two, key), "refilled");
      },
    },
    {
      name: `a bad entry is a miss for acquire, fill, set and delete, too: ${name}`,
      *holds(world) {
        const { one, two, key } = world;
        yield* damage(world, write);
        answered(yield* one.acquire(key, "a", LONG), "Leader");
        answered(yield* two.acquire(key, "b", LONG), "Follower");
        assert.equal(yield* one.fill(key, "a", "filled", { freshFor: LONG }), true);
        assert.equal(yield* valueIn(two, key), "filled");
        yield* endsWithSetAndDelete(world, write);
      },
    },
  ],
  ends: (name, write) => [
    {
      name: `an entry whose end is damaged is a miss: ${name}`,
      *holds(world) {
        const { two, key } = world;
        yield* damage(world, write);
        assert.equal(yield* refilled(world), "MISS-LEADER");
        assert.equal(yield* valueIn(two, key), "refilled");
        yield* endsWithSetAndDelete(world, write);
      },
    },
  ],
  ages: (name, write) => [
    {
      name: `an entry whose age is damaged makes nothing fail: ${name}`,
      *holds(world) {
        const { one, two, key } = world;
        for (const freshBelow of [0, Infinity]) {
          yield* damage(world, write);
          for (const aged of [false, true]) {
            const { freshFor, took } = yield* entryIn(one, key, aged);
            assert.ok(freshFor === undefined || Number.isFinite(freshFor), `fresh for ${freshFor}`);
            assert.ok(took === undefined || took > 0 && took < Infinity, `it took ${took}`);
          }
          const options = { freshBelow, backOff: true };
          const first = yield* one.acquire(key, "a", LONG, options);
          if (first._tag === "Hit" && freshBelow === 0) continue;
          answered(first, "Leader");
          answered(yield* two.acquire(key, "b", LONG, options), "Follower");
          assert.equal(yield* one.fill(key, "a", "filled", { freshFor: LONG }), true);
          assert.equal(yield* valueIn(two, key), "filled");
        }
        yield* damage(world, write);
        yield* two.expire(key);
        const left = yield* one.get(key);
        assert.ok(left === undefined || left.freshFor! <= 0, `fresh for ${left?.freshFor}`);
        answered(yield* one.acquire(key, "a", LONG), "Leader");
        yield* one.release(key, "a", "cancelled");
        yield* endsWithSetAndDelete(world, write);
      },
    },
  ],
  pauses: (name, write) => [
    {
      name: `a damaged time in which nobody is to fetch is over: ${name}`,
      *holds(world) {
        const { one, two, key } = world;
        yield* damage(world, write);
        const { failures = 0 } = answered(
          yield* one.acquire(key, "a", LONG, { backOff: true }),
          "Leader",
        );
        assert.ok(Number.isSafeInteger(failures) && failures >= 0, `${failures} failures`);
        yield* one.release(key, "a", "failed", { failures: failures + 1, quietFor: LONG });
        answered(yield* two.acquire(key, "b", LONG, { backOff: true }), "Failed");
        yield* endsWithSetAndDelete(world, write);
      },
    },
  ],
  leases: (name, write) => [
    {
      name: `a damaged lease is over: ${name}`,
      *holds(world) {
        const { one, two, key, short, expired } = world;
        yield* damage(world, write);
        const first = yield* two.acquire(key, "a", LONG);
        if (first._tag !== "Leader") {
          const { remaining } = answered(first, "Follower");
          assert.ok(remaining > 0 && remaining <= short, `it has ${remaining} ms left`);
          yield* expired;
          answered(yield* two.acquire(key, "a", LONG), "Leader");
        }
        answered(yield* one.acquire(key, "b", LONG), "Follower");
        assert.equal(yield* two.fill(key, "a", "value", { freshFor: LONG }), true);
        assert.equal(yield* valueIn(one, key), "value");
        yield* endsWithSetAndDelete(world, write);
      },
    },
    {
      name: `a damaged lease keeps no call waiting: ${name}`,
      *holds(world) {
        yield* damage(world, write);
        assert.equal(yield* refilled(world), "MISS-LEADER");
      },
    },
  ],
  strangers: (name, write) => [
    {
      name: `what can't be a lease is replaced and reported: ${name}`,
      *holds(world) {
        yield* damage(world, write);
        const errors: CacheLockingError[] = [];
        assert.equal(yield* refilled(world, errors), "MISS-LEADER");
        assert.ok(errors.length > 0, "it is not reported");
        yield* endsWithSetAndDelete(world, write);
      },
    },
  ],
};

/** What is shown of a backend whose entries and leases others have damaged: no key is lost for it. */
export function damaged({ damage }: Backend): Property[] {
  const described = Object.entries(kinds).flatMap(([kind, propertiesOf]) => {
    const writers = typeof damage === "object" ? damage[kind as keyof Damage] : undefined;
    return Object.entries(writers ?? {}).flatMap(([name, write]) => propertiesOf(name, write));
  });
  if (described.length > 0) return described;
  return [{
    name: "what others have damaged is a miss, and no lease",
    skipped: typeof damage === "string" ? damage : undefined,
    *holds() {
      yield* Effect.sync(() => assert.fail("the backend's description must have `damage`"));
    },
  }];
}

/** Damages what is there, once the store has made the place for it. */
const damage = ({ one, key, short }: World, write: Damager) =>
  Effect.flatMap(Effect.exit(one.get(key)), () => Effect.promise(() => write(key, short)));

const entryIn = (store: Process, key: string, aged: boolean) =>
  Effect.map(store.get(key, aged), (entry) => {
    assert.equal(entry?.value, "damaged");
    return entry!;
  });

const valueIn = (store: Process, key: string) =>
  Effect.map(store.get(key), (entry) => entry?.value);

/** Calls for the key, which must be fetched soon, whatever is there; gives how. */
const refilled = ({ one, key }: World, errors?: CacheLockingError[]) =>
  Effect.map(
    soon("the call", clientOf(one, {}, errors).getOrSet(key, () => Effect.succeed("refilled"))),
    ({ value, meta }) => {
      assert.equal(value, "refilled");
      return meta.cache;
    },
  );

/** That `set` and `delete` end it. */
const endsWithSetAndDelete = (world: World, write: Damager) =>
  Effect.gen(function* () {
    const { one, two, key } = world;
    yield* damage(world, write);
    yield* two.set(key, "set", { freshFor: LONG });
    assert.equal(yield* valueIn(one, key), "set");
    yield* damage(world, write);
    yield* two.delete(key);
    assert.equal(yield* valueIn(one, key), undefined);
    answered(yield* one.acquire(key, "next", LONG), "Leader");
  });
