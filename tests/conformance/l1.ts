import { Effect, Option } from "effect";
import assert from "node:assert/strict";
import type { CacheClient, L1Options } from "../../mod.ts";
import { clientOf, LONG, type Process, type Property, until } from "./world.ts";

const fetcher = () => Effect.succeed("fetched" as unknown);

const clientWith = (store: Process, l1: L1Options<number> = { ttl: LONG }) => {
  assert.ok(store.withL1, "The store has `withL1`, or its description says why not in `gaps.l1`");
  return clientOf(store, { l1 });
};

/** What a call finds, and where. */
const found = (client: CacheClient, key: string) =>
  Effect.map(client.getOrSet(key, fetcher), ({ value, meta }) => [value, meta.tier]);

/**
 * Reads until a call finds a value in this process. Word of a change that was made before may come late, and have one or two
 * reads begin anew.
 */
const warm = (client: CacheClient, key: string, value: unknown) =>
  Effect.gen(function* () {
    for (let calls = 1;; calls++) {
      const [own, tier] = yield* found(client, key);
      assert.deepEqual(own, value);
      if (tier === "l1") return calls;
      assert.ok(calls < 10, `${key} is found in L1 in the end`);
    }
  });

/** Entries that are kept in this process, in front of the store. */
export const l1: readonly Property[] = [
  {
    name: "L1: what a process has read is found in it, and in no other",
    needs: ["l1"],
    *holds({ one, two, key }) {
      const client = clientWith(one);
      const value = { deep: [1, "é", null] };
      yield* two.set(key, value, { freshFor: LONG });
      assert.deepEqual(yield* found(client, key), [value, undefined]);
      const calls = 1 + (yield* warm(client, key, value));
      assert.deepEqual(yield* client.get(key), Option.some(value));
      assert.deepEqual(yield* found(clientWith(one), key), [value, "l1"]);
      assert.deepEqual(yield* found(clientWith(two), key), [value, undefined]);
      const { hits, l1Hits } = client.stats();
      assert.deepEqual({ hits, l1Hits }, { hits: calls, l1Hits: 1 });
    },
  },
  {
    name: "L1: what a process changes it finds at once, whichever of its clients does so",
    needs: ["l1"],
    *holds({ one, key }) {
      const client = clientWith(one);
      for (const other of [client, clientOf(one)]) {
        const begin = Effect.gen(function* () {
          yield* other.set(key, "old", LONG);
          assert.deepEqual(yield* found(client, key), ["old", undefined]);
          yield* warm(client, key, "old");
        });
        yield* begin;
        yield* other.set(key, "new", LONG);
        assert.deepEqual(yield* found(client, key), ["new", undefined]);
        yield* begin;
        yield* other.delete(key);
        assert.deepEqual(yield* client.get(key), Option.none());
        yield* begin;
        yield* other.expire(key);
        assert.deepEqual(yield* client.get(key), Option.none());
        yield* begin;
        yield* other.refresh(key, () => Effect.succeed("newer"));
        assert.deepEqual(yield* found(client, key), ["newer", undefined]);
      }
    },
  },
  {
    name: "L1: an entry ends there when it ends in the backend",
    needs: ["l1"],
    *holds({ one, key, short, expired }) {
      const client = clientWith(one);
      yield* client.set(key, "set", short);
      yield* client.getOrSet(`${key}:filled`, () => Effect.succeed("filled"), { cacheTtl: short });
      assert.deepEqual(yield* client.get(key), Option.some("set"));
      assert.deepEqual(yield* client.get(`${key}:filled`), Option.some("filled"));
      yield* expired;
      assert.deepEqual(yield* client.get(key), Option.none());
      assert.deepEqual(yield* client.get(`${key}:filled`), Option.none());
    },
  },
  {
    name: "L1: what another process changes is found when the time is over",
    needs: ["l1"],
    *holds({ one, two, key, short, expired }) {
      const client = clientWith(one, { ttl: short });
      yield* two.set(key, "old", { freshFor: LONG });
      yield* found(client, key);
      yield* two.set(key, "new", { freshFor: LONG });
      yield* expired;
      assert.deepEqual(yield* found(client, key), ["new", undefined]);
      yield* two.delete(key);
      yield* expired;
      assert.deepEqual(yield* client.get(key), Option.none());
    },
  },
  {
    name: "L1: while another process writes all the time, nothing is older than the time",
    needs: ["l1"],
    *holds({ one, two, key, short }) {
      const client = clientWith(one, { ttl: short });
      const written: { readonly value: number; readonly at: number }[] = [];
      const end = performance.now() + 4 * short;
      const writing = Effect.gen(function* () {
        for (let value = 0; performance.now() < end; value++) {
          yield* two.set(key, value, { freshFor: LONG });
          written.push({ value, at: performance.now() });
          yield* Effect.sleep(5);
        }
      });
      const reading = Effect.gen(function* () {
        yield* until("the first value is written", () => written.length > 0);
        while (performance.now() < end) {
          // For 5 ms a wall clock may mislead.
          const before = performance.now() - short - 10;
          const { value } = yield* client.getOrSet(key, fetcher);
          const oldest = written.filter(({ at }) => at <= before).at(-1)?.value ?? 0;
          assert.ok((value as number) >= oldest, `${value} is older than ${oldest}`);
          yield* Effect.sleep(1);
        }
      });
      yield* Effect.all([writing, reading], { concurrency: "unbounded" });
      assert.ok(client.stats().l1Hits > 0);
    },
  },
  {
    name: "L1: what is stale is not kept",
    needs: ["l1", "staleness"],
    *holds({ one, two, key, short, expired }) {
      const client = clientWith(one);
      yield* two.set(key, "stale", { freshFor: short, staleFor: LONG });
      yield* expired;
      const options = { staleIfError: LONG };
      const failed = () => Effect.fail("down" as const);
      for (let call = 0; call < 2; call++) {
        const { value, meta } = yield* client.getOrSet(key, failed, options);
        assert.deepEqual([value, meta.cache, meta.tier], ["stale", "STALE-ERROR", undefined]);
      }
    },
  },
  {
    name: "L1: with `copy` each hit has a value of its own",
    needs: ["l1"],
    *holds({ one, key }) {
      const client = clientWith(one, { ttl: LONG, copy: true });
      yield* client.set(key, { list: [1] }, LONG);
      yield* warm(client, key, { list: [1] });
      for (const tier of ["l1", "l1"]) {
        const { value, meta } = yield* client.getOrSet(key, () => Effect.succeed({ list: [0] }));
        assert.deepEqual([value, meta.tier], [{ list: [1] }, tier]);
        value.list.push(2);
      }
    },
  },
];
