import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { randomToken } from "../../src/model/token.ts";
import { type Backend, type Report, startCallers } from "./callers.ts";
import { startRecording } from "./recording.ts";

/** Tests what a process leaves behind that closes its client on SIGTERM: nothing. */
export function terminatedLeader(
  name: string,
  { skip, ...backend }: Backend & { readonly skip: string | false },
): void {
  describe(`a process that is told to end by SIGTERM, over ${name}`, { skip }, () => {
    it("ends by itself, its calls fail with CLOSED, and others take its keys over at once", async () => {
      const [leader, ...others] = await startCallers(3, backend, startRecording());
      const options = { leaseTtl: 60_000, waitMax: 60_000 };
      const keys = Array.from({ length: 20 }, () => `terminated:${randomToken()}`);
      try {
        const leading = keys.map((key) =>
          leader!.call({ key, callers: 5, fetch: 120_000, options, unrecorded: true })
        );
        await Promise.all(leading.map(({ fetching }) => fetching));
        const following = keys.flatMap((key) =>
          others.map((caller) =>
            caller.call({ key, callers: 5, fetch: 100, options, unrecorded: true }).report
          )
        );
        const [took, left] = await Promise.all([
          leader!.terminate(),
          Promise.all(leading.map(({ report }) => report)),
        ]);
        assert.ok(took < options.leaseTtl / 5, `${took} ms`);
        assert.deepEqual(left.map(({ errors }) => errors), keys.map(() => ({ CLOSED: 5 })));
        const reports = await Promise.all(following);
        const sum = (of: (report: Report) => number) =>
          reports.reduce((total, report) => total + of(report), 0);
        assert.deepEqual(reports.map(({ errors }) => errors), reports.map(() => ({})));
        assert.equal(sum(({ fetches }) => fetches), keys.length);
        const slowest = Math.max(...reports.map(({ slowest }) => slowest));
        assert.ok(slowest < options.leaseTtl / 2, `${slowest} ms`);
        console.log(
          `    # ${name}: ended in ${took.toFixed(0)} ms, slowest caller ${slowest.toFixed(0)} ms`,
        );
      } finally {
        await Promise.all(others.map((caller) => caller.end()));
      }
    });
  });
}
