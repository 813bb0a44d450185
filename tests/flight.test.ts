import { Duration, Effect } from "effect";
import assert from "node:assert/strict";
import { it } from "node:test";
import { memoryAdapter } from "../adapters/memory.ts";
import { Cache } from "../mod.ts";
import { type Call, newCaller } from "../src/call.ts";
import { monotonicMillis } from "../src/clock.ts";
import { openFlight, type Signal, wait } from "../src/flight.ts";
import { all, KEY, source, start } from "./support/herd.ts";
import { simulate } from "./support/simulation.ts";

it("who joins a cohort that was sent away meanwhile is sent away as well, and doesn't wait unbounded", async () => {
  const simulation = simulate();
  const signals: string[] = [];
  const land = (_flight: unknown, _caller: unknown, { _tag }: Signal) => {
    signals.push(_tag);
    return Effect.fail(_tag);
  };
  await simulation.run(Effect.scoped(Effect.gen(function* () {
    const clock = yield* Effect.clockWith(Effect.succeed);
    const caller = () => newCaller({ key: KEY, settings: { tries: 2 } } as Call, clock);
    const flight = openFlight(undefined, caller(), land);
    const until = monotonicMillis(clock) + 100;
    yield* start(Effect.exit(wait(flight, caller(), until)));
    yield* Effect.sleep(0);
    // Chosen while the cohort stands, run when it is gone.
    const late = wait(flight, caller(), until);
    yield* Effect.sleep(200);
    yield* Effect.exit(late);
  })));
  assert.deepEqual(signals, ["OutOfTime", "OutOfTime"]);
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
