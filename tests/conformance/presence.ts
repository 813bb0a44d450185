import { Effect, type Scope } from "effect";
import assert from "node:assert/strict";
import { GRACE } from "../../src/model/defaults.ts";
import { entriesOfHalf, storeOfHalves } from "../../src/store/halves.ts";
import type { Acquired, Store } from "../../src/store/store.ts";
import { answered, LONG, type Property, SOON, type World } from "./world.ts";

/** How often a case looks, in milliseconds. */
const LOOK = 50;

/** A process that can die, and its store. */
interface Mortal {
  readonly store: Store<unknown>;
  readonly die: () => unknown;
}

const mortal = ({ backend }: World): Effect.Effect<Mortal, unknown, Scope.Scope> =>
  Effect.map(backend.mortal!, ({ store, die }) => ({
    die,
    store: "cache" in store ? storeOfHalves(entriesOfHalf(store.cache), store.leases) : store,
  }));

/** Looks until an answer is as it is to be, for another owner than the leader. */
const until = (
  { two, key }: World,
  what: string,
  isSo: (answer: Acquired<unknown>) => boolean,
  pause = LOOK,
) =>
  Effect.gen(function* () {
    const began = performance.now();
    for (;;) {
      const answer = yield* two.acquire(key, "b", LONG);
      if (isSo(answer)) return { answer, after: performance.now() - began };
      assert.ok(performance.now() - began < SOON, `Waited in vain until ${what}`);
      yield* Effect.sleep(pause);
    }
  });

const watched = (world: World) =>
  until(world, "the lease is watched", (answer) => answer._tag === "Follower" && !!answer.watched);
const leads = (world: World, pause?: number) =>
  until(world, "the lease is over", ({ _tag }) => _tag === "Leader", pause);

/** Leads in a process that can die, and is announced there. */
const announced = (world: World) =>
  Effect.gen(function* () {
    const process = yield* mortal(world);
    answered(yield* process.store.acquire(world.key, "a", LONG), "Leader");
    assert.ok(process.store.announce !== undefined, "the store has no `announce`");
    yield* Effect.acquireRelease(
      Effect.sync(() => process.store.announce!(world.key, "a")),
      (end) => Effect.sync(end),
    );
    yield* watched(world);
    return process;
  });

/** What `announce` guarantees. */
export const presence: readonly Property[] = [
  {
    name: "an announced owner that dies loses its lease to one, after the grace and soon",
    given: "mortal",
    *holds(world) {
      const { two, key } = world;
      const { die } = yield* announced(world);
      yield* Effect.sleep(GRACE / 2);
      answered(yield* two.acquire(key, "b", LONG), "Follower");
      die();
      const { after } = yield* leads(world);
      assert.ok(after >= GRACE - 2, `it was over after ${after} ms`);
      assert.equal(yield* two.fill(key, "a", "late", {}), false);
      const other = answered(yield* two.acquire(key, "c", LONG), "Follower");
      assert.equal(other.lease, "b");
      assert.ok(!other.watched, "the next owner wasn't announced");
      assert.equal(yield* two.fill(key, "b", "value", { freshFor: LONG }), true);
    },
  },
  {
    name: "an announced owner that is there keeps its lease, however often others look",
    given: "mortal",
    *holds(world) {
      const { two, key } = world;
      yield* announced(world);
      for (let looks = 0; looks < 1.5 * GRACE / LOOK; looks++) {
        const { lease, watched } = answered(yield* two.acquire(key, "b", LONG), "Follower");
        assert.deepEqual([lease, watched], ["a", true]);
        yield* Effect.sleep(LOOK);
      }
    },
  },
  {
    name: "one absence ends no lease, however long, nor do two around a renewal",
    given: "mortal",
    *holds(world) {
      const { two, key } = world;
      const { die } = yield* announced(world);
      die();
      yield* Effect.sleep(1.2 * GRACE);
      answered(yield* two.acquire(key, "b", LONG), "Follower");
      assert.equal(yield* two.renew(key, "a", LONG), true);
      yield* Effect.sleep(1.2 * GRACE);
      answered(yield* two.acquire(key, "b", LONG), "Follower");
      yield* Effect.sleep(1.2 * GRACE);
      answered(yield* two.acquire(key, "b", LONG), "Leader");
    },
  },
  {
    name: "an owner that was never announced keeps its lease for its time",
    given: "mortal",
    *holds(world) {
      const { two, key } = world;
      const { store, die } = yield* mortal(world);
      answered(yield* store.acquire(key, "a", LONG), "Leader");
      die();
      for (let looks = 0; looks < 3; looks++) {
        const { watched } = answered(yield* two.acquire(key, "b", LONG), "Follower");
        assert.ok(!watched);
        yield* Effect.sleep(0.6 * GRACE);
      }
    },
  },
];
