import { Effect } from "effect";
import assert from "node:assert/strict";
import { answered, LONG, type Property, type World } from "./world.ts";

/** Lets an owner lead and end without a value, with a follower that waits; gives the lease's name. */
const led = (
  { one, two, key }: World,
  owner: string,
  outcome: "failed" | "uncached" | "cancelled",
  ttl: number = LONG,
) =>
  Effect.gen(function* () {
    answered(yield* one.acquire(key, owner, ttl), "Leader");
    const { lease } = answered(yield* two.acquire(key, "waits", LONG), "Follower");
    yield* one.release(key, owner, outcome);
    return lease;
  });

/** What those are told who waited for a lease that ended without a value. */
export const outcomes: readonly Property[] = [
  {
    name: "a new leader learns that the lease it waited for failed",
    needs: ["outcomes"],
    *holds(world) {
      const { two, key } = world;
      const lease = yield* led(world, "a", "failed");
      assert.equal(
        answered(yield* two.acquire(key, "b", LONG, { waitedFor: lease }), "Leader").after,
        "failed",
      );
      const again = answered(yield* two.acquire(key, "b", LONG, { waitedFor: lease }), "Leader");
      assert.equal(again.after, "failed", "when the reply was lost");
    },
  },
  {
    name: "a follower learns that the lease it waited for failed, when it follows the next one",
    needs: ["outcomes"],
    *holds(world) {
      const { one, two, key } = world;
      const lease = yield* led(world, "a", "failed");
      answered(yield* one.acquire(key, "b", LONG), "Leader");
      const follower = answered(
        yield* two.acquire(key, "c", LONG, { waitedFor: lease }),
        "Follower",
      );
      assert.equal(follower.after, "failed");
      const next = answered(
        yield* two.acquire(key, "c", LONG, { waitedFor: follower.lease }),
        "Follower",
      );
      assert.equal(next.after, undefined);
    },
  },
  {
    name: "a follower learns that the lease it waited for stored nothing, and takes no lease",
    needs: ["outcomes"],
    *holds(world) {
      const { one, two, key } = world;
      const lease = yield* led(world, "a", "uncached");
      for (const store of [one, two]) {
        const { outcome } = answered(
          yield* store.acquire(key, "b", LONG, { waitedFor: lease }),
          "Ended",
        );
        assert.equal(outcome, "uncached");
      }
      assert.equal(answered(yield* one.acquire(key, "c", LONG), "Leader").after, undefined);
    },
  },
  {
    name:
      "a follower learns that the lease it waited for stored nothing, while another owner leads",
    needs: ["outcomes"],
    *holds(world) {
      const { one, two, key } = world;
      const lease = yield* led(world, "a", "uncached");
      answered(yield* one.acquire(key, "b", LONG), "Leader");
      answered(yield* two.acquire(key, "c", LONG, { waitedFor: lease }), "Ended");
      answered(yield* two.acquire(key, "d", LONG), "Follower");
      assert.equal(yield* one.fill(key, "b", "value", { freshFor: LONG }), true);
    },
  },
  {
    name: "a follower takes over after a cancelled or expired lease",
    *holds(world) {
      const { one, two, key, short, takeOver } = world;
      const cancelled = yield* led(world, "a", "cancelled");
      const leader = answered(
        yield* two.acquire(key, "b", LONG, { waitedFor: cancelled }),
        "Leader",
      );
      assert.equal(leader.after, undefined);
      yield* two.release(key, "b", "cancelled");

      yield* one.acquire(key, "c", short);
      const { lease } = answered(yield* two.acquire(key, "d", LONG), "Follower");
      assert.equal(answered(yield* takeOver(two, "d", lease), "Leader").after, undefined);
    },
  },
  {
    name: "a follower hits after a fill",
    *holds({ one, two, key }) {
      yield* one.acquire(key, "a", LONG);
      const { lease } = answered(yield* two.acquire(key, "b", LONG), "Follower");
      yield* one.fill(key, "a", "value", { freshFor: LONG });
      answered(yield* two.acquire(key, "b", LONG, { waitedFor: lease }), "Hit");
    },
  },
  {
    name: "an owner that waited for no lease learns of no end",
    *holds(world) {
      const { one, two, key } = world;
      yield* led(world, "a", "uncached");
      assert.equal(answered(yield* two.acquire(key, "b", LONG), "Leader").after, undefined);
      yield* two.release(key, "b", "cancelled");
      yield* led(world, "c", "failed");
      assert.equal(answered(yield* two.acquire(key, "d", LONG), "Leader").after, undefined);
      assert.equal(answered(yield* one.acquire(key, "e", LONG), "Follower").after, undefined);
    },
  },
  {
    name: "a follower doesn't learn of the end of another lease",
    *holds(world) {
      const { one, two, key } = world;
      const before = yield* led(world, "a", "cancelled");
      yield* led(world, "b", "uncached");
      const { after } = answered(
        yield* two.acquire(key, "c", LONG, { waitedFor: before }),
        "Leader",
      );
      assert.equal(after, undefined);
      const follower = answered(
        yield* one.acquire(key, "d", LONG, { waitedFor: before }),
        "Follower",
      );
      assert.equal(follower.after, undefined);
    },
  },
  {
    name: "many followers learn of the end of a lease, and one of them leads",
    needs: ["outcomes"],
    *holds(world) {
      const { one, two, key } = world;
      const lease = yield* led(world, "a", "failed");
      const answers = yield* Effect.forEach(
        Array.from({ length: 20 }, (_, index) => index),
        (index) =>
          (index % 2 ? one : two).acquire(key, `owner ${index}`, LONG, { waitedFor: lease }),
        { concurrency: "unbounded" },
      );
      assert.equal(answers.filter(({ _tag }) => _tag === "Leader").length, 1);
      for (const answer of answers) assert.ok("after" in answer && answer.after === "failed");
    },
  },
  {
    name: "the end of a lease is forgotten when the lease would have expired",
    needs: ["outcomes"],
    *holds(world) {
      const { two, key, short, takeOver } = world;
      const uncached = yield* led(world, "a", "uncached", short);
      answered(yield* takeOver(two, "b", uncached), "Leader");
      yield* two.release(key, "b", "cancelled");
      const failed = yield* led(world, "c", "failed", short);
      assert.equal(answered(yield* takeOver(two, "d", failed), "Leader").after, undefined);
    },
  },
];
