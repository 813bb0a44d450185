import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Case } from "../../conformance/mod.ts";
import { randomToken } from "../../../src/model/token.ts";
import { sideBySide } from "../../support/side_by_side.ts";
import { until } from "../../support/until.ts";
import { ask, skip } from "./ask.ts";

interface WorkersCase extends Omit<Case, "run"> {
  readonly backend: string;
}

const cases: WorkersCase[] = skip ? [] : JSON.parse(await ask("cases"));
const checks: string[] = skip ? [] : JSON.parse(await ask("checks"));
const backends = [...new Set(cases.map(({ backend }) => backend))];

for (const backend of backends) {
  describe(`${backend}, in workerd: the suite`, () => {
    const cases = of(backend).map((each, index): Case => ({
      ...each,
      run: async () => assert.equal(await ask(`run/${backend}/${index}`), ""),
    }));
    sideBySide(cases, { skip, atOnce: 4 });
  });

  describe(`${backend}, in workerd`, () => {
    it("fetches once for 100 requests at once, which can't share a flight", async () => {
      const key = randomToken();
      const answers = await Promise.all(
        Array.from({ length: 100 }, async () => JSON.parse(await ask(`get/${backend}/${key}`))),
      );
      assert.equal(answers.reduce((sum, { fetches }) => sum + fetches, 0), 1);
    });

    it("gives 50 requests the stale value while one of them refreshes it, in 10 rounds", async () => {
      for (let round = 0; round < 10; round++) {
        const key = randomToken();
        const get = async () => JSON.parse(await ask(`stale/${backend}/${key}`));
        assert.equal((await get()).outcome, "MISS-LEADER");
        await ask(`expire/${backend}/${key}`);
        const answers = await Promise.all(Array.from({ length: 50 }, get));
        // On a slow machine the last of them come when it is refreshed.
        const stale = answers.filter(({ outcome }) => outcome === "STALE");
        assert.ok(stale.length > 0);
        for (const { value } of stale) assert.equal(value, "fetch 1");
        const others = answers.filter((each) => !stale.includes(each));
        assert.deepEqual(
          [...new Set(others.map(({ outcome }) => outcome))],
          others.length ? ["HIT"] : [],
        );
        await until(async () => (await get()).outcome === "HIT");
        assert.deepEqual(await get(), { value: "fetch 2", outcome: "HIT", fetches: 2 });
      }
    });

    it("lets go of the lease when a request is cancelled, if it is the leader's", async () => {
      assert.equal(await ask(`cancel/${backend}/${randomToken()}`), "held, held, free");
    });
  });
}

describe("the adapters of Workers, in workerd", { skip }, () => {
  for (const name of checks) {
    it(name, async () => assert.equal(await ask(`check/${encodeURIComponent(name)}`), ""));
  }
});

it("workerd runs the suites", { skip }, () => assert.ok(backends.length >= 2));

function of(backend: string): WorkersCase[] {
  return cases.filter((each) => each.backend === backend);
}
