/**
 * Breaks servers and networks under the load of several processes, and judges all that they recorded: `deno task faults`,
 * for all backends or for those that are named. `--quick`: less of it, for the gate. `--report` writes the figures to
 * docs/faults.md.
 */
import { mkdir, writeFile } from "node:fs/promises";
import { backendsRequired } from "../tests/servers/environment.ts";
import { beforeQuitting } from "../tests/servers/before_quitting.ts";
import type { Running } from "../tests/servers/description.ts";
import { toxiproxy } from "../tests/servers/toxiproxy.ts";
import { atOnce } from "../tests/support/at_once.ts";
import { orExit, readArguments } from "./arguments.ts";
import { type FaultyBackend, faultyBackends } from "./faults/backend.ts";
import { faults } from "./faults/faults.ts";
import { type ReportedOutcome, writeReport } from "./faults/report.ts";
import { type Extent, type Outcome, runFaults, SLACK } from "./faults/run.ts";
import { runSourceDown, type SourceExtent, type SourceOutcome } from "./faults/source.ts";
import type { Load } from "../tests/support/load.ts";
import { report, type Result, tally } from "./result.ts";

const options = {
  leaseTtl: 1000,
  cacheTtl: 1000,
  waitMax: 3000,
  waitStep: 100,
  operationTimeout: 800,
  onCacheFailure: "bypass",
} as const;

const load = { prefix: "faults", keys: 4, callers: 4, fetch: 200, deletes: 0.01, options } as const;

/** Fetches whose leaders are announced, of which every third fails. Who joins one without a lease doesn't try again. */
const long = {
  prefix: "long",
  keys: 2,
  callers: 2,
  fetch: 2000,
  deletes: 0,
  fails: 1 / 3,
  shares: 1000,
  options: { ...options, leaseTtl: 10_000, cacheTtl: 500, waitMax: 15_000, takeovers: 0 },
} as const;

/** Entries that outlive everything that may happen to those who are told of changes, and are changed by hand meanwhile. */
const kept = {
  prefix: "kept",
  keys: 4,
  life: 20_000,
  callers: 4,
  fetch: 20,
  deletes: 0.005,
  sets: 0.05,
  l1: 20_000,
  options: { ...options, cacheTtl: 60_000 },
} as const;

const unannounced = 3000;

const extents: Readonly<Record<"full" | "quick", Extent>> = {
  full: {
    processes: 8,
    fault: 6000,
    peace: 5000,
    load: { ...load, every: 100, life: 4000 },
    long: { ...long, every: 200, life: 6000 },
    kept: { ...kept, every: 100 },
    push: { faults: [2000, 6000, 2000], peace: 4000 },
    unannounced,
    kills: [0, 1, 2, 3, 4],
    again: true,
  },
  quick: {
    processes: 3,
    fault: 1000,
    peace: 3000,
    load: { ...load, every: 50, life: 1500 },
    long: { ...long, every: 100, life: 3000 },
    kept: { ...kept, every: 50 },
    push: { faults: [undefined, 4000], peace: 2500 },
    unannounced,
    // Amid slow replies.
    kills: [3],
    again: false,
  },
};

/** One hot key, which is the same all the time. */
const hot: Load = {
  prefix: "source",
  keys: 1,
  life: Number.MAX_SAFE_INTEGER,
  every: 100,
  callers: 4,
  fetch: 200,
  deletes: 0,
  options: { cacheTtl: 1000, staleIfError: 60_000, operationTimeout: 10_000 },
};

/** After a failed fetch the fleet is quiet for 0.8 s at least, then for twice as long as before. */
const sourceExtents: Readonly<Record<"full" | "quick", SourceExtent>> = {
  full: { processes: 8, down: 10_000, peace: 3000, load: hot, most: 6 },
  // Longer than an entry lives, so that the source is asked for the next one.
  quick: { processes: 3, down: 2000, peace: 1200, load: hot, most: 3 },
};

/** Runs one backend, and counts each thing that must hold. */
function test(
  backend: FaultyBackend,
  proxy: () => Promise<Running>,
  [extent, sourceExtent]: readonly [Extent, SourceExtent],
  outcomes: ReportedOutcome[],
): Promise<Result> {
  const { description: { backend: name } } = backend;
  return tally(name, async (count) => {
    const servers = await start(backend, proxy).catch((error: Error) => error);
    if (servers instanceof Error) {
      return backendsRequired ? count.fail(servers.message) : count.skip(servers.message);
    }
    const { running } = servers;
    const source = await runSourceDown(backend, running, sourceExtent).catch(async (error) => {
      await running.stop();
      throw error;
    });
    const outcome = await runFaults(backend, servers, extent);
    outcomes.push({ backend: name, version: running.version, ...outcome, source });
    count.note(`${running.version}: ${JSON.stringify(outcome.figures)}`);
    count.note(`long fetches: ${JSON.stringify(outcome.long)}`);
    if (outcome.l1 !== undefined) count.note(`in L1: ${JSON.stringify(outcome.l1)}`);
    count.note(`the source down: ${JSON.stringify(source)}`);
    const failures = [...failuresOf(outcome, extent), ...failuresOfSource(source, sourceExtent)];
    failures.forEach((what) => what === undefined ? count.pass() : count.fail(what));
    if (failures.some((what) => what !== undefined)) count.note(await keep(name, outcome));
  });
}

/** Writes what was recorded to a file, and says to which. */
async function keep(name: string, { histories }: Outcome): Promise<string> {
  const file = `.cache/faults/${name}.json`;
  await mkdir(".cache/faults", { recursive: true });
  await writeFile(file, JSON.stringify(histories));
  return `what was recorded is in ${file}`;
}

async function start({ description }: FaultyBackend, proxy: () => Promise<Running>) {
  const { url: toxiproxy } = await proxy();
  return { toxiproxy, running: await description.start() };
}

/** What of each thing that must hold doesn't; undefined where it holds. */
function failuresOf(
  { figures, long, l1, broken, leftovers }: Outcome,
  { peace, push }: Extent,
): (string | undefined)[] {
  const must = (holds: boolean, what: string) => holds ? undefined : what;
  const { failed, mostUntouched, untouched, mostAtOnce, alone, slowest, back, calls } = figures;
  return [
    must(calls > 0 && untouched > 0 && alone > 0, "not enough happened to tell"),
    must(broken.length === 0, `broken promises:\n${broken.slice(0, 10).join("\n")}`),
    must(failed === 0, `${failed} calls without a value`),
    must(slowest < Infinity, "a call that hung"),
    must(mostUntouched <= 1, `${mostUntouched} fetches of a key that nothing had happened to`),
    must(mostAtOnce <= 2, `${mostAtOnce} fetches of a key at once without a lease, in one process`),
    must(
      back.every((millis, index) => millis < (index < faults.length ? peace : push.peace) - SLACK),
      `not well again: ${back} ms after the faults`,
    ),
    must(leftovers.length === 0, `leases left: ${leftovers}`),
    must(
      long.killed > 0 && long.replaced.length > 0 && long.shared > 0,
      "not enough happened to long fetches to tell",
    ),
    must(long.failed === 0, `${long.failed} calls for long fetches without a value`),
    must(long.mostDuring <= 1, `${long.mostDuring} takeovers during the fetch of one leader`),
    must(long.slowest < Infinity, "a call for a long fetch that hung"),
    must(
      long.mostUntouched <= 1,
      `${long.mostUntouched} long fetches of a key that nothing had happened to`,
    ),
    ...l1 === undefined ? [] : [
      must(l1.hits > 0 && l1.changes > 0, "not enough happened in L1 to tell"),
      must(l1.failed === 0, `${l1.failed} calls with an L1 without a value`),
    ],
  ];
}

function failuresOfSource(
  { calls, failed, stale, asked, broken }: SourceOutcome,
  { most }: SourceExtent,
): (string | undefined)[] {
  const must = (holds: boolean, what: string) => holds ? undefined : `the source down: ${what}`;
  return [
    must(calls > 0 && stale > 0 && asked > 0, "not enough happened to tell"),
    must(broken.length === 0, `broken promises:\n${broken.slice(0, 10).join("\n")}`),
    must(failed === 0, `${failed} calls without a value`),
    must(asked <= most, `it was asked ${asked} times, of ${most}`),
  ];
}

function named(name: string): FaultyBackend {
  const found = faultyBackends.find(({ description: { backend } }) => backend === name);
  if (found !== undefined) return found;
  const names = faultyBackends.map(({ description: { backend } }) => backend);
  throw new Error(`Cannot break "${name}": there are ${names.join(", ")}`);
}

if (import.meta.main) {
  const { values, rest: names } = readArguments({
    name: "faults",
    does: "Breaks servers and networks under load, and judges what was recorded.",
    rest: { value: "BACKEND", help: "the backends to break; all by default" },
    options: {
      quick: { type: "boolean", help: "less of it" },
      report: { type: "boolean", help: "write the figures to docs/faults.md" },
    },
  });
  const size = values.quick ? "quick" : "full";
  const extent = [extents[size], sourceExtents[size]] as const;
  const chosen = names.length === 0 ? faultyBackends : orExit(() => names.map(named));
  console.log(`Breaks ${chosen.map(({ description: { backend } }) => backend).join(", ")}`);
  const outcomes: ReportedOutcome[] = [];
  let started: Promise<Running> | undefined;
  const proxy = () => started ??= toxiproxy.start();
  const stopProxy = async () => await started?.then(({ stop }) => stop(), () => {});
  const stay = beforeQuitting(stopProxy);
  const results = await atOnce(
    values.quick ? 3 : 1,
    chosen.map((backend) => () => test(backend, proxy, extent, outcomes)),
  );
  stay();
  await stopProxy();
  if (values.report) await writeReport(outcomes, ...extent);
  report(results);
}
