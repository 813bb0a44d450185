import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { failedOnce, regressions } from "./regressions.ts";
import { scenarioOf } from "./scenario.ts";
import { trial } from "./trial.ts";
import { seeds } from "../support/seeds.ts";

describe("The promises, in virtual time", () => {
  it(`are kept by the engine in the scenarios of ${seeds} seeds`, async () => {
    for (let seed = 1; seed <= seeds; seed++) {
      const broken = await trial(scenarioOf(seed));
      assert.deepEqual(broken, [], `seed ${seed}: deno task simulate --seed ${seed} --seeds 1`);
    }
  });

  // The newest of them, as scenarios change with what makes them.
  it("are kept in the scenarios of seeds that once said otherwise", async () => {
    for (const seed of failedOnce.slice(-seeds)) {
      assert.deepEqual(await trial(scenarioOf(seed)), [], `seed ${seed}`);
    }
  });

  for (const { what, scenario } of regressions) {
    it(`are kept where they once were not: ${what}`, async () => {
      assert.deepEqual(await trial(scenario), []);
    });
  }
});
