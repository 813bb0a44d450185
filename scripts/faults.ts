/**
 * Breaks servers and networks under the load of several processes, and judges all that they recorded: `deno task faults`,
 * for all backends or for those that are named. `--quick`: less of it, for the gate. `--report` writes the figures to
 * docs/faults.md.
 */
import process from "node:process";
import { parseArgs } from "node:util";
import { backendsRequired } from "./backends.ts";
import type { Running } from "./backends/description.ts";
import { toxiproxy } from "./backends/toxiproxy.ts";
import { type FaultyBackend, faultyBackends } from "./faults/backend.ts";
import { type ReportedOutcome, writeReport } from "./faults/report.ts";
import { type Extent, type Outcome, runFaults } from "./faults/run.ts";
import { type Count, report, type Result, tally } from "./result.ts";

const options = {
  leaseTtl: 1000,
  cacheTtl: 1000,
  waitMax: 3000,
  waitStep: 100,
  operationTimeout: 800,
  onCacheFailure: "bypass",
} as const;

const load = { prefix: "faults", keys: 4, callers: 4, fetch: 200, deletes: 0.01, options } as const;

const extents: Readonly<Record<"full" | "quick", Extent>> = {
  full: { processes: 8, fault: 6000, peace: 5000, load: { ...load, every: 100, life: 4000 } },
  quick: { processes: 3, fault: 1000, peace: 1800, load: { ...load, every: 50, life: 1500 } },
};

/** Runs one backend, and counts each thing that must hold. */
function test(
  backend: FaultyBackend,
  proxy: () => Promise<Running>,
  extent: Extent,
  outcomes: ReportedOutcome[],
): Promise<Result> {
  const { description: { backend: name } } = backend;
  return tally(name, async (count) => {
    const servers = await Promise.all([backend.description.start(4), proxy()]).catch(
      (error: Error) => error,
    );
    if (servers instanceof Error) {
      return backendsRequired ? count.fail(servers.message) : count.skip(servers.message);
    }
    const [running, { url }] = servers;
    const outcome = await runFaults(backend, { running, toxiproxy: url }, extent);
    outcomes.push({ backend: name, version: running.version, ...outcome });
    count.note(`${running.version}: ${JSON.stringify(outcome.figures)}`);
    verify(count, outcome, extent);
  });
}

function verify(
  count: Count,
  { figures, broken, leftovers }: Outcome,
  { peace }: Extent,
): void {
  const must = (holds: boolean, what: string) => holds ? count.pass() : count.fail(what);
  const { failed, mostUntouched, untouched, mostAtOnce, alone, slowest, back, calls } = figures;
  must(calls > 0 && untouched > 0 && alone > 0, "not enough happened to tell");
  must(broken.length === 0, `broken promises:\n${broken.slice(0, 10).join("\n")}`);
  must(failed === 0, `${failed} calls without a value`);
  must(slowest < Infinity, "a call that hung");
  must(mostUntouched <= 1, `${mostUntouched} fetches of a key that nothing had happened to`);
  must(mostAtOnce <= 2, `${mostAtOnce} fetches of a key at once without a lease, in one process`);
  must(back < peace, `fetches without a lease ${back} ms after a fault was over`);
  must(leftovers.length === 0, `leases left: ${leftovers}`);
}

if (import.meta.main) {
  const { values, positionals } = parseArgs({
    args: process.argv.slice(2).filter((argument) => argument !== "--"),
    options: { quick: { type: "boolean" }, report: { type: "boolean" } },
    allowPositionals: true,
  });
  const extent = extents[values.quick ? "quick" : "full"];
  const chosen = faultyBackends.filter(({ description: { backend } }) =>
    positionals.length === 0 || positionals.includes(backend)
  );
  const outcomes: ReportedOutcome[] = [];
  let started: Promise<Running> | undefined;
  const proxy = () => started ??= toxiproxy.start(4);
  const waiting = [...chosen];
  const results: Result[] = [];
  await Promise.all(Array.from({ length: values.quick ? 3 : 2 }, async () => {
    for (let next = waiting.shift(); next; next = waiting.shift()) {
      results.push(await test(next, proxy, extent, outcomes));
    }
  }));
  await started?.then(({ stop }) => stop(), () => {});
  if (values.report) await writeReport(outcomes, extent);
  report(results);
}
