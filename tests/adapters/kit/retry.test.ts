import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Contention, retry } from "../../../adapters/kit/retry.ts";

describe("another try", () => {
  const caller = () => {
    const controller = new AbortController();
    return { signal: () => controller.signal, leave: () => controller.abort() };
  };
  /** Fails so often, and then answers how often it was tried. */
  const failing = (times: number, error: Error = new Contention()) => {
    let tries = 0;
    return () => tries++ < times ? Promise.reject(error) : Promise.resolve(tries);
  };
  const pauses: number[] = [];
  const pause = (millis: number) => {
    pauses.push(millis);
    return Promise.resolve();
  };

  it("is made up to five times, after a pause by chance that may be twice as long each time", async () => {
    assert.equal(await retry(caller(), failing(4), { pause }), 5);
    assert.equal(pauses.length, 4);
    for (const [index, millis] of pauses.entries()) assert.ok(millis < 8 * 2 ** index);
    assert.equal(new Set(pauses).size, 4);
    await assert.rejects(retry(caller(), failing(5), { pause }), {
      message: "others wrote it during each of 5 tries",
    });
  });

  it("is made as often as it is told, after at most 64 ms", async () => {
    pauses.length = 0;
    assert.equal(await retry(caller(), failing(99), { pause, most: 100 }), 100);
    const longest = Math.max(...pauses);
    assert.ok(longest <= 64 && longest > 32, `${longest} ms`);
    await assert.rejects(retry(caller(), failing(2), { pause, most: 2 }), Contention);
  });

  it("is made for no other failure than was told", async () => {
    const broken = new Error("broken");
    await assert.rejects(retry(caller(), failing(1, broken), { pause }), broken);
    const again = (error: unknown) => error === broken;
    assert.equal(await retry(caller(), failing(1, broken), { pause, again }), 2);
  });

  it("is made no more once the caller has left, also during a pause", async () => {
    for (const when of ["before", "during"]) {
      const { signal, leave } = caller();
      let tries = 0;
      const run = () => {
        tries++;
        if (when === "before") leave();
        return Promise.reject(new Contention());
      };
      let pauses = 0;
      const leaving = () => Promise.resolve(leave()).then(() => pauses++);
      await assert.rejects(retry({ signal }, run, { pause: leaving }), Contention);
      assert.deepEqual([tries, pauses], [1, when === "before" ? 0 : 1], when);
    }
  });
});
