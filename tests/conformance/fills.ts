import assert from "node:assert/strict";
import { answered, LONG, type Property } from "./world.ts";

/** What `fill` guarantees, and what `set` and `delete` do to a lease. */
export const fills: readonly Property[] = [
  {
    name: "fill stores the value for every process, and ends the lease",
    *holds({ one, two, key }) {
      yield* one.acquire(key, "a", LONG);
      assert.equal(yield* one.fill(key, "a", "value", { freshFor: LONG }), true);
      assert.equal((yield* two.get(key))?.value, "value");
      assert.equal(answered(yield* two.acquire(key, "b", LONG), "Hit").entry.value, "value");
      yield* two.delete(key);
      answered(yield* two.acquire(key, "b", LONG), "Leader");
    },
  },
  {
    name: "fill stores over an expired entry",
    *holds({ one, two, key, short, expired }) {
      yield* one.set(key, "old", { freshFor: short });
      yield* expired;
      answered(yield* two.acquire(key, "a", LONG), "Leader");
      assert.equal(yield* two.fill(key, "a", "new"), true);
      yield* expired;
      assert.equal((yield* one.get(key))?.value, "new");
    },
  },
  {
    name: "a fill may be repeated after its reply was lost",
    *holds({ one, two, key }) {
      yield* one.acquire(key, "a", LONG);
      yield* one.fill(key, "a", "value", { freshFor: LONG });
      yield* one.fill(key, "a", "value", { freshFor: LONG });
      assert.equal((yield* two.get(key))?.value, "value");
      answered(yield* two.acquire(key, "b", LONG), "Hit");
    },
  },
  {
    name: "fill is refused without a lease, and writes nothing",
    needs: ["fencing"],
    *holds({ one, two, key }) {
      assert.equal(yield* one.fill(key, "a", "value", { freshFor: LONG }), false);
      assert.equal(yield* two.get(key), undefined);
      answered(yield* two.acquire(key, "b", LONG), "Leader");
      assert.equal(yield* one.fill(key, "a", "value", { freshFor: LONG }), false);
      assert.equal(yield* two.get(key), undefined);
      assert.equal(yield* two.fill(key, "b", "led", { freshFor: LONG }), true);
      assert.equal(yield* one.fill(key, "a", "value", { freshFor: LONG }), false);
      assert.equal((yield* two.get(key))?.value, "led");
    },
  },
  {
    name: "fill is refused after a release",
    needs: ["fencing"],
    *holds({ one, two, key }) {
      for (const outcome of ["failed", "uncached", "cancelled"] as const) {
        yield* one.acquire(key, outcome, LONG);
        yield* two.acquire(key, "b", LONG);
        yield* one.release(key, outcome, outcome);
        assert.equal(yield* one.fill(key, outcome, "value", { freshFor: LONG }), false);
        assert.equal(yield* two.get(key), undefined);
      }
    },
  },
  {
    name: "fill is refused once the lease has expired",
    needs: ["fencing", "expiry"],
    *holds({ one, two, key, short, expired }) {
      yield* one.acquire(key, "a", short);
      yield* expired;
      assert.equal(yield* one.fill(key, "a", "late", { freshFor: LONG }), false);
      assert.equal(yield* two.get(key), undefined);
    },
  },
  {
    name: "fill is refused after a takeover, before and after the new leader's fill",
    needs: ["fencing"],
    *holds({ one, two, key, short, takeOver }) {
      yield* one.acquire(key, "a", short);
      answered(yield* two.acquire(key, "b", LONG), "Follower");
      answered(yield* takeOver(two, "b"), "Leader");
      assert.equal(yield* one.fill(key, "a", "late", { freshFor: LONG }), false);
      assert.equal(yield* two.get(key), undefined);
      assert.equal(yield* two.fill(key, "b", "new", { freshFor: LONG }), true);
      assert.equal(yield* one.fill(key, "a", "late", { freshFor: LONG }), false);
      assert.equal((yield* one.get(key))?.value, "new");
    },
  },
  {
    name: "delete revokes the lease",
    needs: ["revocation", "fencing"],
    *holds({ one, two, key }) {
      yield* one.acquire(key, "a", LONG);
      yield* two.delete(key);
      assert.equal(yield* one.fill(key, "a", "stale", { freshFor: LONG }), false);
      assert.equal(yield* two.get(key), undefined);
      answered(yield* two.acquire(key, "b", LONG), "Leader");
      assert.equal(yield* one.fill(key, "a", "stale", { freshFor: LONG }), false);
      yield* one.release(key, "a", "failed");
      answered(yield* one.acquire(key, "c", LONG), "Follower");
      assert.equal(yield* two.fill(key, "b", "new", { freshFor: LONG }), true);
      assert.equal((yield* one.get(key))?.value, "new");
    },
  },
  {
    name: "set revokes the lease",
    needs: ["revocation", "fencing"],
    *holds({ one, two, key }) {
      yield* one.acquire(key, "a", LONG);
      yield* two.set(key, "set", { freshFor: LONG });
      assert.equal(yield* one.fill(key, "a", "stale", { freshFor: LONG }), false);
      yield* one.release(key, "a", "failed");
      assert.equal((yield* one.get(key))?.value, "set");
      answered(yield* one.acquire(key, "b", LONG), "Hit");
      yield* two.delete(key);
      answered(yield* one.acquire(key, "b", LONG), "Leader");
    },
  },
  {
    name: "a revoked lease can't be renewed",
    needs: ["revocation", "renewal"],
    *holds({ one, two, key }) {
      yield* one.acquire(key, "a", LONG);
      yield* two.delete(key);
      assert.equal(yield* one.renew(key, "a", LONG), false);
      answered(yield* one.acquire(key, "b", LONG), "Leader");
      yield* two.set(key, "set", { freshFor: LONG });
      assert.equal(yield* one.renew(key, "b", LONG), false);
      assert.equal((yield* one.get(key))?.value, "set");
    },
  },
  {
    name: "set stores while another owner leads",
    *holds({ one, two, key }) {
      yield* one.acquire(key, "a", LONG);
      yield* two.set(key, "set", { freshFor: LONG });
      assert.equal((yield* one.get(key))?.value, "set");
      assert.equal(answered(yield* one.acquire(key, "b", LONG), "Hit").entry.value, "set");
    },
  },
];
