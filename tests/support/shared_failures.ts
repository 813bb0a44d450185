import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { randomToken } from "../../src/model/token.ts";
import { type Backend, startCallers } from "./callers.ts";
import { startRecording } from "./recording.ts";

/** Tests that a source that is down is asked once per backoff by several processes, which all have its own error. */
export function sharedFailures(
  name: string,
  { skip, ...backend }: Backend & { readonly skip: string | false },
): void {
  describe(`failures that processes over ${name} share`, { skip }, () => {
    it("cost one fetch per backoff, and every caller of 8 processes has the source's own error", async () => {
      const processes = await startCallers(8, backend, startRecording());
      try {
        const shares = 500;
        const key = `down:${randomToken()}`;
        const options = { operationTimeout: 30_000, waitMax: 60_000, leaseTtl: 60_000 };
        const task = { key, callers: 4, fetch: 20, succeedsFrom: 1e9, shares, options };
        const began = performance.now();
        let fetches = 0;
        for (let round = 0; round < 40; round++) {
          const reports = await Promise.all(processes.map((process) => process.call(task).report));
          for (const { errors, ...report } of reports) {
            assert.deepEqual(errors, { SOURCE_DOWN: 4 });
            fetches += report.fetches;
          }
          await sleep(100);
        }
        const took = performance.now() - began;
        // So long must so many have taken: each backoff is twice as long as the last, and by a fifth shorter by chance.
        const least = 0.8 * shares * (2 ** (fetches - 1) - 1);
        assert.ok(least <= took, `${fetches} fetches in ${took} ms`);
        assert.ok(fetches > 1, `${fetches} fetches in ${took} ms`);
        console.log(`    # ${name}: ${fetches} fetches for 1,280 calls in ${took.toFixed(0)} ms`);
      } finally {
        await Promise.all(processes.map((process) => process.end()));
      }
    });
  });
}
