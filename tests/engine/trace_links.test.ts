import { Effect, type Tracer } from "effect";
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { describe, it } from "node:test";
import { memoryAdapter } from "../../adapters/memory.ts";
import { Cache, type CallOptions, type Store } from "../../mod.ts";
import { all, KEY, outcomes, processes, source, times } from "../support/herd.ts";
import { processOver } from "../support/process_store.ts";
import { simulate } from "../support/simulation.ts";
import { keepSpans, outcomeOf, parentOf } from "../support/spans.ts";

/** Runs an effect in virtual time, and gives its spans. */
async function spansOf<E>(effect: Effect.Effect<unknown, E>, change?: Change) {
  const spans: Tracer.Span[] = [];
  await simulate().run(keepSpans(effect, spans, change));
  const named = (part: string) => spans.filter(({ name }) => name === `cache-locking.${part}`);
  const callWith = (outcome: string) => {
    const calls = named("getOrSet").filter((span) => outcomeOf(span) === outcome);
    assert.equal(calls.length, 1, outcome);
    return calls[0]!;
  };
  return { spans, named, callWith };
}

type Change = Parameters<typeof keepSpans>[2];

/** What a span is linked to. */
const linked = ({ links }: Tracer.Span) => links.map(({ span }) => span.spanId);

/** The owners that acquires of a store had. */
function ownersOf(store: Store<unknown>) {
  const owners: string[] = [];
  const recorded: Store<unknown> = {
    ...store,
    acquire: (key, owner, ...rest) => {
      owners.push(owner);
      return store.acquire(key, owner, ...rest);
    },
  };
  return { owners, recorded };
}

const UUID = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}";

const stored = (backend: Store<unknown>, value: unknown) =>
  Effect.andThen(
    backend.set(KEY, value, { freshFor: 100, staleFor: 60_000 }),
    () => Effect.sleep(200),
  );

const stale = { cacheTtl: 100, staleWhileRevalidate: 10_000 } satisfies CallOptions<unknown>;

describe("the owner of a lease", () => {
  it("ends with the traceparent of its call, after a random UUID", async () => {
    for (const ownerId of [undefined, "web:1"]) {
      const { owners, recorded } = ownersOf(memoryAdapter());
      const { fetcher } = source(10, () => "value");
      const cache = Cache.make({ adapter: recorded, ownerId });
      const { named } = await spansOf(all([
        cache.getOrSet("a", fetcher),
        cache.getOrSet("b", fetcher),
      ]));
      const prefix = ownerId === undefined ? "" : `${ownerId}:`;
      const known = new Set<string>();
      for (const [index, call] of named("getOrSet").entries()) {
        const trace = `00-${call.traceId}-${call.spanId}-01`;
        const [, token] = RegExp(`^${prefix}(${UUID}):${trace}$`).exec(owners[index]!) ?? [];
        assert.ok(token !== undefined, String(owners[index]));
        known.add(token);
      }
      assert.equal(known.size, 2);
    }
  });

  it("has none under the default tracer", async () => {
    const { owners, recorded } = ownersOf(memoryAdapter());
    const { fetcher } = source(10, () => "value");
    const asked = Cache.make({ adapter: recorded, ownerId: "web" }).getOrSet(KEY, fetcher);
    await simulate().run(Effect.withSpan(asked, "request"));
    assert.match(owners[0]!, RegExp(`^web:${UUID}$`));
  });

  it("has none if the span isn't recorded, or its ids are none", async () => {
    const changes: Partial<Record<"sampled" | "traceId" | "spanId", unknown>>[] = [
      { sampled: false },
      { traceId: "0".repeat(32) },
      { spanId: "0".repeat(16) },
      { traceId: "noop", spanId: "noop" },
      { traceId: "A".repeat(32) },
    ];
    for (const change of changes) {
      const { owners, recorded } = ownersOf(memoryAdapter());
      const { fetcher } = source(10, () => "value");
      await spansOf(Cache.make({ adapter: recorded }).getOrSet(KEY, fetcher), (span) => {
        const values = Object.entries(change).map(([name, value]) => [name, { value }] as const);
        return Object.create(span, Object.fromEntries(values));
      });
      assert.match(owners[0]!, RegExp(`^${UUID}$`), JSON.stringify(change));
    }
  });
});

describe("links", () => {
  for (const poll of [false, true]) {
    it(`a wait for another process is linked to its call, ${poll ? "without" : "with"} push`, async () => {
      const { clients } = processes(3, { poll });
      const { fetcher, counter } = source(600, () => "value");
      const { named, callWith } = await spansOf(
        all(clients.map((cache) => cache.getOrSet(KEY, fetcher))),
      );
      assert.equal(counter.fetches, 1);
      const leader = callWith("MISS-LEADER");
      assert.deepEqual(named("fetch").map(parentOf), [leader.spanId]);
      const waits = named("wait");
      assert.ok(new Set(waits.map(parentOf)).size === 2 && waits.length >= 4);
      for (const wait of waits) {
        assert.deepEqual(linked(wait), [leader.spanId]);
        assert.equal(wait.links[0]!.span.traceId, leader.traceId);
        assert.notEqual(wait.traceId, leader.traceId);
      }
      assert.deepEqual(linked(leader), []);
    });
  }

  it("a wait after a takeover is linked to the new leader", async () => {
    const { clients } = processes(3, { poll: true });
    const { fetcher } = source(300, (fetch) => fetch === 1 ? Effect.fail("down") : "value");
    const { named } = await spansOf(
      all(clients.map((cache) => Effect.exit(cache.getOrSet(KEY, fetcher)))),
    );
    const [first, second] = named("fetch").map(parentOf);
    const follower = named("getOrSet").find(({ spanId }) => spanId !== first && spanId !== second);
    const waited = named("wait").filter((wait) => parentOf(wait) === follower!.spanId);
    const order = [...new Set(waited.map((wait) => linked(wait).join()))];
    assert.deepEqual(order, [first, second]);
  });

  it("those who join a flight of their process are linked to its first call", async () => {
    for (const adapter of [memoryAdapter(), processOver(memoryAdapter(), { latency: 5 })]) {
      const cache = Cache.make({ adapter });
      const { fetcher } = source(100, () => "value");
      const { named, callWith } = await spansOf(all([
        ...times(3, () => cache.getOrSet(KEY, fetcher)),
        Effect.andThen(Effect.sleep(50), () => cache.getOrSet(KEY, fetcher)),
      ]));
      const leader = callWith("MISS-LEADER");
      const joined = named("getOrSet").filter((call) => call !== leader);
      assert.equal(joined.length, 3);
      for (const call of joined) assert.deepEqual(linked(call), [leader.spanId]);
    }
  });

  it("those who join a fallback are linked to it, too, and to each call once", async () => {
    const backend = memoryAdapter();
    const cache = Cache.make({ adapter: processOver(backend) });
    const { fetcher, counter } = source(500, () => "value");
    const { named } = await spansOf(Effect.gen(function* () {
      yield* backend.acquire(KEY, "another", 60_000);
      const results = yield* all(
        [400, 200, 200].map((waitMax) => cache.getOrSet(KEY, fetcher, { waitMax })),
      );
      assert.deepEqual(outcomes(results), { "MISS-FOLLOWER-FALLBACK": 3 });
    }));
    assert.equal(counter.fetches, 1);
    const [long, short, other] = named("getOrSet");
    assert.deepEqual(named("fetch").map(parentOf), [short!.spanId]);
    assert.deepEqual(linked(long!), [short!.spanId]);
    assert.deepEqual(linked(short!), [long!.spanId]);
    assert.deepEqual(linked(other!), [long!.spanId, short!.spanId]);
  });

  it("a lease whose owner tells no trace is linked to nothing", async () => {
    const trace = `00-${"a".repeat(32)}-${"b".repeat(16)}-01`;
    const strangers = [
      "another",
      randomUUID(),
      `web:${randomUUID()}`,
      `${trace}:${randomUUID()}`,
      `x${trace}`,
      `x:${trace.toUpperCase()}`,
      `x:00-${"0".repeat(32)}-${"b".repeat(16)}-01`,
      `x:00-${"a".repeat(32)}-${"0".repeat(16)}-01`,
      `x:ff${trace.slice(2)}`,
    ];
    for (const owner of [...strangers, `x:${trace}`]) {
      const backend = memoryAdapter();
      const cache = Cache.make({ adapter: processOver(backend) });
      const { fetcher } = source(10, () => "value");
      const { named } = await spansOf(Effect.gen(function* () {
        yield* backend.acquire(KEY, owner, 100);
        yield* cache.getOrSet(KEY, fetcher);
      }));
      const links = named("wait").flatMap(linked);
      const told = owner === `x:${trace}`;
      assert.deepEqual(links, told ? named("wait").map(() => "b".repeat(16)) : [], owner);
    }
  });

  it("a stale call is linked to the refresh, which is linked to the call that began it", async () => {
    const { backend, clients: [cache] } = processes(1, stale);
    const { fetcher, counter } = source(300, () => "new");
    const { named, callWith } = await spansOf(Effect.gen(function* () {
      yield* stored(backend, "old");
      yield* Effect.withSpan(cache!.getOrSet(KEY, fetcher), "request");
      yield* Effect.sleep(100);
      yield* cache!.getOrSet(KEY, fetcher);
      yield* Effect.sleep(300);
    }));
    assert.equal(counter.fetches, 1);
    const refresh = callWith("MISS-LEADER");
    const [first, second] = named("getOrSet").filter((span) => outcomeOf(span) === "STALE");
    assert.equal(parentOf(refresh), undefined);
    assert.deepEqual(linked(refresh), [first!.spanId]);
    assert.deepEqual(linked(first!), [refresh.spanId]);
    assert.deepEqual(linked(second!), [refresh.spanId]);
  });

  it("a stale call is linked to a refresh in another process", async () => {
    const { backend, clients: [leading, other] } = processes(2, stale);
    const { fetcher, counter } = source(300, () => "new");
    const { named } = await spansOf(Effect.gen(function* () {
      yield* stored(backend, "old");
      yield* leading!.getOrSet(KEY, fetcher);
      yield* Effect.sleep(100);
      yield* other!.getOrSet(KEY, fetcher);
      yield* Effect.sleep(50);
      yield* other!.getOrSet(KEY, fetcher);
      yield* Effect.sleep(300);
    }));
    assert.equal(counter.fetches, 1);
    const [fetch] = named("fetch");
    const [, refresh, early, lost, late] = named("getOrSet");
    assert.equal(parentOf(fetch!), refresh!.spanId);
    assert.equal(parentOf(lost!), undefined);
    assert.deepEqual(linked(early!), [lost!.spanId]);
    assert.deepEqual(linked(lost!), [early!.spanId, refresh!.spanId]);
    assert.deepEqual(linked(late!), [refresh!.spanId]);
  });

  it("a refresh before the end of an entry is linked to what began it", async () => {
    const cache = Cache.make({ adapter: memoryAdapter(), cacheTtl: 1_000, refreshAhead: 0.5 });
    const { fetcher, counter } = source(50, () => "value");
    const { spans } = await spansOf(Effect.gen(function* () {
      yield* cache.set(KEY, "old");
      yield* Effect.sleep(800);
      yield* Effect.withSpan(cache.getOrSet(KEY, fetcher), "request");
      yield* Effect.sleep(100);
    }));
    assert.equal(counter.fetches, 1);
    const [request, refresh] = spans;
    assert.deepEqual([linked(request!), parentOf(refresh!)], [[], undefined]);
    assert.deepEqual(linked(refresh!), [request!.spanId]);
  });

  it("a stale value in place of a failure is linked to the fetch that has failed", async () => {
    const options = { cacheTtl: 100, staleIfError: 10_000 } satisfies CallOptions<unknown>;
    const { backend, clients: [cache] } = processes(1, options);
    const { fetcher, counter } = source(100, () => Effect.fail("down"));
    const { named } = await spansOf(Effect.gen(function* () {
      yield* stored(backend, "old");
      const results = yield* all([
        cache!.getOrSet(KEY, fetcher),
        Effect.andThen(Effect.sleep(200), () => cache!.getOrSet(KEY, fetcher)),
      ]);
      assert.deepEqual(outcomes(results), { "STALE-ERROR": 2 });
    }));
    assert.equal(counter.fetches, 1);
    const [failed, quiet] = named("getOrSet");
    assert.deepEqual(named("fetch").map(parentOf), [failed!.spanId]);
    assert.deepEqual(linked(quiet!), [failed!.spanId]);
  });

  it("a caller whose soft timeout is over is linked to the fetch that goes on", async () => {
    const options = {
      ...{ cacheTtl: 100, staleIfError: 10_000, softTimeout: 50 },
    } satisfies CallOptions<unknown>;
    const { backend, clients: [cache, other] } = processes(2, options);
    const { fetcher, counter } = source(300, () => "new");
    const { named } = await spansOf(Effect.gen(function* () {
      yield* stored(backend, "old");
      const late = Effect.andThen(Effect.sleep(20), () => cache!.getOrSet(KEY, fetcher));
      const elsewhere = Effect.andThen(Effect.sleep(20), () => other!.getOrSet(KEY, fetcher));
      const results = yield* all([cache!.getOrSet(KEY, fetcher), late, elsewhere]);
      assert.deepEqual(outcomes(results), { STALE: 3 });
      yield* Effect.sleep(400);
    }));
    assert.equal(counter.fetches, 1);
    const [first, ...rest] = named("getOrSet");
    assert.deepEqual(named("fetch").map(parentOf), [first!.spanId]);
    const waiting = named("wait").map(parentOf);
    for (const wait of named("wait")) assert.deepEqual(linked(wait), [first!.spanId]);
    const joined = rest.filter(({ spanId }) => !waiting.includes(spanId));
    assert.deepEqual(joined.map(linked), [[first!.spanId]]);
  });
});
