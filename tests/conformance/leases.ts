import { Effect } from "effect";
import assert from "node:assert/strict";
import { answered, atOnce, LONG, type Property, type World } from "./world.ts";

/** Ways in which a key comes to be free. */
const waysToBeFree: Readonly<Record<string, (world: World) => Effect.Effect<unknown, unknown>>> = {
  "is cold": () => Effect.void,
  "was deleted": ({ one, key }) =>
    Effect.flatMap(one.set(key, 1, { freshFor: LONG }), () => one.delete(key)),
  "was leased and released": ({ one, key }) =>
    Effect.flatMap(one.acquire(key, "old", LONG), () => one.release(key, "old", "failed")),
  "had a lease that has expired": ({ one, two, key, short, expired }) =>
    Effect.gen(function* () {
      yield* one.acquire(key, "old", short);
      for (const store of [one, two]) yield* store.acquire(key, "sees it", short);
      yield* expired;
    }),
  "had an entry that has expired": ({ one, key, short, expired }) =>
    Effect.flatMap(one.set(key, 1, { freshFor: short }), () => expired),
};

const race = ({ one, two, key }: World) =>
  Effect.gen(function* () {
    const all = () =>
      atOnce(50, (index) => (index % 2 ? one : two).acquire(key, `owner ${index}`, LONG));
    const answers = yield* all();
    assert.equal(answers.filter(({ _tag }) => _tag === "Leader").length, 1, "leaders");
    assert.equal(answers.filter(({ _tag }) => _tag === "Follower").length, 49, "followers");
    const leases = answers.map((answer) => answer._tag === "Follower" ? answer.lease : undefined);
    assert.equal(new Set(leases.filter((lease) => lease !== undefined)).size, 1, "leases");

    const leader = answers.findIndex(({ _tag }) => _tag === "Leader");
    assert.equal(yield* two.fill(key, `owner ${leader}`, "value", { freshFor: LONG }), true);
    for (const { _tag } of yield* all()) assert.equal(_tag, "Hit");
  });

/** What `acquire`, `renew` and `release` guarantee. */
export const leases: readonly Property[] = [
  {
    name: "acquire leads on a cold key, and follows if another owner leads",
    *holds({ one, two, key, short }) {
      const leader = answered(yield* one.acquire(key, "a", LONG), "Leader");
      assert.ok(leader.remaining > 0 && leader.remaining <= LONG, `${leader.remaining}`);
      assert.equal(leader.after, undefined);
      for (const store of [one, two]) {
        const follower = answered(yield* store.acquire(key, "b", short), "Follower");
        assert.ok(follower.remaining > LONG / 2, `${follower.remaining}`);
        assert.ok(follower.remaining <= LONG, `${follower.remaining}`);
        assert.equal(follower.after, undefined);
      }
      assert.equal(yield* two.get(key), undefined);
    },
  },
  {
    name: "acquire hits if there is an entry, and takes no lease",
    *holds({ one, two, key, short, expired }) {
      yield* one.set(key, "value", { freshFor: short });
      assert.equal(answered(yield* two.acquire(key, "a", LONG), "Hit").entry.value, "value");
      yield* expired;
      answered(yield* one.acquire(key, "b", LONG), "Leader");
    },
  },
  {
    name: "an owner that acquires again is the leader again, and no other owner is",
    *holds({ one, two, key }) {
      yield* one.acquire(key, "a", LONG);
      for (const store of [one, two, one]) {
        const { remaining } = answered(yield* store.acquire(key, "a", LONG), "Leader");
        assert.ok(remaining > 0 && remaining <= LONG, `${remaining}`);
        answered(yield* store.acquire(key, "b", LONG), "Follower");
      }
      assert.equal(yield* two.fill(key, "a", "value", { freshFor: LONG }), true);
    },
  },
  {
    name: "a key that is named as another key's lease doesn't touch it",
    *holds({ one, two, key }) {
      for (const victim of [key, `{${key}}:1`]) {
        yield* one.acquire(victim, "a", LONG);
        const around = [["", ""], ["{", "}"], ["", ":"], ["{", "}~"]];
        const named = around.flatMap(([before, after]) =>
          ["", "lease:"].map((prefix) => prefix + before + victim + after)
        ).filter((name) => name !== victim);
        for (const name of named) {
          answered(yield* two.acquire(name, "b", LONG), "Leader");
          assert.equal(yield* two.fill(name, "b", "filled"), true);
          assert.equal((yield* one.get(name))?.value, "filled");
          yield* two.delete(name);
          yield* two.set(name, name);
        }
        answered(yield* two.acquire(victim, "c", LONG), "Follower");
        assert.equal(yield* one.fill(victim, "a", "value"), true);
        for (const name of named) assert.equal((yield* one.get(name))?.value, name);
        assert.equal((yield* two.get(victim))?.value, "value");
      }
    },
  },
  ...Object.entries(waysToBeFree).map(([way, make]): Property => ({
    name: `one of 50 acquirers leads where the key ${way}`,
    *holds(world) {
      yield* make(world);
      yield* race(world);
    },
  })),
  {
    name: "a lease has one name for all followers, and the next lease has another",
    needs: ["outcomes"],
    *holds({ one, two, key }) {
      const names = new Set<string>();
      for (const owner of ["a", "b", "c"]) {
        yield* one.acquire(key, owner, LONG);
        const seen = answered(yield* two.acquire(key, "d", LONG), "Follower").lease;
        assert.equal(answered(yield* one.acquire(key, "e", LONG), "Follower").lease, seen);
        names.add(seen);
        yield* one.release(key, owner, "cancelled");
      }
      assert.equal(names.size, 3);
    },
  },
  {
    name: "a renewed lease keeps its name",
    needs: ["outcomes", "renewal"],
    *holds({ one, two, key }) {
      yield* one.acquire(key, "a", LONG);
      const { lease } = answered(yield* two.acquire(key, "b", LONG), "Follower");
      yield* one.renew(key, "a", 2 * LONG);
      assert.equal(answered(yield* two.acquire(key, "b", LONG), "Follower").lease, lease);
    },
  },
  {
    name: "a lease without a renewal expires after its time to live",
    *holds({ one, two, key, short, takeOver }) {
      yield* one.acquire(key, "a", short);
      const { remaining } = answered(yield* two.acquire(key, "b", LONG), "Follower");
      assert.ok(remaining > 0 && remaining <= 2 * short, `${remaining}`);
      answered(yield* takeOver(two, "b"), "Leader");
      answered(yield* one.acquire(key, "a", LONG), "Follower");
    },
  },
  {
    name: "renew extends a lease to its time to live from now",
    needs: ["renewal"],
    *holds({ one, two, key, short, expired }) {
      yield* one.acquire(key, "a", short);
      answered(yield* two.acquire(key, "b", LONG), "Follower");
      assert.equal(yield* one.renew(key, "a", LONG), true);
      yield* expired;
      const { remaining } = answered(yield* two.acquire(key, "b", LONG), "Follower");
      assert.ok(remaining > LONG / 2 && remaining <= LONG, `${remaining}`);
      assert.equal(yield* one.fill(key, "a", "value", { freshFor: LONG }), true);
    },
  },
  {
    name: "a lease that is renewed in time lives many times its time to live",
    needs: ["renewal"],
    *holds({ one, two, key, short }) {
      yield* one.acquire(key, "a", short);
      for (let renewals = 0; renewals < 6; renewals++) {
        yield* Effect.sleep(short / 3);
        assert.equal(yield* one.renew(key, "a", short), true);
        answered(yield* two.acquire(key, "b", LONG), "Follower");
      }
      assert.equal(yield* one.fill(key, "a", "value", { freshFor: LONG }), true);
    },
  },
  {
    name: "a lease that was renewed once expires as well",
    needs: ["renewal"],
    *holds({ one, two, key, short, takeOver }) {
      yield* one.acquire(key, "a", LONG);
      assert.equal(yield* one.renew(key, "a", short), true);
      answered(yield* two.acquire(key, "b", LONG), "Follower");
      answered(yield* takeOver(two, "b"), "Leader");
    },
  },
  {
    name: "renew never takes a lease",
    needs: ["renewal"],
    *holds({ one, two, key }) {
      assert.equal(yield* one.renew(key, "a", LONG), false);
      answered(yield* two.acquire(key, "b", LONG), "Leader");
      assert.equal(yield* one.renew(key, "a", LONG), false);
      answered(yield* one.acquire(key, "a", LONG), "Follower");
      yield* two.release(key, "b", "cancelled");
      assert.equal(yield* two.renew(key, "b", LONG), false);
      answered(yield* one.acquire(key, "a", LONG), "Leader");
      assert.equal(yield* one.fill(key, "a", "value", { freshFor: LONG }), true);
      assert.equal(yield* one.renew(key, "a", LONG), false);
      assert.equal((yield* two.get(key))?.value, "value");
    },
  },
  {
    name: "renew never extends another owner's lease",
    needs: ["renewal"],
    *holds({ one, two, key, short, takeOver }) {
      yield* one.acquire(key, "a", short);
      answered(yield* two.acquire(key, "b", LONG), "Follower");
      assert.equal(yield* two.renew(key, "b", LONG), false);
      answered(yield* takeOver(two, "b"), "Leader");
    },
  },
  {
    name: "renew never revives a lease that has expired",
    needs: ["renewal", "expiry"],
    *holds({ one, two, key, short, expired }) {
      yield* one.acquire(key, "a", short);
      yield* expired;
      assert.equal(yield* one.renew(key, "a", LONG), false);
      answered(yield* two.acquire(key, "b", LONG), "Leader");
    },
  },
  {
    name: "renew never takes a lease back from another owner",
    needs: ["renewal"],
    *holds({ one, two, key, short, takeOver }) {
      yield* one.acquire(key, "a", short);
      answered(yield* two.acquire(key, "b", LONG), "Follower");
      answered(yield* takeOver(two, "b"), "Leader");
      assert.equal(yield* one.renew(key, "a", LONG), false);
      assert.equal(yield* two.renew(key, "b", LONG), true);
    },
  },
  {
    name: "release frees the key at once, for every process",
    *holds({ one, two, key }) {
      for (const outcome of ["failed", "uncached", "cancelled"] as const) {
        answered(yield* one.acquire(key, `a ${outcome}`, LONG), "Leader");
        answered(yield* two.acquire(key, "b", LONG), "Follower");
        yield* one.release(key, `a ${outcome}`, outcome);
        assert.equal(yield* two.get(key), undefined);
        answered(yield* two.acquire(key, "b", LONG), "Leader");
        yield* two.release(key, "b", "cancelled");
      }
    },
  },
  {
    name: "release of another owner's lease does nothing",
    *holds({ one, two, key, short, takeOver }) {
      yield* one.acquire(key, "a", short);
      answered(yield* two.acquire(key, "b", LONG), "Follower");
      yield* two.release(key, "b", "failed");
      const { lease } = answered(yield* two.acquire(key, "b", LONG), "Follower");

      answered(yield* takeOver(two, "b"), "Leader");
      yield* one.release(key, "a", "failed");
      const follower = answered(yield* one.acquire(key, "c", LONG), "Follower");
      assert.notEqual(follower.lease, lease);
      assert.equal(yield* two.fill(key, "b", "value", { freshFor: LONG }), true);
    },
  },
  {
    name: "release without a lease does nothing, and twice does the same as once",
    *holds({ one, two, key }) {
      yield* one.release(key, "a", "uncached");
      answered(yield* two.acquire(key, "b", LONG), "Leader");
      yield* two.release(key, "b", "failed");
      yield* two.release(key, "b", "failed");
      answered(yield* one.acquire(key, "a", LONG), "Leader");
      yield* two.release(key, "b", "failed");
      assert.equal(yield* one.fill(key, "a", "value", { freshFor: LONG }), true);
      yield* one.release(key, "a", "cancelled");
      assert.equal((yield* two.get(key))?.value, "value");
    },
  },
];
