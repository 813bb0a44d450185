import { Cause, Clock, Deferred, Duration, Effect, Exit, Fiber } from "effect";
import assert from "node:assert/strict";
import type { CacheClient, Fetcher, GetOrSetResult } from "../../mod.ts";
import {
  AdapterError,
  type CacheLockingError,
  isCacheLockingError,
} from "../../src/model/errors.ts";
import type { Store } from "../../src/store/store.ts";
import { values } from "./entries.ts";
import {
  answered,
  around,
  atOnce,
  clientOf,
  LONG,
  makeFetch,
  outcomes,
  type Process,
  type Property,
  SOON,
  soon,
  start,
  until,
  type World,
} from "./world.ts";

type Result<E = never> = Exit.Exit<GetOrSetResult<unknown>, E | CacheLockingError>;

const herd = <E>(
  client: CacheClient,
  key: string,
  fetcher: Fetcher<unknown, E>,
  callers: number,
): Effect.Effect<Result<E>[]> => atOnce(callers, () => Effect.exit(client.getOrSet(key, fetcher)));

const resultsOf = <E>(exits: readonly Result<E>[]) =>
  exits.map((exit) => {
    assert.ok(exit._tag === "Success", `${exit}`);
    return exit.value;
  });

const errorOf = (exit: Result<unknown>): unknown => {
  assert.ok(Exit.isFailure(exit), "a call should have failed");
  return Cause.squash(exit.cause);
};

const timed = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const began = yield* Clock.currentTimeMillis;
    const result = yield* effect;
    return [result, (yield* Clock.currentTimeMillis) - began] as const;
  });

const uncoalesced = { coalesce: false };

const valueIn = (store: Store<unknown>, key: string) =>
  Effect.map(store.get(key), (entry) => entry?.value);

/** The design's promises, kept over two processes. */
export const promises: readonly Property[] = [
  {
    name: "one fetch: two processes with 50 callers each",
    *holds(world) {
      yield* oneFetch(world, {}, 50);
    },
  },
  {
    name: "one fetch: 20 callers, each for itself",
    *holds(world) {
      yield* oneFetch(world, uncoalesced, 10);
    },
  },
  {
    name: "no second fetch after a fill: a caller that missed and then finds the entry hits",
    *holds({ one, two, key }) {
      const late = makeFetch(() => Effect.succeed("late"));
      yield* late.end;
      let asked = false;
      const filled = yield* Deferred.make<void>();
      const slow = around(one, (operation, run) =>
        operation !== "acquire" ? run : Effect.flatMap(
          Effect.sync(() => asked = true),
          () => Effect.flatMap(Deferred.await(filled), () => run),
        ));
      const call = yield* start(clientOf(slow).getOrSet(key, late.fetcher));
      yield* until("it asks for the lease", () => asked);
      yield* clientOf(two).getOrSet(key, () => Effect.succeed("value"));
      yield* Deferred.succeed(filled, undefined);
      const { value, meta } = yield* Fiber.join(call);
      assert.equal(value, "value");
      assert.equal(meta.cache, "HIT");
      assert.equal(late.count, 0);
    },
  },
  {
    name:
      "a client that is closed lets go of its leases, and its callers; another process takes over",
    *holds({ one, two, key }) {
      const fetch = makeFetch(() => Effect.succeed("late"));
      const client = clientOf(one, { leaseTtl: LONG });
      const led = yield* start(herd(client, key, fetch.fetcher, 3));
      yield* fetch.begun();
      const follow = clientOf(two, { waitMax: LONG });
      const following = yield* start(follow.getOrSet(key, () => Effect.succeed("next")));
      yield* two.follows();
      const [, took] = yield* timed(client.close());
      for (const exit of yield* Fiber.join(led)) {
        assert.equal((errorOf(exit) as CacheLockingError)._tag, "CLOSED");
      }
      const next = yield* soon("the next fetch", Fiber.join(following));
      assert.equal(next.value, "next");
      assert.ok(took < SOON, `${took} ms`);
      assert.equal(yield* valueIn(two, key), "next");
    },
  },
  ...(["one", "two"] as const).map((other): Property => ({
    name: `fenced fills: a delete during the fetch, in ${
      other === "one" ? "the same" : "another"
    } process`,
    needs: ["fencing", "revocation"],
    *holds(world) {
      const { one, two, key } = world;
      const fetch = makeFetch((before) => Effect.succeed(`value ${before}`));
      const client = clientOf(one);
      const call = yield* start(client.getOrSet(key, fetch.fetcher));
      yield* fetch.begun();
      yield* (other === "one" ? client : clientOf(two)).delete(key);
      yield* fetch.end;
      const { value, meta } = yield* Fiber.join(call);
      assert.equal(value, "value 0");
      assert.equal(meta.cache, "MISS-LEADER-NOCACHE");
      assert.equal(yield* valueIn(two, key), undefined);
      assert.equal((yield* client.getOrSet(key, fetch.fetcher)).value, "value 1");
      assert.equal(yield* valueIn(two, key), "value 1");
    },
  })),
  {
    name: "fenced fills: a set during the fetch",
    needs: ["fencing", "revocation"],
    *holds({ one, two, key }) {
      const fetch = makeFetch(() => Effect.succeed("fetched"));
      const call = yield* start(clientOf(one).getOrSet(key, fetch.fetcher));
      yield* fetch.begun();
      yield* clientOf(two).set(key, "set");
      yield* fetch.end;
      const { value, meta } = yield* Fiber.join(call);
      assert.equal(value, "fetched");
      assert.equal(meta.cache, "MISS-LEADER-NOCACHE");
      assert.equal(yield* valueIn(one, key), "set");
    },
  },
  {
    name: "fenced fills: a lease lost during the fetch",
    needs: ["fencing"],
    *holds({ one, two, key, short }) {
      const fetch = makeFetch(() => Effect.succeed("late"));
      const cutOff: Store<unknown> = { ...one, renew: () => Effect.succeed(true) };
      const call = yield* start(
        clientOf(cutOff, { leaseTtl: short }).getOrSet(key, fetch.fetcher),
      );
      yield* fetch.begun();
      const other = yield* soon(
        "The takeover",
        clientOf(two).getOrSet(key, () => Effect.succeed("new")),
      );
      assert.equal(other.value, "new");
      assert.equal(other.meta.cache, "MISS-LEADER");
      yield* fetch.end;
      const { value, meta } = yield* Fiber.join(call);
      assert.equal(value, "late");
      assert.equal(meta.cache, "MISS-LEADER-NOCACHE");
      assert.equal(yield* valueIn(two, key), "new");
    },
  },
  {
    name: "a lease is kept while the fetcher runs",
    needs: ["renewal"],
    *holds({ one, two, key, short }) {
      const fetch = makeFetch(() => Effect.succeed("value"));
      const leaseTtl = { leaseTtl: short };
      const calls = yield* start(Effect.all([
        clientOf(one, leaseTtl).getOrSet(key, fetch.fetcher),
        clientOf(two, leaseTtl).getOrSet(key, fetch.fetcher),
      ], { concurrency: "unbounded" }));
      yield* fetch.begun();
      yield* Effect.sleep(3 * short);
      yield* fetch.end;
      const results = yield* Fiber.join(calls);
      assert.equal(fetch.count, 1);
      assert.deepEqual(outcomes(results), { "MISS-LEADER": 1, "MISS-FOLLOWER-HIT": 1 });
    },
  },
  {
    name: "takeover by one: when the leader fails",
    *holds(world) {
      const { one, two, key } = world;
      const fetch = makeFetch((before) =>
        before === 0 ? Effect.fail("boom" as const) : Effect.succeed("value")
      );
      const leader = yield* start(Effect.exit(clientOf(one).getOrSet(key, fetch.fetcher)));
      yield* fetch.begun();
      const others = yield* start(
        Effect.all([
          herd(clientOf(one, uncoalesced), key, fetch.fetcher, 10),
          herd(clientOf(two, uncoalesced), key, fetch.fetcher, 10),
        ], { concurrency: "unbounded" }),
      );
      yield* one.follows(10);
      yield* two.follows(10);
      const [results, elapsed] = yield* timed(
        Effect.flatMap(fetch.end, () => Fiber.join(others)),
      );
      assert.equal(errorOf(yield* Fiber.join(leader)), "boom");
      assert.equal(fetch.count, 2);
      const counts = outcomes(resultsOf(results.flat()));
      assert.equal(counts["MISS-LEADER"], 1);
      assert.equal(counts["MISS-FOLLOWER-HIT"], 19);
      assert.ok(elapsed < SOON, `took ${elapsed} ms`);
    },
  },
  {
    name: "takeover by one: when the leader is interrupted",
    *holds({ one, two, key }) {
      const hangs = makeFetch(() => Effect.never);
      const leader = yield* start(clientOf(one).getOrSet(key, hangs.fetcher));
      yield* hangs.begun();
      const fetch = makeFetch(() => Effect.succeed("value"));
      yield* fetch.end;
      const others = yield* start(herd(clientOf(two, uncoalesced), key, fetch.fetcher, 10));
      yield* two.follows(10);
      const [results, elapsed] = yield* timed(
        Effect.flatMap(Fiber.interrupt(leader), () => Fiber.join(others)),
      );
      assert.equal(hangs.interrupted, 1);
      assert.equal(fetch.count, 1);
      assert.equal(outcomes(resultsOf(results))["MISS-LEADER"], 1);
      assert.ok(elapsed < SOON, `took ${elapsed} ms`);
    },
  },
  {
    name: "takeover by one: when the leader's process dies",
    *holds({ one, two, key, short }) {
      answered(yield* one.acquire(key, "dies", short), "Leader");
      const fetch = makeFetch(() => Effect.succeed("value"));
      yield* fetch.end;
      const [results, elapsed] = yield* timed(Effect.all([
        herd(clientOf(one, uncoalesced), key, fetch.fetcher, 10),
        herd(clientOf(two), key, fetch.fetcher, 10),
      ], { concurrency: "unbounded" }));
      assert.equal(fetch.count, 1);
      assert.equal(outcomes(resultsOf(results.flat()))["MISS-LEADER"], 1);
      assert.ok(elapsed < 3 * short + SOON, `took ${elapsed} ms`);
    },
  },
  {
    name: "push wakes followers, however long their strategy pauses",
    needs: ["push"],
    *holds({ one, two, key }) {
      const fetch = makeFetch(() => Effect.succeed("value"));
      const leader = yield* start(clientOf(one).getOrSet(key, fetch.fetcher));
      yield* fetch.begun();
      const sleepy = clientOf(two, { waitStrategy: () => LONG });
      const others = yield* start(herd(sleepy, key, fetch.fetcher, 10));
      yield* two.follows();
      yield* Effect.sleep(50);
      yield* fetch.end;
      const results = resultsOf(yield* soon("The push", Fiber.join(others)));
      assert.deepEqual(outcomes(results), { "MISS-FOLLOWER-HIT": 10 });
      assert.equal((yield* Fiber.join(leader)).meta.cache, "MISS-LEADER");
    },
  },
  {
    name: "bounded failure: at most two fetches per process",
    *holds({ one, two, key }) {
      const fetches = [0, 0];
      const fails = (process: number) => () =>
        Effect.suspend(() => {
          fetches[process]!++;
          return Effect.flatMap(Effect.sleep(30), () => Effect.fail("boom" as const));
        });
      const exits = yield* soon(
        "Failing",
        Effect.all([
          herd(clientOf(one), key, fails(0), 20),
          herd(clientOf(two), key, fails(1), 20),
        ], { concurrency: "unbounded" }),
      );
      for (const process of exits) {
        for (const exit of process) {
          const error = errorOf(exit);
          assert.ok(
            error === "boom" || isCacheLockingError(error) && error._tag === "FETCHER_FAILED",
            `${error}`,
          );
        }
      }
      assert.ok(fetches[0]! <= 2 && fetches[1]! <= 2, `${fetches} fetches`);
      const own = exits.flat().filter((exit) => errorOf(exit) === "boom").length;
      assert.equal(own, fetches[0]! + fetches[1]!, "who fetched has its own error");
      yield* leads(two, key, "after");
    },
  },
  {
    name: "bounded failure: failures of other processes count, too",
    needs: ["outcomes"],
    *holds({ one, two, key }) {
      const fetch = makeFetch(() => Effect.fail("boom" as const));
      const leader = yield* start(
        Effect.exit(clientOf(one).getOrSet(key, fetch.fetcher)),
      );
      yield* fetch.begun();
      const own = makeFetch(() => Effect.succeed("value"));
      yield* own.end;
      const impatient = clientOf(two, { takeovers: 0 });
      const others = yield* start(herd(impatient, key, own.fetcher, 5));
      yield* two.follows();
      yield* fetch.end;
      for (const exit of yield* soon("Failing fast", Fiber.join(others))) {
        const error = errorOf(exit);
        assert.ok(isCacheLockingError(error) && error._tag === "FETCHER_FAILED", `${error}`);
      }
      assert.equal(errorOf(yield* Fiber.join(leader)), "boom");
      assert.equal(own.count, 0);
      yield* leads(one, key, "after");
    },
  },
  {
    name: "bounded waiting: waitMax, and then one fetch per process",
    alone: true,
    *holds({ one, two, key, short }) {
      const hangs = makeFetch(() => Effect.never);
      yield* start(clientOf(one).getOrSet(key, hangs.fetcher));
      yield* hangs.begun();
      // Long enough for the one who is in the middle of a look when its time is out.
      const fetch = makeFetch(() => Effect.as(Effect.sleep(2 * short), "value"));
      yield* fetch.end;
      const client = clientOf(two, { waitMax: 200 });
      const [exits, elapsed] = yield* timed(herd(client, key, fetch.fetcher, 20));
      assert.equal(fetch.count, 1);
      const results = resultsOf(exits);
      assert.deepEqual(outcomes(results), { "MISS-FOLLOWER-FALLBACK": 20 });
      assert.ok(elapsed >= 199 && elapsed < 200 + SOON, `took ${elapsed} ms`);
      // Who joined later waited less: all of a process fall back at once.
      const waits = results.map(({ meta }) => Duration.toMillis(meta.waited ?? -1));
      const longest = Math.max(...waits);
      assert.ok(longest >= 199 && Math.min(...waits) >= 0, `waited ${waits}`);
    },
  },
  {
    name: "bounded waiting: followers of a value that isn't stored fall back at once",
    needs: ["outcomes"],
    *holds({ one, two, key, short }) {
      const fetch = makeFetch(() => Effect.succeed("uncached"));
      const client = clientOf(one, { shouldCache: () => false });
      const leader = yield* start(client.getOrSet(key, fetch.fetcher));
      yield* fetch.begun();
      const own = makeFetch(() => Effect.as(Effect.sleep(short / 4), "own"));
      yield* own.end;
      const others = yield* start(herd(clientOf(two), key, own.fetcher, 20));
      yield* two.follows();
      const [exits, elapsed] = yield* timed(
        Effect.flatMap(fetch.end, () => Fiber.join(others)),
      );
      assert.equal((yield* Fiber.join(leader)).meta.cache, "MISS-LEADER-NOCACHE");
      assert.equal(own.count, 1);
      assert.deepEqual(outcomes(resultsOf(exits)), { "MISS-FOLLOWER-FALLBACK": 20 });
      assert.ok(elapsed < SOON, `took ${elapsed} ms`);
      assert.equal(yield* valueIn(one, key), undefined);
    },
  },
  {
    name: "cancelling: the other callers get their value",
    *holds({ one, two, key }) {
      const fetch = makeFetch(() => Effect.succeed("value"));
      const clients = [clientOf(one), clientOf(two)];
      const calls = yield* Effect.forEach(
        Array.from({ length: 12 }, (_, index) => clients[index % 2]!),
        (client) => start(client.getOrSet(key, fetch.fetcher)),
      );
      yield* fetch.begun();
      yield* Effect.raceFirst(one.follows(), two.follows());
      for (const index of [0, 1, 4, 7]) yield* Fiber.interrupt(calls[index]!);
      yield* fetch.end;
      for (const [index, call] of calls.entries()) {
        if ([0, 1, 4, 7].includes(index)) continue;
        assert.equal((yield* Fiber.join(call)).value, "value");
      }
      assert.equal(fetch.count, 1);
      assert.equal(fetch.interrupted, 0);
    },
  },
  {
    name: "cancelling: the last caller to leave interrupts the fetch and releases the lease",
    *holds({ one, two, key }) {
      const fetch = makeFetch(() => Effect.never);
      const calls = [
        yield* start(clientOf(one).getOrSet(key, fetch.fetcher)),
        yield* start(clientOf(one).getOrSet(key, fetch.fetcher)),
      ];
      yield* fetch.begun();
      answered(yield* two.acquire(key, "waits", LONG), "Follower");
      for (const call of calls) yield* Fiber.interrupt(call);
      assert.equal(fetch.interrupted, 1);
      yield* leads(two, key, "next");
    },
  },
  {
    name: "cancelling: an interrupted acquire leaves no lease behind",
    *holds({ one, two, key }) {
      let landed = false;
      const slow = around(
        one,
        (operation, run) =>
          operation !== "acquire" ? run : Effect.tap(run, () => {
            landed = true;
            return Effect.sleep(100);
          }),
      );
      const call = yield* start(
        clientOf(slow).getOrSet(key, () => Effect.succeed("not wanted")),
      );
      yield* until("the lease is taken", () => landed);
      yield* Fiber.interrupt(call);
      yield* leads(two, key, "next");
      assert.equal(yield* valueIn(two, key), undefined);
    },
  },
  {
    name: "a fetched value is never thrown away: when the fill fails",
    *holds({ one, key }) {
      const down: Store<unknown> = {
        ...one,
        fill: () => Effect.fail(new AdapterError("fill", key, new Error("down"))),
      };
      const errors: CacheLockingError[] = [];
      const client = clientOf(down, {}, errors);
      const fetch = makeFetch(() => Effect.as(Effect.sleep(50), "value"));
      yield* fetch.end;
      const results = resultsOf(yield* herd(client, key, fetch.fetcher, 10));
      assert.deepEqual(results.map(({ value }) => value), Array(10).fill("value"));
      assert.equal(outcomes(results)["MISS-LEADER-NOCACHE"], 1);
      assert.equal(fetch.count, 1);
      assert.deepEqual(errors.map(({ _tag }) => _tag), ["CACHE_SET_FAILED"]);
    },
  },
  {
    name: "every value is a value: null, undefined, 0, '' and false hit like any other",
    *holds({ one, two, key, gaps }) {
      for (const [index, value] of values.entries()) {
        if (value === null && gaps.nulls !== undefined) continue;
        const each = `${key}:${index}`;
        const fetch = makeFetch(() => Effect.succeed(value));
        yield* fetch.end;
        yield* clientOf(one).getOrSet(each, fetch.fetcher);
        const result = yield* clientOf(two).getOrSet(each, fetch.fetcher);
        assert.deepEqual(result, { value, meta: { cache: "HIT" } });
        assert.equal(fetch.count, 1);
        assert.equal((yield* clientOf(two).get(each))._tag, "Some");
      }
    },
  },
  {
    name: "constant cost: as many operations for 1000 callers as for 10",
    alone: true,
    *holds({ one, two, key }) {
      const operations = ({ counts }: Process) =>
        Object.values(counts).reduce((sum, count) => sum + count, 0);
      const pause = 1000;
      const cost = (callers: number) =>
        Effect.gen(function* () {
          const before = operations(one) + operations(two);
          const fetch = makeFetch(() => Effect.succeed("value"));
          const patient = { waitStrategy: () => pause };
          const [results, elapsed] = yield* timed(Effect.gen(function* () {
            const herds = yield* start(Effect.all([
              herd(clientOf(one, patient), `${key}:${callers}`, fetch.fetcher, callers),
              herd(clientOf(two, patient), `${key}:${callers}`, fetch.fetcher, callers),
            ], { concurrency: "unbounded" }));
            yield* fetch.begun();
            yield* Effect.sleep(100);
            yield* fetch.end;
            return yield* Fiber.join(herds);
          }));
          assert.equal(outcomes(resultsOf(results.flat()))["MISS-LEADER"], 1);
          return { asked: operations(one) + operations(two) - before, elapsed };
        });
      const few = yield* cost(10);
      const many = yield* cost(1000);
      // A process looks once more for each pause that a slow machine takes to start them all.
      const looks = 2 * Math.floor(many.elapsed / pause);
      assert.ok(
        many.asked <= few.asked + 4 + looks,
        `${few.asked} operations for 10 callers, ${many.asked} for 1000 in ${many.elapsed} ms`,
      );
    },
  },
];

function oneFetch({ one, two, key }: World, options: { coalesce?: boolean }, callers: number) {
  return Effect.gen(function* () {
    const fetch = makeFetch(() => Effect.succeed("value"));
    const all = yield* start(Effect.all([
      herd(clientOf(one, options), key, fetch.fetcher, callers),
      herd(clientOf(two, options), key, fetch.fetcher, callers),
    ], { concurrency: "unbounded" }));
    yield* fetch.begun();
    yield* Effect.raceFirst(one.follows(), two.follows());
    yield* fetch.end;
    const results = resultsOf((yield* soon("The herd", Fiber.join(all))).flat());
    assert.equal(fetch.count, 1);
    assert.deepEqual(results.map(({ value }) => value), Array(2 * callers).fill("value"));
    const { "MISS-LEADER": led, "MISS-FOLLOWER-HIT": followed = 0, HIT = 0 } = outcomes(results);
    assert.equal(led, 1);
    assert.equal(followed + HIT, 2 * callers - 1);
    assert.equal(yield* valueIn(two, key), "value");
  });
}

/** That the key comes to be free, long before a lease would have ended. */
function leads(store: Store<unknown>, key: string, owner: string) {
  return soon(
    "The release",
    Effect.gen(function* () {
      while ((yield* store.acquire(key, owner, LONG))._tag !== "Leader") yield* Effect.sleep(10);
    }),
  );
}
