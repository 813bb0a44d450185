import { Effect, Fiber } from "effect";
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { memoryAdapter } from "../../adapters/memory.ts";
import {
  Cache,
  type CacheClient,
  type CallOptions,
  type FailuresOptions,
  type HooksOptions,
  type NoHooks,
} from "../../mod.ts";
import { createCache } from "../../promise.ts";
import { all, errorOf, KEY, source, start, tagOf, times } from "../support/herd.ts";
import { processOver } from "../support/process_store.ts";
import { simulate } from "../support/simulation.ts";

/** What the source of these tests fails with. */
class Down {
  readonly _tag = "Down";
  constructor(readonly reason: string) {}
}

const codec = {
  encode: ({ reason }: Down) => JSON.stringify(reason),
  decode: (bytes: Uint8Array) => new Down(JSON.parse(new TextDecoder().decode(bytes))),
};

/** Processes over one backend that share their failures. */
function fleet(
  count: number,
  options: CallOptions<unknown> & HooksOptions<unknown> & {
    readonly failures?: FailuresOptions<Down, number> | undefined;
  } = {},
) {
  const backend = memoryAdapter();
  const stores = times(count, () => processOver(backend, { latency: 2 }));
  // Their hooks neither fail nor need anything.
  const clients = stores.map((adapter) =>
    Cache.make({ failures: { codec, ttl: 1_000 }, ...options, adapter }) as CacheClient<
      NoHooks,
      Down
    >
  );
  return { backend, stores, clients };
}

const failing = (millis = 50) => source(millis, (fetch) => Effect.fail(new Down(`fetch ${fetch}`)));

describe("failures", () => {
  it("one fetch for all processes, each of whose callers has the source's own error", async () => {
    for (const takeovers of [0, 1, 5]) {
      const simulation = simulate();
      const { clients } = fleet(4, { takeovers });
      const { counter, fetcher } = failing();
      const errors = await simulation.run(all(
        clients.flatMap((cache) => times(10, () => errorOf(cache.getOrSet(KEY, fetcher)))),
      ));
      assert.equal(counter.fetches, 1);
      for (const error of errors) {
        assert.ok(error instanceof Down);
        assert.equal(error.reason, "fetch 1");
      }
    }
  });

  it("nobody fetches for the ttl, which doubles with each failure in a row", async () => {
    const simulation = simulate();
    const { clients } = fleet(3);
    const { counter, fetcher } = failing(10);
    const began: number[] = [];
    const fetch = () => {
      began.push(simulation.now());
      return fetcher();
    };
    await simulation.run(Effect.gen(function* () {
      const until = simulation.now() + 60_000;
      while (simulation.now() < until) {
        for (const cache of clients) {
          const error = yield* errorOf(cache.getOrSet(KEY, fetch));
          assert.ok(error instanceof Down, `${error}`);
          assert.equal(error.reason, `fetch ${counter.fetches}`);
        }
        yield* Effect.sleep(50);
      }
    }));
    const pauses = began.slice(1).map((at, index) => at - began[index]!);
    pauses.slice(0, 5).forEach((pause, index) => {
      const wait = 1_000 * 2 ** index;
      assert.ok(pause > wait * 0.8 && pause < wait * 1.2 + 200, `${pauses}`);
    });
    assert.ok(pauses.length <= 6, `${pauses}`);
  });

  it("a success ends it, and so does a set", async () => {
    const simulation = simulate();
    const { clients: [one, two] } = fleet(2);
    await simulation.run(Effect.gen(function* () {
      const { fetcher } = failing();
      assert.ok((yield* errorOf(one!.getOrSet(KEY, fetcher))) instanceof Down);
      yield* two!.set(KEY, "set");
      assert.equal((yield* one!.getOrSet(KEY, fetcher)).value, "set");
      yield* two!.delete(KEY);
      const { value } = yield* one!.getOrSet(KEY, () => Effect.succeed("fetched"));
      assert.equal(value, "fetched");
    }));
  });

  it("what `when` leaves out, defects, the library's own errors and what is too long aren't shared", async () => {
    const long = "x".repeat(8 * 1024);
    const fetchers = {
      "left out": () => Effect.fail(new Down("private")),
      "too long": () => Effect.fail(new Down(long)),
      "not encoded": () => Effect.fail(null as never as Down),
      "a defect": () => Effect.die("a bug"),
      "late": () => Effect.never,
    };
    for (const [what, fail] of Object.entries(fetchers)) {
      const simulation = simulate();
      const { clients: [one, two] } = fleet(2, {
        fetchTimeout: 100,
        failures: { codec, when: ({ reason }) => reason !== "private" },
      });
      await simulation.run(Effect.gen(function* () {
        const error = yield* errorOf(one!.getOrSet(KEY, fail));
        assert.ok(error !== undefined, what);
        const { value } = yield* two!.getOrSet(KEY, () => Effect.succeed("fetched"));
        assert.equal(value, "fetched", what);
      }));
    }
  });

  it("who can't read it, or shares no failures, fetches", async () => {
    const simulation = simulate();
    const { clients: [one], backend } = fleet(1);
    const { fetcher } = failing();
    const unreadable = {
      ...codec,
      decode(): Down {
        throw new Error("another version");
      },
    };
    await simulation.run(Effect.gen(function* () {
      for (const failures of [undefined, { codec: unreadable }]) {
        assert.ok((yield* errorOf(one!.getOrSet(KEY, fetcher))) instanceof Down);
        const adapter = processOver(backend, { latency: 2 });
        const other = Cache.make({ adapter, ...(failures && { failures }) });
        const { value, meta } = yield* other.getOrSet(KEY, () => Effect.succeed("fetched"));
        assert.deepEqual([value, meta.cache], ["fetched", "MISS-LEADER"]);
        yield* one!.delete(KEY);
      }
    }));
  });

  it("in one process, a client that shares none never has another's error", async () => {
    const simulation = simulate();
    const adapter = processOver(memoryAdapter(), { latency: 2 });
    const sharing = Cache.make({ adapter, failures: { codec } });
    const plain = Cache.make({ adapter });
    const { fetcher } = failing();
    await simulation.run(Effect.scoped(Effect.gen(function* () {
      const leading = yield* start(errorOf(sharing.getOrSet(KEY, fetcher)));
      yield* Effect.sleep(20);
      const joined = yield* start(plain.getOrSet(KEY, () => Effect.succeed("own")));
      assert.ok((yield* Fiber.join(leading)) instanceof Down);
      assert.equal((yield* Fiber.join(joined)).value, "own");
      yield* plain.delete(KEY);
      // A flight that only learns of it.
      assert.ok((yield* errorOf(sharing.getOrSet(KEY, fetcher))) instanceof Down);
      const learning = yield* start(errorOf(sharing.getOrSet(KEY, fetcher)));
      const beside = yield* start(plain.getOrSet(KEY, () => Effect.succeed("own")));
      assert.ok((yield* Fiber.join(learning)) instanceof Down);
      assert.equal((yield* Fiber.join(beside)).value, "own");
    })));
  });

  it("a stale value is better than a shared failure", async () => {
    const simulation = simulate();
    const told: unknown[] = [];
    const { clients: [one, two], backend } = fleet(2, {
      cacheTtl: 1_000,
      staleIfError: 60_000,
      hooks: {
        onStale: (_, { reason, error }) => Effect.sync(() => void told.push([reason, error])),
      },
    });
    const { counter, fetcher } = failing();
    await simulation.run(Effect.gen(function* () {
      yield* backend.set(KEY, "old", { freshFor: 10, staleFor: 60_000 });
      yield* Effect.sleep(20);
      for (const cache of [one!, two!]) {
        const { value, meta } = yield* cache.getOrSet(KEY, fetcher);
        assert.deepEqual([value, meta.cache], ["old", "STALE-ERROR"]);
      }
      assert.equal(counter.fetches, 1);
      const [reason, error] = told[1] as [string, unknown];
      assert.ok(reason === "failed" && error instanceof Down);
      // Who may have no stale value has the failure.
      assert.ok((yield* errorOf(two!.refresh(KEY, fetcher))) instanceof Down);
    }));
  });

  it("promises: callers are rejected with what the codec decodes, and the own error stays the same object", async () => {
    const adapter = memoryAdapter();
    const caches = [1, 2].map(() => createCache({ adapter, failures: { codec, ttl: "1 minute" } }));
    const own = new Down("own");
    let fetches = 0;
    const fetcher = () => {
      fetches++;
      return Promise.reject(own);
    };
    await assert.rejects(caches[0]!.getOrSet(KEY, fetcher), (error) => error === own);
    for (const cache of caches) {
      await assert.rejects(
        cache.getOrSet(KEY, fetcher),
        (error) => error instanceof Down && error.reason === "own",
      );
    }
    assert.equal(fetches, 1);
  });

  it("bad options are refused", () => {
    const adapter = memoryAdapter();
    for (
      const [failures, message] of [
        [1, /the option `failures`: it must be an object with a `codec`, and is 1/],
        [{}, /the option `failures.codec`: it must be a codec with `encode` and `decode`/],
        [{ codec, ttl: 0 }, /the option `failures.ttl`: it must be longer than zero/],
        [{ codec, when: 1 }, /the option `failures.when`: it must be a function, and is 1/],
        [
          { codec, tll: 1 },
          /the option "failures.tll": there is none; the nearest is `failures.ttl`/,
        ],
      ] as const
    ) {
      assert.throws(() => Cache.make({ adapter, failures: failures as never }), (error: Error) => {
        assert.equal(tagOf(error), "VALIDATION_ERROR");
        assert.match(error.message, message);
        return true;
      });
    }
  });
});
