import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { randomToken } from "../../src/model/token.ts";
import { type Caller, startCallers } from "../../tests/support/callers.ts";
import { startRecording } from "../../tests/support/recording.ts";
import { whole } from "../table.ts";
import type { Bench } from "./compare_rows.ts";
import type { Goal, Measured, SharedFailures } from "./measured.ts";

const PROCESSES = 8;
/** How many callers each process has at once, and how often, in milliseconds. */
const CALLERS = 4;
const EVERY = 100;
/** How long a fetch takes until it fails, and for how long its failure is shared at first, in milliseconds. */
const FETCH = 20;
const TTL = 500;

/** Processes whose source is down all the time, with failures that they share, and with others beside them. */
export async function benchSharedFailures(
  backend: string,
  { runtime, url, effort }: Bench,
): Promise<Measured> {
  process.env["CALLERS"] = JSON.stringify([runtime.caller]);
  const place = { connection: `${backend}/connection`, place: { url: url! } };
  const callers = await startCallers(PROCESSES, place, startRecording());
  const millis = effort.programs > 1 ? 10_000 : 3000;
  try {
    const [shared, unshared] = await Promise.all([
      callAll(callers, millis, { shares: TTL }),
      callAll(callers, millis, { unrecorded: true }),
    ]);
    const failures: SharedFailures = {
      backend,
      processes: PROCESSES,
      rate: CALLERS * 1000 / EVERY,
      millis,
      ttl: TTL,
      ...shared,
      most: mostIn(shared.took),
      unshared,
    };
    return { failures: [failures], goals: goalsOf(failures) };
  } finally {
    await Promise.all(callers.map((caller) => caller.end()));
  }
}

/** Calls of one key by all processes, whether or not those before are over. */
async function callAll(
  callers: readonly Caller[],
  millis: number,
  kind: { readonly shares: number } | { readonly unrecorded: true },
): Promise<SharedFailures["unshared"]> {
  const options = { operationTimeout: 30_000, waitMax: 60_000, leaseTtl: 60_000 };
  const down = {
    key: `down:${randomToken()}`,
    fetch: FETCH,
    succeedsFrom: Number.MAX_SAFE_INTEGER,
  };
  const task = { ...down, ...kind, callers: CALLERS, options };
  const calling = [];
  const began = performance.now();
  for (let herds = 0; herds < millis / EVERY; herds++) {
    calling.push(...callers.map((caller) => caller.call(task).report));
    await sleep(began + (herds + 1) * EVERY - performance.now());
  }
  const reports = await Promise.all(calling);
  return {
    calls: CALLERS * reports.length,
    told: reports.reduce((sum, { errors }) => sum + (errors["SOURCE_DOWN"] ?? 0), 0),
    fetches: reports.reduce((sum, { fetches }) => sum + fetches, 0),
    took: performance.now() - began,
  };
}

/** How many fetches there are at most, one per backoff: each is twice as long as the last, and by a fifth shorter by chance. */
function mostIn(millis: number): number {
  let fetches = 1;
  while (0.8 * TTL * (2 ** fetches - 1) <= millis) fetches++;
  return fetches;
}

function goalsOf({ backend, calls, told, fetches, most }: SharedFailures): Goal[] {
  return [
    {
      name: `${backend}: a fetch per backoff at most, ${most}, with \`failures\``,
      met: fetches <= most,
      found: whole(fetches),
    },
    {
      name: `${backend}: every caller has the source's own error`,
      met: told === calls,
      found: `${whole(told)} of ${whole(calls)}`,
    },
  ];
}
