import { Effect, Fiber } from "effect";
import assert from "node:assert/strict";
import { clientOf, LONG, makeFetch, type Property, scoped, start, type World } from "./world.ts";

const nothingLeft = ({ backend, key }: World) =>
  Effect.map(backend.leftovers!(key), (left) => assert.deepEqual(left, []));

/** That nothing stays behind. */
export const leftovers: readonly Property[] = [
  {
    name: "nothing is left of a deleted key",
    given: "leftovers",
    *holds(world) {
      const { one, two, key } = world;
      yield* one.set(key, "value");
      yield* two.delete(key);
      yield* nothingLeft(world);
      yield* one.acquire(key, "a", LONG);
      yield* one.fill(key, "a", "value");
      yield* two.delete(key);
      yield* nothingLeft(world);
      yield* one.acquire(key, "a", LONG);
      yield* two.acquire(key, "b", LONG);
      yield* two.delete(key);
      yield* nothingLeft(world);
    },
  },
  {
    name: "nothing is left of expired entries, leases and outcomes",
    given: "leftovers",
    *holds(world) {
      const { one, two, key, short, expired } = world;
      const outcomes = ["failed", "uncached", "cancelled"] as const;
      const ended = outcomes.map((outcome) => [`${key}:${outcome}`, outcome] as const);
      const [entry, dead] = [`${key}:entry`, `${key}:dead`];
      yield* one.set(entry, "value", { freshFor: short });
      for (const [key, outcome] of ended) {
        yield* one.acquire(key, outcome, short);
        yield* two.acquire(key, "b", short);
        yield* one.release(key, outcome, outcome);
      }
      yield* one.acquire(dead, "dies", short);
      yield* expired;
      yield* one.get(entry);
      for (const key of [entry, dead, ...ended.map(([key]) => key)]) {
        yield* nothingLeft({ ...world, key });
      }
    },
  },
  {
    name: "nothing is left of closed watches, and of ended or cancelled calls",
    given: "leftovers",
    *holds(world) {
      const { one, two, key } = world;
      if (one.watch !== undefined) yield* scoped(one.watch(key));
      const fetch = makeFetch(() => Effect.succeed("value"));
      const leader = yield* start(clientOf(one).getOrSet(key, fetch.fetcher));
      yield* fetch.begun();
      const cancelled = yield* start(clientOf(two).getOrSet(key, fetch.fetcher));
      yield* two.follows();
      yield* Effect.sleep(20);
      yield* Fiber.interrupt(cancelled);
      const follower = yield* start(clientOf(two).getOrSet(key, fetch.fetcher));
      yield* two.follows(2);
      yield* Effect.sleep(20);
      yield* fetch.end;
      yield* Fiber.join(leader);
      yield* Fiber.join(follower);
      yield* one.delete(key);
      yield* nothingLeft(world);
    },
  },
];
