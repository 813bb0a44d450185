import {
  complete,
  type Flight,
  leave,
  wait,
  type Waiter,
  type Wake,
} from "../../src/engine/single_flight.ts";
import { type Clock, Duration, Effect, Fiber } from "effect";
import assert from "node:assert/strict";
import { it } from "node:test";
import { memoryAdapter } from "../../adapters/memory.ts";
import { Cache, type CallOptions } from "../../mod.ts";
import { callback } from "../../src/effect/callback.ts";
import { monotonicMillis } from "../../src/effect/clock.ts";
import { randomToken } from "../../src/model/token.ts";
import { all, KEY, source, start, times } from "../support/herd.ts";
import { processOver } from "../support/process_store.ts";
import { simulate } from "../support/simulation.ts";

/** A flight that nobody works on. */
function emptyFlight(clock: Clock.Clock): Flight<string> {
  return {
    key: KEY,
    table: undefined,
    clock,
    first: waiter(),
    waiting: 1,
    groups: [],
    cancelled: false,
    goesOn: false,
    busyUntil: undefined,
  };
}

function waiter(woken: Waiter<string>["woken"] = () => {}): Waiter<string> {
  return { flight: undefined, group: undefined, index: 0, woken };
}

function waitIn(flight: Flight<string>, until: number): Effect.Effect<Wake<string>> {
  return callback((resume) => {
    wait(flight, waiter((_flight, wake) => resume(Effect.succeed(wake))), until, 2);
  });
}

it("who joins a group that was woken meanwhile is woken as well, and doesn't wait unbounded", async () => {
  const simulation = simulate();
  const wakes = await simulation.run(Effect.scoped(Effect.gen(function* () {
    const clock = yield* Effect.clockWith(Effect.succeed);
    const flight = emptyFlight(clock);
    const until = monotonicMillis(clock) + 100;
    const early = yield* start(waitIn(flight, until));
    yield* Effect.sleep(0);
    // Chosen while the group stands, run when it is gone.
    const late = waitIn(flight, until);
    yield* Effect.sleep(200);
    return [yield* Fiber.join(early), yield* late];
  })));
  assert.deepEqual(wakes.map(({ signal }) => signal), [
    { _tag: "OutOfTime" },
    { _tag: "OutOfTime" },
  ]);
  assert.equal(simulation.timers(), 0);
});

it("those who are woken together are told how long each of them waited", async () => {
  const simulation = simulate();
  const { fetcher } = source(100, () => "value");
  const cache = Cache.make({ adapter: memoryAdapter() });
  const after = (millis: number) =>
    Effect.flatMap(Effect.sleep(millis), () => cache.getOrSet(KEY, fetcher));
  const results = await simulation.run(all([0, 10, 10, 40].map(after)));
  const metas = results.map(({ meta }) => meta);
  assert.deepEqual(metas.map(({ waited }) => waited && Duration.toMillis(waited)), [
    undefined,
    90,
    90,
    60,
  ]);
  assert.ok(metas.slice(1).every(Object.isFrozen));
});

it("those whose time is out at the same time are told how long each of them waited", async () => {
  const simulation = simulate();
  const cache = Cache.make({ adapter: memoryAdapter() });
  /** Calls that begin at these times and wait and hold leases for as long as they say. */
  const waits = (fetch: number, calls: readonly (readonly [number, CallOptions<string>])[]) => {
    const { fetcher } = source(fetch, () => "value");
    const key = randomToken();
    return Effect.map(
      all(
        calls.map(([at, options]) =>
          Effect.flatMap(Effect.sleep(at), () => cache.getOrSet(key, fetcher, options))
        ),
      ),
      (results) => results.map(({ meta: { waited } }) => waited && Duration.toMillis(waited)),
    );
  };
  const inFlight = waits(150, [[0, {}], [0, { waitMax: 1000 }], [100, { waitMax: 900 }]]);
  assert.deepEqual(await simulation.run(inFlight), [undefined, 150, 50]);
  // The fetch goes on in this process: to wait for less makes no difference.
  const longer = waits(300, [[0, {}], [0, { waitMax: 100 }], [50, { waitMax: 100 }]]);
  assert.deepEqual(await simulation.run(longer), [undefined, 300, 250]);
});

it("who takes over has waited until it led, and who waited for it until the end", async () => {
  const simulation = simulate();
  const { fetcher } = source(100, (fetch) => fetch === 1 ? Effect.fail("no") : "value");
  const cache = Cache.make({ adapter: memoryAdapter() });
  const exits = await simulation.run(
    all(times(3, () => Effect.exit(cache.getOrSet(KEY, fetcher)))),
  );
  const told = exits.map((exit) =>
    exit._tag === "Success" && [exit.value.meta.cache, Duration.toMillis(exit.value.meta.waited!)]
  );
  assert.deepEqual(told, [false, ["MISS-LEADER", 100], ["MISS-FOLLOWER-HIT", 200]]);
});

it("who falls back from a read that takes too long is told of no lease", async () => {
  const simulation = simulate();
  const { fetcher } = source(10, () => "value");
  const adapter = processOver(memoryAdapter(), { latency: 100 });
  const results = await simulation.run(
    all(times(2, () => Cache.getOrSet({ adapter, key: KEY, fetcher, waitMax: 20 }))),
  );
  const { cache, leaseUntil } = results[1]!.meta;
  assert.deepEqual({ cache, leaseUntil }, {
    cache: "MISS-FOLLOWER-FALLBACK",
    leaseUntil: undefined,
  });
});

it("what one caller throws when it is woken doesn't keep the others waiting", async () => {
  const simulation = simulate();
  const { queueMicrotask } = globalThis;
  const thrown: unknown[] = [];
  globalThis.queueMicrotask = (task) =>
    queueMicrotask(() => {
      try {
        task();
      } catch (error) {
        thrown.push(error);
      }
    });
  try {
    const woken = await simulation.run(Effect.scoped(Effect.gen(function* () {
      const flight = emptyFlight(yield* Effect.clockWith(Effect.succeed));
      const thrower = waiter(() => {
        throw "thrown";
      });
      wait(flight, thrower, Infinity, 2);
      const second = yield* start(waitIn(flight, Infinity));
      yield* Effect.sleep(0);
      complete(flight, "end");
      return yield* Fiber.join(second);
    })));
    assert.equal(woken.signal, "end");
    assert.deepEqual(thrown, ["thrown"]);
  } finally {
    globalThis.queueMicrotask = queueMicrotask;
  }
});

it("who was woken leaves nothing that others wait in", async () => {
  const simulation = simulate();
  const flight = await simulation.run(Effect.gen(function* () {
    const flight = emptyFlight(yield* Effect.clockWith(Effect.succeed));
    const early = waiter();
    wait(flight, early, 100, 2);
    yield* Effect.sleep(200);
    yield* leave(early);
    return flight;
  }));
  assert.deepEqual([flight.waiting, flight.cancelled], [1, false]);
});
