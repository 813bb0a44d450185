import { Effect } from "effect";
import assert from "node:assert/strict";
import { test } from "node:test";
import { memoryAdapter } from "../../adapters/memory.ts";
import {
  AdapterError,
  Cache,
  type CacheClient,
  type CacheLockingError,
  type CallOptions,
  type Halves,
  type LeasesHalf,
} from "../../mod.ts";
import { storeOfHalves } from "../../src/store/halves.ts";
import { leasesHalf } from "../../src/store/leases_half.ts";
import { type Backend, conformance } from "../conformance/mod.ts";
import { handWritten } from "../support/hand_written.ts";
import { simulate } from "../support/simulation.ts";

const apart = "entries and leases are kept apart, with no atomic step in common";
const clocks = "both halves are in one process, which has one clock";
const plain = handWritten();
const [entries, leases] = [memoryAdapter(), memoryAdapter()];
const { runExit: run } = simulate();

const backends: Readonly<Record<string, Backend>> = {
  "hand-written halves": {
    open: Effect.sync(() => ({ cache: plain.cache, leases: plain.leases })),
    gaps: {
      push: "these halves have no `watch`",
      fencing: apart,
      revocation: apart,
      outcomes: "these halves remember none",
      nulls: "`null` is the miss in this layer",
      staleness: "these halves have no clock to ask how fresh an entry is",
      failures: "these halves remember none",
      l1: "hand-written halves have none",
      clocks,
    },
    damage: {
      entries: { "what can't be decoded": (key) => Promise.resolve(plain.corrupt(key)) },
      leases: {},
    },
    run,
  },
  "a store with the leases of another": {
    open: Effect.sync(() => storeOfHalves(entries, leasesHalf(leases))),
    gaps: {
      fencing: apart,
      revocation: apart,
      clocks,
      l1: "a client's option `leases` makes such",
    },
    damage: "nobody else can write to a process's memory",
    run,
  },
};

for (const [backend, description] of Object.entries(backends)) {
  for (const { name, run, skipped = false } of conformance(description)) {
    test(`${backend}: ${name}`, { skip: skipped }, run);
  }
}

const client = (adapter: Halves, options: CallOptions<unknown> = {}): CacheClient =>
  Cache.make({ adapter, leaseTtl: "1 minute", waitMax: "1 minute", ...options });

const fetch = (value: unknown, millis = 100) => () => Effect.as(Effect.sleep(millis), value);

/** So many processes over the same halves. */
const processes = (
  count: number,
  { cache, leases }: Required<Halves>,
  options?: CallOptions<unknown>,
) => Array.from({ length: count }, () => client({ cache: { ...cache }, leases }, options));

/** The error of a call over halves that misbehave, and how long it took by the clock of its world. */
async function failing(adapter: Halves) {
  const simulation = simulate();
  const began = simulation.now();
  const error = await simulation.run(Effect.flip(client(adapter).getOrSet("key", fetch("value"))));
  assert.ok("_tag" in error);
  return { tag: error._tag, took: simulation.now() - began };
}

/** One leads, with this fetch, and the other follows, and has this of its own. */
const leadAndFollow = (
  [one, two]: readonly CacheClient[],
  led: ReturnType<typeof fetch>,
  own = fetch("own"),
) =>
  Effect.all([
    one!.getOrSet("key", led),
    Effect.flatMap(Effect.sleep(50), () => two!.getOrSet("key", own)),
  ], { concurrency: "unbounded" });

/** What goes wrong without failing the call. */
function listening(adapter: Halves, options: CallOptions<unknown> = {}) {
  const errors: CacheLockingError[] = [];
  const onError = (error: CacheLockingError) => Effect.sync(() => void errors.push(error));
  return { errors, cache: Cache.make({ adapter, hooks: { onError }, ...options }) };
}

test("halves are an adapter: two processes fetch once", async () => {
  const { cache, leases } = handWritten();
  const herd = (client: CacheClient) =>
    Effect.all(Array.from({ length: 20 }, () => client.getOrSet("key", fetch("value"))), {
      concurrency: "unbounded",
    });
  const results = await simulate().run(
    Effect.all(processes(2, { cache, leases }).map(herd), {
      concurrency: "unbounded",
    }),
  );
  const outcomes = results.flat().map(({ meta }) => meta.cache);
  assert.equal(outcomes.filter((outcome) => outcome === "MISS-LEADER").length, 1);
  assert.equal(outcomes.filter((outcome) => outcome === "MISS-FOLLOWER-HIT").length, 39);
});

test("halves of the same objects share one flight, whichever object holds them", async () => {
  const { cache, leases } = handWritten();
  let acquires = 0;
  const counting: LeasesHalf = {
    ...leases,
    acquire: (...args) => Effect.suspend(() => (acquires++, leases.acquire(...args))),
  };
  await simulate().run(Effect.all(
    [
      client({ cache, leases: counting }).getOrSet("key", fetch("value")),
      client({ cache, leases: counting }).getOrSet("key", fetch("value")),
      Cache.getOrSet({
        adapter: { cache },
        leases: counting,
        key: "key",
        fetcher: fetch("value"),
      }),
    ],
    { concurrency: "unbounded" },
  ));
  assert.equal(acquires, 1);
});

test("the option leases keeps the leases of a store elsewhere", async () => {
  const { leases, held } = handWritten();
  const adapter = memoryAdapter();
  const cache = Cache.make({ adapter, leases });
  await simulate().run(Effect.gen(function* () {
    const { meta } = yield* cache.getOrSet("key", () =>
      Effect.sync(() => {
        assert.deepEqual([...held.keys()], ["key"]);
        return "value";
      }));
    assert.equal(meta.cache, "MISS-LEADER");
    assert.equal((yield* adapter.get("key"))?.value, "value");
    assert.equal(held.size, 0);
    assert.equal((yield* cache.getOrSet("key", fetch("other"))).meta.cache, "HIT");
  }));
});

test("the option leases goes before the adapter's own leases", async () => {
  const { cache, leases } = handWritten();
  const other = handWritten();
  await simulate().run(
    Cache.getOrSet({
      adapter: { cache, leases },
      leases: other.leases,
      key: "key",
      fetcher: () => Effect.sync(() => assert.deepEqual([...other.held.keys()], ["key"])),
    }),
  );
});

test("an adapter without leases is a VALIDATION_ERROR that names the way out", () => {
  const { cache } = handWritten();
  assert.throws(() => Cache.make({ adapter: { cache } }), {
    name: "VALIDATION_ERROR",
    message: /`leases`.*leases half/,
  });
});

test("halves that lack a method they need are a VALIDATION_ERROR that names them", () => {
  const { cache, leases } = handWritten();
  const bad = { cache: { get: cache.get }, leases };
  const cases: readonly [Halves, RegExp][] = [
    [bad as unknown as Halves, /adapter\.cache/],
    [{ cache, leases: { acquire: leases.acquire } as LeasesHalf }, /adapter\.leases/],
    [{ cache, leases: {} as LeasesHalf }, /adapter\.leases/],
  ];
  for (const [adapter, message] of cases) {
    assert.throws(() => client(adapter), { name: "VALIDATION_ERROR", message });
  }
});

test("null is the miss of a half, and undefined a value", async () => {
  const { cache, leases } = handWritten();
  const cached = client({ cache, leases });
  await simulate().run(Effect.gen(function* () {
    for (const value of [undefined, 0, "", false]) {
      yield* cached.set("key", value);
      assert.deepEqual(yield* cached.getOrSet("key", fetch("fetched")), {
        value,
        meta: { cache: "HIT" },
      });
    }
    yield* cached.set("key", null);
    assert.equal((yield* cached.get("key"))._tag, "None");
    assert.equal((yield* cached.getOrSet("key", fetch("fetched"))).value, "fetched");
    assert.equal((yield* cached.getOrSet("null", fetch(null))).value, null);
  }));
});

test("a cache half without delete fails the client's delete, and says so", async () => {
  const { cache: { get, set }, leases } = handWritten();
  const error = await simulate().run(
    Effect.flip(client({ cache: { get, set }, leases }).delete("k")),
  );
  assert.equal(error._tag, "CACHE_SET_FAILED");
  assert.match(error.message, /no `delete`/);
});

const boom = new Error("boom");
/** What a method written by hand may do instead of what it should. */
const misbehaviours: Readonly<Record<string, () => Effect.Effect<never, unknown>>> = {
  "throws": () => {
    throw boom;
  },
  "dies": () => Effect.die(boom),
  "fails with an Error": () => Effect.fail(boom),
  "fails with a string": () => Effect.fail("boom"),
  "fails with nothing": () => Effect.fail(undefined),
  "fails with an AdapterError": () => Effect.fail(new AdapterError("get", "elsewhere", boom)),
  // Effect 3's own `never` keeps the process alive for as long as nobody interrupts it.
  "never answers": () => Effect.promise(() => new Promise<never>(() => {})),
  "returns no Effect": () => "boom" as unknown as Effect.Effect<never>,
  "returns a promise": () => Promise.resolve("boom") as unknown as Effect.Effect<never>,
  "returns nothing": () => undefined as unknown as Effect.Effect<never>,
};

for (const [what, misbehave] of Object.entries(misbehaviours)) {
  const failure = what === "fails with an AdapterError";

  test(`a get that ${what} fails the call in time, with its typed error`, async () => {
    const { cache, leases, held } = handWritten();
    const { tag, took } = await failing({ cache: { ...cache, get: misbehave }, leases });
    assert.equal(tag, "CACHE_GET_FAILED");
    assert.equal(held.size, 0);
    assert.ok(took <= 2000);
  });

  test(`a get that ${what} leaves the call its value with onCacheFailure: "bypass"`, async () => {
    const { cache, leases } = handWritten();
    const adapter = { cache: { ...cache, get: misbehave }, leases };
    const { cache: listened, errors } = listening(adapter, { onCacheFailure: "bypass" });
    const { value, meta } = await simulate().run(listened.getOrSet("key", fetch("value")));
    assert.equal(value, "value");
    assert.equal(meta.cache, "BYPASS");
    assert.deepEqual(errors.map(({ _tag }) => _tag), ["CACHE_GET_FAILED"]);
  });

  test(`an acquire that ${what} fails the call in time, with its typed error`, async () => {
    const { cache, leases } = handWritten();
    const { tag, took } = await failing({ cache, leases: { ...leases, acquire: misbehave } });
    assert.equal(tag, failure ? "CACHE_GET_FAILED" : "LEASE_ACQUIRE_FAILED");
    assert.ok(took <= 2100);
  });

  test(`a set that ${what} leaves the call its value, is reported, and the lease let go`, async () => {
    const { cache, leases, held } = handWritten();
    const { cache: listened, errors } = listening({ cache: { ...cache, set: misbehave }, leases });
    await simulate().run(Effect.gen(function* () {
      const { value, meta } = yield* listened.getOrSet("key", fetch("value"));
      assert.equal(value, "value");
      if (what === "never answers") yield* Effect.sleep(2_000);
      if (!failure) {
        assert.equal(meta.cache, "MISS-LEADER-NOCACHE");
        assert.deepEqual(errors.map(({ _tag }) => _tag), ["CACHE_SET_FAILED"]);
      }
      yield* Effect.sleep(100);
      assert.equal(held.size, 0);
    }));
  });

  for (const method of ["release", "markReady"] as const) {
    test(`a ${method} that ${what} is reported, and the value is there and stored`, async () => {
      const { cache, readyLeases } = handWritten();
      const leases = { ...readyLeases, [method]: misbehave };
      const { cache: listened, errors } = listening({ cache, leases });
      await simulate().run(Effect.gen(function* () {
        const { value, meta } = yield* listened.getOrSet("key", fetch("value"));
        assert.equal(value, "value");
        if (!failure && what !== "never answers") {
          assert.equal(meta.cache, "MISS-LEADER");
          const tag = method === "release" ? "LEASE_RELEASE_FAILED" : "LEASE_READY_FAILED";
          assert.deepEqual([...new Set(errors.map(({ _tag }) => _tag))], [tag]);
        }
        // What hangs goes on apart, until its time is out.
        if (what === "never answers") yield* Effect.sleep(2_000);
        assert.ok(errors.length > 0);
        assert.equal((yield* listened.getOrSet("key", fetch("other"))).value, "value");
      }));
    });
  }

  test(`a renew that ${what} is reported, and the value is stored`, async () => {
    const { cache, leases } = handWritten();
    const { cache: listened, errors } = listening({
      cache,
      leases: { ...leases, renew: misbehave },
    });
    const { meta } = await simulate().run(listened.getOrSet("key", fetch("value", 3_000)));
    assert.equal(meta.cache, "MISS-LEADER");
    if (what !== "never answers" && !failure) {
      assert.deepEqual(errors.map(({ _tag }) => _tag), ["LEASE_ACQUIRE_FAILED"]);
    }
  });
}

const garbage: readonly unknown[] = [
  undefined,
  null,
  "leader",
  {},
  { role: "boss", leaseUntil: Infinity },
  { role: "leader" },
  { role: "follower" },
  { role: "follower", leaseUntil: NaN },
  { role: "follower", leaseUntil: "soon" },
];
for (const answer of garbage) {
  test(`an acquire that answers ${JSON.stringify(answer)} fails the call at once`, async () => {
    const { cache, leases } = handWritten();
    const acquire = () => Effect.succeed(answer) as ReturnType<LeasesHalf["acquire"]>;
    const { tag, took } = await failing({ cache, leases: { ...leases, acquire } });
    assert.equal(tag, "LEASE_ACQUIRE_FAILED");
    assert.ok(took < 100);
  });
}

test("a renew that answers nothing is reported, and the value is stored", async () => {
  const { cache, leases } = handWritten();
  const renew = () => Effect.succeed(undefined) as unknown as Effect.Effect<boolean>;
  const { cache: listened, errors } = listening({ cache, leases: { ...leases, renew } });
  const { meta } = await simulate().run(listened.getOrSet("key", fetch("value", 3_000)));
  assert.equal(meta.cache, "MISS-LEADER");
  assert.deepEqual(errors.map(({ _tag }) => _tag), ["LEASE_ACQUIRE_FAILED"]);
});

test("an isReady that fails or answers garbage fails those who wait", async () => {
  const isReadies = [
    () => Effect.fail(boom),
    () => Effect.succeed(undefined),
    () => Effect.succeed({ ready: "yes" }),
  ] as unknown as Required<LeasesHalf>["isReady"][];
  for (const isReady of isReadies) {
    const { cache, readyLeases } = handWritten();
    const other = client({ cache: { ...cache }, leases: { ...readyLeases, isReady } });
    await simulate().run(Effect.gen(function* () {
      yield* readyLeases.acquire("key", "another", 60_000);
      const error = yield* Effect.flip(other.getOrSet("key", fetch("value")));
      assert.ok("_tag" in error);
      assert.equal(error._tag, "LEASE_READY_FAILED");
    }));
  }
});

test("markReady lets those who wait for an uncached value fall back at once, side by side", async () => {
  const { cache, readyLeases, held } = handWritten();
  const simulation = simulate();
  const [first, ...others] = processes(10, { cache, leases: readyLeases }, {
    shouldCache: () => false,
  });
  await simulation.run(Effect.gen(function* () {
    const began = simulation.now();
    const results = yield* Effect.all([
      first!.getOrSet("key", fetch("value", 1000)),
      ...others.map((other) =>
        Effect.flatMap(Effect.sleep(50), () => other.getOrSet("key", fetch("own", 1000)))
      ),
    ], { concurrency: "unbounded" });
    assert.deepEqual(
      results.map(({ meta }) => meta.cache),
      ["MISS-LEADER-NOCACHE", ...others.map(() => "MISS-FOLLOWER-FALLBACK")],
    );
    const took = simulation.now() - began;
    assert.ok(took < 2500, `took ${took} ms`);
    assert.equal(held.size, 0);
  }));
});

test("markReady after a fill hides nothing: those who wait find the value", async () => {
  const { cache, readyLeases } = handWritten();
  const both = processes(2, { cache, leases: readyLeases });
  const results = await simulate().run(leadAndFollow(both, fetch("value", 1000)));
  assert.deepEqual(
    results.map(({ meta }) => meta.cache),
    ["MISS-LEADER", "MISS-FOLLOWER-HIT"],
  );
});

test("a ready mark of an earlier leader doesn't mislead those who wait for the next one", async () => {
  const { cache, readyLeases, ready } = handWritten();
  const both = processes(2, { cache, leases: readyLeases });
  await simulate().run(Effect.gen(function* () {
    yield* both[0]!.getOrSet("key", fetch("old"), { cacheTtl: 1000 });
    assert.ok(ready.has("key"));
    yield* Effect.sleep(2000);
    const results = yield* leadAndFollow(both, fetch("new", 1000));
    assert.deepEqual(
      results.map(({ value, meta }) => [value, meta.cache]),
      [["new", "MISS-LEADER"], ["new", "MISS-FOLLOWER-HIT"]],
    );
  }));
});

test("a leader that fails marks nothing ready: one of those who wait takes over", async () => {
  const { cache, readyLeases, ready } = handWritten();
  const [one, ...others] = processes(5, { cache, leases: readyLeases });
  let fetches = 0;
  const counted = () => Effect.suspend(() => (fetches++, fetch("value")()));
  await simulate().run(Effect.all([
    Effect.exit(
      one!.getOrSet("key", () => Effect.flatMap(Effect.sleep(500), () => Effect.fail("no"))),
    ),
    ...others.map((other) =>
      Effect.flatMap(Effect.sleep(50), () => other.getOrSet("key", counted))
    ),
  ], { concurrency: "unbounded" }));
  assert.equal(fetches, 1);
  assert.ok(ready.has("key"), "the one who took over has filled");
});

test("without renew a lease ends with its time to live, and the value is stored nevertheless", async () => {
  const { cache, leases: { acquire, release } } = handWritten();
  const both = processes(2, { cache, leases: { acquire, release } }, { leaseTtl: 1000 });
  await simulate().run(Effect.gen(function* () {
    const results = yield* leadAndFollow(both, fetch("late", 3000), fetch("second", 100));
    assert.deepEqual(
      results.map(({ value, meta }) => [value, meta.cache]),
      [["late", "MISS-LEADER"], ["second", "MISS-LEADER"]],
    );
    assert.equal((yield* both[0]!.getOrSet("key", fetch("other"))).meta.cache, "HIT");
  }));
});

test("who wins the lease after a fill that came in between finds the value, and lets the lease go", async () => {
  const { cache, leases, held } = handWritten();
  const acquire: LeasesHalf["acquire"] = (key, ...rest) =>
    Effect.flatMap(cache.set(key, "in between"), () => leases.acquire(key, ...rest));
  const adapter = { cache, leases: { ...leases, acquire } };
  const { value, meta } = await simulate().run(client(adapter).getOrSet("key", fetch("own")));
  assert.equal(value, "in between");
  assert.equal(meta.cache, "HIT");
  assert.equal(held.size, 0);
});
