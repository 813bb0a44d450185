import { setTimeout as sleep } from "node:timers/promises";
import { type Caller, startCallers } from "../../tests/support/callers.ts";
import type { Load } from "../../tests/support/load.ts";
import {
  judgeAll,
  type KeyHistory,
  sharedClock,
  startRecording,
} from "../../tests/support/recording.ts";
import type { Running } from "../../tests/servers/description.ts";
import type { FaultyBackend } from "./backend.ts";
import { faults } from "./faults.ts";
import { type Figures, figuresOf } from "./figures.ts";
import { leftoversOf } from "./leftovers.ts";
import { openSite } from "./site.ts";

/** How much is done to a backend. */
export interface Extent {
  readonly processes: number;
  /** How long each fault takes, and how long there is peace before and after, in milliseconds. */
  readonly fault: number;
  readonly peace: number;
  readonly load: Load;
}

/** What became of a backend. */
export interface Outcome {
  readonly figures: Figures;
  /** The promises that were broken, told in a line each. */
  readonly broken: readonly string[];
  /** Keys with a lease or an entry that stayed. */
  readonly leftovers: readonly string[];
  /** All that was recorded. */
  readonly histories: readonly KeyHistory[];
}

/** How far measured times may be off on a busy machine, in milliseconds. */
export const SLACK = 500;

/** Puts a backend under load, has every fault happen to it, and judges all that was recorded. */
export async function runFaults(
  backend: FaultyBackend,
  servers: { readonly running: Running; readonly toxiproxy: string },
  { processes, fault, peace, load }: Extent,
): Promise<Outcome> {
  const recording = startRecording();
  const began = sharedClock();
  const site = await openSite(backend, { ...servers, recording });
  let callers: Caller[] = [];
  try {
    const over = { connection: backend.connection, place: site.place };
    callers = await startCallers(processes, over, recording);
    const loads = callers.map((caller) =>
      caller.load(backend.deletes === false ? { ...load, deletes: 0 } : load)
    );
    await sleep(peace);
    const happened: { began: number; over: number }[] = [];
    for (const { happen } of faults) {
      const from = sharedClock() - began;
      await happen(site, fault);
      happened.push({ began: from, over: sharedClock() - began });
      await sleep(peace);
    }
    await Promise.all(loads.map((load) => load.stop()));
    await Promise.all(callers.map((caller) => caller.end()));
    const histories = recording.histories(SLACK);
    const keys = histories.flatMap(({ key }) => key ?? []);
    const { leaseTtl = 0, cacheTtl = 0 } = load.options;
    return {
      figures: figuresOf(histories, { leaseTtl, faults: happened }),
      broken: judgeAll(histories).map(({ promise, what, at, key }) =>
        `${promise}: ${what}, at ${at.toFixed(0)} ms, key ${key}`
      ),
      // Of the last that was asked for, and found a dead lease at the first look.
      leftovers: await leftoversOf(site.direct.store, keys, {
        leaseTtl,
        within: 2 * leaseTtl + cacheTtl + 4000,
      }),
      histories,
    };
  } finally {
    await Promise.allSettled(callers.map((caller) => caller.end()));
    await site.close();
  }
}
