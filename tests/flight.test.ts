import { Effect } from "effect";
import assert from "node:assert/strict";
import { it } from "node:test";
import type { Caller } from "../src/call.ts";
import { monotonicMillis } from "../src/clock.ts";
import { join, openFlight, type Signal } from "../src/flight.ts";
import { KEY, start } from "./support/herd.ts";
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
    const caller = () => ({ call: { key: KEY }, clock, tries: 2 }) as Caller;
    const flight = openFlight(undefined, caller(), land);
    const now = monotonicMillis(clock);
    yield* start(Effect.exit(join(flight, caller(), now, 100)));
    yield* Effect.sleep(0);
    // Chosen while the cohort stands, run when it is gone.
    const late = join(flight, caller(), now, 100);
    yield* Effect.sleep(200);
    yield* Effect.exit(late);
  })));
  assert.deepEqual(signals, ["OutOfTime", "OutOfTime"]);
  assert.equal(simulation.timers(), 0);
});
