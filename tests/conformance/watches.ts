import { Effect, Fiber, Scope } from "effect";
import assert from "node:assert/strict";
import { randomToken } from "../../src/model/token.ts";
import type { Watch } from "../../src/store/store.ts";
import { LONG, type Process, type Property, scoped, soon, start, type World } from "./world.ts";

/** What wakes a watch: what has to be so before, and what happens then, in another process. */
const events: Readonly<
  Record<string, (world: World, owner: string) => Effect.Effect<unknown, unknown>>
> = {
  "a fill": ({ two, key }, owner) => two.fill(key, owner, "value", { freshFor: LONG }),
  "a failure": ({ two, key }, owner) => two.release(key, owner, "failed"),
  "an uncached value": ({ two, key }, owner) => two.release(key, owner, "uncached"),
  "a cancellation": ({ two, key }, owner) => two.release(key, owner, "cancelled"),
  "a set": ({ two, key }) => two.set(key, "value", { freshFor: LONG }),
  "an expire": ({ two, key }) => two.expire(key),
  "a delete": ({ two, key }) => two.delete(key),
};

const watch = (store: Process, key: string) =>
  Effect.map(store.watch!(key), (standing) => {
    assert.ok(standing !== undefined, "it says that there is no push");
    return standing;
  });
/** Looks at the lease, as those who watch do, and lets go of it if it was free. */
const look = (store: Process, key: string) => {
  const owner = randomToken();
  return Effect.flatMap(
    store.acquire(key, owner, LONG),
    ({ _tag }) => _tag === "Leader" ? store.release(key, owner, "failed") : Effect.void,
  );
};
/** Leads for a moment, which wakes those who watch and have looked meanwhile. */
const push = (store: Process, key: string, watching: readonly Process[]) => {
  const owner = randomToken();
  return Effect.gen(function* () {
    yield* store.acquire(key, owner, LONG);
    for (const each of watching) yield* look(each, key);
    yield* store.release(key, owner, "failed");
  });
};
const woken = ({ next }: Watch) => soon("The push", next);

/** What `watch` guarantees. */
export const watches: readonly Property[] = [
  {
    name: "a store has a watch if, and only if, it has push",
    *holds({ one, key, gaps }) {
      const standing = yield* one.watch?.(key) ?? Effect.succeed(undefined);
      assert.equal(standing !== undefined, gaps.push === undefined);
    },
  },
  ...Object.entries(events).map(([name, happen]): Property => ({
    name: `a watch is woken by ${name} in another process`,
    needs: ["a set", "an expire", "a delete"].includes(name) ? ["push", "revocation"] : ["push"],
    *holds(world) {
      const { one, two, key } = world;
      yield* two.acquire(key, "a", LONG);
      yield* one.acquire(key, "b", LONG);
      const fiber = yield* start(woken(yield* watch(one, key)));
      yield* one.acquire(key, "b", LONG);
      yield* Effect.sleep(20);
      yield* happen(world, "a");
      yield* Fiber.join(fiber);
    },
  })),
  {
    name: "a watch misses no change since it was opened",
    needs: ["push"],
    *holds(world) {
      const { one, two, key } = world;
      const standing = yield* watch(one, key);
      for (const owner of ["a", "b", "c"]) {
        yield* two.acquire(key, owner, LONG);
        yield* look(one, key);
        yield* two.release(key, owner, "failed");
        yield* woken(standing);
      }
      yield* push(two, key, [one]);
      yield* Effect.sleep(50);
      yield* woken(standing);
    },
  },
  {
    name: "a watch stays open after an interrupted next",
    needs: ["push"],
    *holds({ one, two, key }) {
      const standing = yield* watch(one, key);
      const interruptNext = Effect.gen(function* () {
        const fiber = yield* start(standing.next);
        yield* Effect.sleep(10);
        yield* Fiber.interrupt(fiber);
      });
      yield* interruptNext;
      yield* interruptNext;
      yield* push(two, key, [one]);
      yield* woken(standing);

      yield* interruptNext;
      const fiber = yield* start(woken(standing));
      yield* Effect.sleep(10);
      yield* push(two, key, [one]);
      yield* Fiber.join(fiber);
    },
  },
  {
    name: "a change wakes all watches of its key, in every process, and no watch of another key",
    needs: ["push"],
    *holds({ one, two, key }) {
      const all: Watch[] = [];
      for (const store of [one, two, one, two]) {
        for (const each of [key, `${key}:2`]) all.push(yield* watch(store, each));
      }
      yield* push(one, key, [two]);
      yield* push(two, `${key}:2`, [one]);
      yield* Effect.forEach(all, woken, { concurrency: "unbounded" });
    },
  },
  {
    name: "a closed watch leaves the others open",
    needs: ["push"],
    *holds({ one, two, key }) {
      const standing = yield* watch(one, key);
      yield* scoped(watch(one, key));
      yield* push(two, key, [one]);
      yield* woken(standing);
    },
  },
  {
    name: "many processes may open and close watches at any time",
    needs: ["push"],
    *holds({ one, two, key }) {
      const scope = yield* Effect.scope;
      yield* Effect.forEach(
        Array.from({ length: 40 }, (_, index) => index),
        (index) =>
          Effect.flatMap(
            Effect.sleep(index % 7),
            () =>
              index % 4 ? scoped(watch(one, key)) : Effect.flatMap(
                Effect.provideService(watch(one, key), Scope.Scope, scope),
                (standing) => Effect.flatMap(push(two, key, [one]), () => woken(standing)),
              ),
          ),
        { concurrency: "unbounded" },
      );
    },
  },
];
