import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Row } from "../../../adapters/kit/backend.ts";
import { takeInSteps } from "../../../adapters/kit/take_in_steps.ts";

describe("a lease that is taken in steps", () => {
  const { signal } = new AbortController();
  const target = { key: "a", name: "a", signal: () => signal };
  const own: Row = { owner: "me", remaining: 1000 };

  /** Takes a lease where these rows are found and left there, one after the other; notes the steps. */
  async function take(
    { found = [], put = [], ignored }: {
      readonly found?: Row[];
      readonly put?: (Row | undefined)[];
      readonly ignored?: Row;
    },
  ) {
    const steps: unknown[] = [];
    const taking = takeInSteps<Row>(target, {
      owner: "me",
      ttl: 1000,
      freshBelow: 0,
      backOff: false,
      ignored,
    }, {
      look() {
        steps.push("look");
        return Promise.resolve(found.shift() ?? {});
      },
      put(row) {
        steps.push(row);
        return Promise.resolve(put.shift());
      },
    }, { pause: () => Promise.resolve() });
    return [await taking.catch(({ message }) => message), steps];
  }

  it("is left where the look finds an entry, another's lease, or the owner's own", async () => {
    for (const row of [{ data: "1" }, { owner: "other", remaining: 1 }, own]) {
      assert.deepEqual(await take({ found: [row] }), [row, ["look"]]);
    }
  });

  it("is written over the very row that was found, or what is there instead is the answer", async () => {
    const ended: Row = { lastOwner: "other", outcome: "failed" };
    assert.deepEqual(await take({ found: [ended], put: [own] }), [own, ["look", ended]]);
    const entry = { data: "1" };
    assert.deepEqual(await take({ found: [ended], put: [entry] }), [entry, ["look", ended]]);
  });

  it("is looked for again where it was written in between, five times at most", async () => {
    const [one, two] = [{ lastOwner: "1" }, { lastOwner: "2" }] as const;
    const steps = ["look", one, "look", two];
    assert.deepEqual(await take({ found: [one, two], put: [undefined, own] }), [own, steps]);
    assert.deepEqual(await take({ found: [one, two], put: [{}, own] }), [own, steps]);
    const [message, all] = await take({});
    assert.equal(message, "others wrote it during each of 5 tries");
    assert.equal(all.length, 10);
  });

  it("is written over an entry that is ignored without a look, but only once", async () => {
    const ignored = { data: "{" };
    assert.deepEqual(await take({ put: [own], ignored }), [own, [ignored]]);
    const again = { data: "{" };
    assert.deepEqual(await take({ found: [again], ignored }), [again, [ignored, "look"]]);
  });
});
