import { type Broken, judge } from "./judge.ts";
import { play } from "./play.ts";
import type { Deed, Scenario } from "./scenario.ts";

/** Plays a scenario and judges what came of it; that there is no end of it breaks a promise, too. */
export async function trial(scenario: Scenario): Promise<Broken[]> {
  try {
    return judge(await play(scenario));
  } catch (error) {
    return [{ promise: "Rest", what: String(error), at: Infinity, event: -1 }];
  }
}

/** The smallest scenario to be found, by leaving things out, that still breaks the same promise. */
export async function shrink(scenario: Scenario, promise: string): Promise<Scenario> {
  const stillBreaks = async (smaller: Scenario) =>
    (await trial(smaller)).some((broken) => broken.promise === promise);
  let smallest = scenario;
  for (let size = Math.ceil(scenario.deeds.length / 2); size >= 1;) {
    const before = smallest.deeds.length;
    for (let from = 0; from < smallest.deeds.length;) {
      const deeds = smallest.deeds.filter((_, index) => index < from || index >= from + size);
      if (await stillBreaks({ ...smallest, deeds })) smallest = { ...smallest, deeds };
      else from += size;
    }
    if (size === 1 && smallest.deeds.length === before) break;
    size = Math.max(1, Math.floor(size / 2));
  }
  for (const simpler of simplerOnes) {
    const candidate = simpler(smallest);
    if (await stillBreaks(candidate)) smallest = candidate;
  }
  return smallest;
}

const simplerOnes: readonly ((scenario: Scenario) => Scenario)[] = [
  (scenario) => {
    const used = new Set(scenario.deeds.flatMap((deed) => "process" in deed ? deed.process : []));
    return { ...scenario, processes: scenario.processes.slice(0, Math.max(...used) + 1) };
  },
  (scenario) => ({
    ...scenario,
    processes: scenario.processes.map((plan) => ({ ...plan, trouble: 0 })),
  }),
  (scenario) => ({
    ...scenario,
    processes: scenario.processes.map((plan) => ({ ...plan, trip: [1, 1] })),
  }),
  (scenario) => ({ ...scenario, push: { lost: 0, late: 0 } }),
  (scenario) => ({ ...scenario, yields: 0 }),
  (scenario) => ({
    ...scenario,
    pause: undefined,
    terms: { ...scenario.terms, longestPause: 4 * scenario.waitStep },
  }),
  eachCall(({ failingHook: _, ...deed }) => deed),
  eachCall((deed) => ({ ...deed, terms: {} })),
  eachCall((deed) => ({ ...deed, fetch: { ...deed.fetch, value: undefined } })),
  eachCall((deed) => ({ ...deed, fetch: { ...deed.fetch, cleanup: 0 } })),
  eachCall((deed) => ({ ...deed, at: 0 })),
];

function eachCall(
  simpler: (deed: Deed & { readonly type: "call" }) => Deed,
): (scenario: Scenario) => Scenario {
  return (scenario) => ({
    ...scenario,
    deeds: scenario.deeds.map((deed) => deed.type === "call" ? simpler(deed) : deed),
  });
}
