import { Effect, Metric } from "effect";
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from "@opentelemetry/sdk-metrics";
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { memoryAdapter } from "../../adapters/memory.ts";
import { Cache } from "../../mod.ts";
import { createCache } from "../../promise.ts";
import {
  effectMetrics,
  type Metrics,
  type MetricsOptions,
  openTelemetryMetrics,
} from "../../src/metrics/mod.ts";
import { all, errorOf, KEY, source, times } from "../support/herd.ts";
import { processOver } from "../support/process_store.ts";
import { simulate } from "../support/simulation.ts";
import { until } from "../support/until.ts";

/** A series: its name, with its attributes but for the client's own. */
type Told = Readonly<Record<string, number | readonly [count: number, sum: number]>>;

interface Face {
  readonly name: string;
  /** Metrics, and how to read those of the client `name`. */
  make(options?: MetricsOptions): {
    readonly metrics: Metrics;
    read(name: string): Promise<Told>;
  };
}

const idOf = (name: string, { ...attributes }: Record<string, unknown>) => {
  delete attributes["cache.name"];
  delete attributes["cache.backend"];
  delete attributes.unit;
  const own = Object.entries(attributes).map(([key, value]) => `${key}=${value}`).sort();
  return [name.replace("cache_locking.", ""), ...own].join(" ");
};

const rounded = (seconds: number) => Math.round(seconds * 1000) / 1000;

const openTelemetry: Face = {
  name: "OpenTelemetry",
  make(options) {
    const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
    const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 1e8 });
    const meter = new MeterProvider({ readers: [reader] }).getMeter("test");
    return {
      metrics: openTelemetryMetrics(meter, options),
      async read(name) {
        exporter.reset();
        await reader.forceFlush();
        const told: Record<string, number | readonly [number, number]> = {};
        for (const { scopeMetrics } of exporter.getMetrics()) {
          for (const { descriptor, dataPoints } of scopeMetrics.flatMap(({ metrics }) => metrics)) {
            for (const { attributes, value } of dataPoints) {
              if (attributes["cache.name"] !== name) continue;
              told[idOf(descriptor.name, attributes)] = typeof value === "number"
                ? value
                : [(value as { count: number }).count, rounded((value as { sum: number }).sum)];
            }
          }
        }
        return told;
      },
    };
  },
};

interface State {
  readonly count: number;
  readonly sum?: number;
}

/** A snapshot of Effect 4, and of Effect 3. */
interface Snapshot {
  readonly id?: string;
  readonly attributes?: Readonly<Record<string, string>>;
  readonly state?: State;
  readonly metricKey?: {
    readonly name: string;
    readonly tags: readonly { readonly key: string; readonly value: string }[];
  };
  readonly metricState?: State;
}

const ofEffect: Face = {
  name: "Effect",
  make: (options) => ({
    metrics: effectMetrics(options),
    async read(name) {
      const snapshots = await Effect.runPromise(
        Metric.snapshot as unknown as Effect.Effect<readonly Snapshot[]>,
      );
      const told: Record<string, number | readonly [number, number]> = {};
      for (const { id, attributes, state, metricKey, metricState } of snapshots) {
        const all = attributes ??
          Object.fromEntries(metricKey!.tags.map(({ key, value }) => [key, value]));
        const { count, sum } = state ?? metricState!;
        if (all["cache.name"] !== name) continue;
        told[idOf(id ?? metricKey!.name, all)] = sum === undefined ? count : [count, rounded(sum)];
      }
      return told;
    },
  }),
};

let clients = 0;
const nextName = () => `client ${++clients}`;
const run = <A, E>(program: Effect.Effect<A, E>) => simulate().run(program);

for (const { name: kind, make } of [openTelemetry, ofEffect]) {
  describe(`metrics of ${kind}`, () => {
    it("go without the attributes of a key for which they throw", async () => {
      const attributes = (key: string) => ({ kind: /^(\w+):/.exec(key)![1]! });
      const { metrics, read } = make({ attributes });
      const name = nextName();
      const adapter = processOver(memoryAdapter(), { latency: 2 });
      const cache = Cache.make({ name, adapter, metrics });
      for (const key of ["user:1", "nobody"]) {
        const { value } = await run(cache.getOrSet(key, () => Effect.succeed(key)));
        assert.equal(value, key);
      }
      const { request, other } = await read(name).then((told) => ({
        request: told["request.count cache.request.type=miss-leader kind=user"],
        other: told["request.count cache.request.type=miss-leader"],
      }));
      assert.deepEqual([request, other], [1, 1]);
    });

    it("tell the outcomes of all calls, waits, fetches and operations", async () => {
      const { metrics, read } = make();
      const name = nextName();
      const adapter = processOver(memoryAdapter(), { latency: 10 });
      const cache = Cache.make({ name, adapter, metrics });
      const { fetcher } = source(300, () => "value");
      await run(Effect.gen(function* () {
        yield* all(times(5, () => cache.getOrSet(KEY, fetcher)));
        yield* cache.getOrSet(KEY, fetcher);
        yield* errorOf(cache.getOrSet("down", () => Effect.fail({ _tag: "Down" })));
        yield* cache.get(KEY);
      }));
      assert.deepEqual(await read(name), {
        "request.count cache.request.type=miss-leader": 1,
        "request.count cache.request.type=miss-follower-hit": 4,
        "request.count cache.request.type=hit": 1,
        "request.count cache.request.type=failed error.type=Down": 1,
        "wait.duration cache.request.type=miss-follower-hit": [4, 1.32],
        "fetch.duration": [1, 0.3],
        "fetch.duration error.type=Down": [1, 0],
        "operation.duration cache.operation.name=get": [4, 0.04],
        "operation.duration cache.operation.name=acquire": [2, 0.02],
        "operation.duration cache.operation.name=fill": [1, 0.01],
        "operation.duration cache.operation.name=release": [1, 0.01],
      });
    });

    it("tell of operations that fail or don't answer, and of bypasses", async () => {
      const { metrics, read } = make();
      const name = nextName();
      const hooks = { onError: () => Effect.void };
      let kind: "before" | "hang" = "before";
      const adapter = processOver(memoryAdapter(), { trouble: () => kind });
      const cache = Cache.make({
        ...{ name, adapter, metrics, hooks, operationTimeout: 100 },
        onCacheFailure: "bypass",
      });
      await run(cache.getOrSet(KEY, () => Effect.succeed(1)));
      kind = "hang";
      await run(cache.getOrSet(KEY, () => Effect.succeed(1)));
      await run(errorOf(cache.getOrSet(KEY, () => Effect.succeed(1), { onCacheFailure: "fail" })));
      assert.deepEqual(await read(name), {
        "request.count cache.request.type=bypass": 2,
        "request.count cache.request.type=failed error.type=CACHE_GET_FAILED": 1,
        "fetch.duration": [2, 0],
        "operation.duration cache.operation.name=get error.type=ADAPTER_ERROR": [3, 0.2],
      });
    });

    it("tell of takeovers, refreshes, refused fills and lost leases, as the counters do", async () => {
      const { metrics, read } = make();
      const name = nextName();
      const hooks = { onError: () => Effect.void };
      const cache = Cache.make({
        ...{ name, adapter: processOver(memoryAdapter()), metrics, hooks },
        ...{ cacheTtl: 1_000, staleWhileRevalidate: "1 minute" },
      });
      const { fetcher } = source(300, () => "value");
      const change = (key: string) => Effect.delay(cache.delete(key), 100);
      await run(Effect.gen(function* () {
        yield* cache.getOrSet(KEY, fetcher);
        yield* Effect.sleep(2_000);
        yield* cache.getOrSet(KEY, fetcher);
        yield* Effect.sleep(500);
        const both = { concurrency: "unbounded" } as const;
        yield* Effect.all([cache.getOrSet("a", fetcher), change("a")], both);
        const short = cache.getOrSet("b", fetcher, { leaseTtl: 150 });
        yield* Effect.all([short, change("b")], both);
        yield* all(
          times(
            2,
            () => errorOf(cache.getOrSet("c", () => Effect.delay(Effect.fail("down"), 100))),
          ),
        );
      }));
      const { refreshes, takeovers, refusedFills, lostLeases } = cache.stats();
      assert.deepEqual({ refreshes, takeovers, refusedFills, lostLeases }, {
        ...{ refreshes: 1, takeovers: 1, refusedFills: 2, lostLeases: 1 },
      });
      const told = await read(name);
      assert.equal(told["refresh.count"], refreshes);
      assert.equal(told["takeover.count"], takeovers);
      assert.equal(told["refused_fill.count"], refusedFills);
      assert.equal(told["lost_lease.count"], lostLeases);
      assert.equal(told["request.count cache.request.type=stale"], 1);
      assert.deepEqual(told["fetch.duration error.type=_OTHER"], [2, 0.2]);
    });

    it("add up in promises: hits, callers that share one promise, also one that fails", async () => {
      const { metrics, read } = make();
      const name = nextName();
      const cache = createCache({ name, adapter: memoryAdapter(), metrics });
      let end!: () => void;
      const fetch = () => new Promise<string>((resolve) => end = () => resolve("value"));
      const calls = Promise.all(times(50, () => cache.getOrSet(KEY, fetch)));
      await until(() => end !== undefined);
      end();
      await calls;
      await Promise.all(times(7, () => cache.getOrSet(KEY, fetch)));
      await Promise.all(times(3, () => cache.getOrSetResult(KEY, fetch)));
      const fail = () => Promise.reject(new RangeError("down"));
      await Promise.allSettled(times(20, () => cache.getOrSet("down", fail)));
      const told = await read(name);
      const timed = (id: string) => (told[id] as readonly [number, number])[0];
      assert.equal(told["request.count cache.request.type=miss-leader"], 1);
      assert.equal(told["request.count cache.request.type=miss-follower-hit"], 49);
      assert.equal(timed("wait.duration cache.request.type=miss-follower-hit"), 49);
      assert.equal(told["request.count cache.request.type=hit"], 10);
      const failed = "request.count cache.request.type=failed error.type=";
      assert.equal(told[`${failed}RangeError`], 2);
      assert.equal(told[`${failed}FETCHER_FAILED`], 18);
      assert.equal(timed("fetch.duration error.type=RangeError"), 2);
    });

    it("count a call once whose hook fails, and none that was interrupted or aborted", async () => {
      const { metrics, read } = make();
      const name = nextName();
      const cache = Cache.make({ name, adapter: memoryAdapter(), metrics });
      const hooks = { onHit: () => Effect.fail({ _tag: "Hook" }) };
      const signal = AbortSignal.abort();
      const { fetcher } = source(300, () => "value");
      await run(Effect.gen(function* () {
        yield* cache.getOrSet(KEY, fetcher);
        yield* errorOf(cache.getOrSet(KEY, fetcher, { hooks }));
        yield* errorOf(cache.getOrSet(KEY, fetcher, { signal }));
        yield* Effect.timeoutOption(cache.getOrSet("slow", fetcher), 100);
      }));
      const leaving = new AbortController();
      const plain = createCache({ name, adapter: memoryAdapter(), metrics });
      const slow = () => new Promise<never>(() => leaving.abort());
      await assert.rejects(plain.getOrSet("slow", slow, { signal: leaving.signal }));
      const told = await read(name);
      assert.deepEqual(
        Object.entries(told).filter(([id]) => id.startsWith("request.count")),
        [
          ["request.count cache.request.type=miss-leader", 1],
          ["request.count cache.request.type=failed error.type=Hook", 1],
        ],
      );
    });

    it("tell of each key of a batch", async () => {
      const { metrics, read } = make();
      const name = nextName();
      const cache = Cache.make({ name, adapter: memoryAdapter(), metrics });
      const fetch = ({ keys }: { readonly keys: readonly string[] }) =>
        Effect.succeed(new Map(keys.filter((key) => key !== "none").map((key) => [key, 1])));
      await run(cache.getOrSetMany(["a", "b"], fetch));
      await run(cache.getOrSetMany(["a", "b", "c", "none"], fetch));
      const told = await read(name);
      assert.equal(told["request.count cache.request.type=miss-leader"], 3);
      assert.equal(told["request.count cache.request.type=hit"], 2);
      assert.equal(told["request.count cache.request.type=failed error.type=FETCHER_FAILED"], 1);
    });

    it("of two clients with one name are one; a key is an attribute only if it is asked for", async () => {
      const attributes = (key: string) => ({ kind: key.split(":")[0]! });
      const { metrics, read } = make({ attributes });
      const name = nextName();
      for (const key of ["user:1", "user:2", "order:1"]) {
        const cache = Cache.make({ name, adapter: memoryAdapter(), metrics });
        await run(cache.getOrSet(key, () => Effect.succeed(1)));
        await run(cache.getOrSet(key, () => Effect.succeed(1)));
      }
      assert.deepEqual(await read(name), {
        "request.count cache.request.type=miss-leader kind=user": 2,
        "request.count cache.request.type=hit kind=user": 2,
        "request.count cache.request.type=miss-leader kind=order": 1,
        "request.count cache.request.type=hit kind=order": 1,
        "fetch.duration kind=user": [2, 0],
        "fetch.duration kind=order": [1, 0],
      });
    });
  });
}

describe("metrics", () => {
  it("of a program's own are asked once for each client, on both faces", async () => {
    const told: unknown[] = [];
    const calls: string[] = [];
    const nothing = () => {};
    const metrics: Metrics = {
      observe(client) {
        told.push(client);
        const call = (key: string) => void calls.push(key);
        return { call, fetch: nothing, operation: nothing, event: nothing };
      },
    };
    const cache = Cache.make({ name: "a", adapter: memoryAdapter(), metrics });
    await run(cache.getOrSet(KEY, () => Effect.succeed(1), { takeovers: 2 }));
    await run(cache.set(KEY, 2));
    const plain = createCache({ adapter: memoryAdapter(), metrics });
    await plain.getOrSet(KEY, () => 1, { takeovers: 2 });
    await plain.set(KEY, 2);
    assert.deepEqual(told, [
      { name: "a", backend: "memory" },
      { name: undefined, backend: "memory" },
    ]);
    assert.deepEqual(calls, [KEY, KEY]);
  });

  it("of one meter add up, also if they are made twice", async () => {
    const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
    const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 1e8 });
    const meter = new MeterProvider({ readers: [reader] }).getMeter("test");
    for (let client = 0; client < 2; client++) {
      const metrics = openTelemetryMetrics(meter);
      const cache = Cache.make({ name: "twins", adapter: memoryAdapter(), metrics });
      await run(cache.getOrSet(KEY, () => Effect.succeed(1)));
    }
    await reader.forceFlush();
    const values = exporter.getMetrics().flatMap(({ scopeMetrics }) => scopeMetrics)
      .flatMap(({ metrics }) => metrics)
      .filter(({ descriptor }) => descriptor.name === "cache_locking.request.count")
      .flatMap(({ dataPoints }) => dataPoints.map(({ value }) => value));
    assert.deepEqual(values, [2]);
  });
});
