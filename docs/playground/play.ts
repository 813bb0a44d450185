import type { PromiseCache } from "../../promise.ts";
import type { Fetch, Herd, HerdEvent, Herds, Outcome } from "../../scripts/demo/herd.ts";
import { type Fleet, type Process, protectedFleet, unprotectedFleet } from "./fleet.ts";
import type { Settings } from "./settings.ts";
import { sleep } from "./sleep.ts";

/** A herd that goes on, with the library and without it. */
export interface Play {
  /** The clients of the processes that have the library, those that were killed as well. */
  readonly clients: readonly PromiseCache[];
  /** What has become of the callers so far. */
  now(): Herds;
  /** Resolves once all callers and all fetches have ended. */
  readonly ended: Promise<void>;
  /** Ends it. */
  stop(): void;
}

type Writable<T> = { -readonly [Name in keyof T]: T[Name] };

/** A caller that is written down. It has no outcome, and its fetches no end, while they go on. */
interface Caller extends Pick<HerdEvent, "caller" | "process"> {
  start: number;
  end?: number;
  outcome?: Outcome;
  readonly fetches: (Pick<Fetch, "start"> & Partial<Writable<Fetch>>)[];
}

/** Lets a herd go, in real time, once without the library and once with it. */
export function play(settings: Settings): Play {
  const clients: PromiseCache[] = [];
  const stopped = new AbortController();
  const began = performance.now();
  const now = () => performance.now() - began;
  const begin = (fleet: Fleet) => letGo(settings, fleet, now, stopped.signal);
  const fleets = [unprotectedFleet(settings), protectedFleet(settings, clients)] as const;
  const [without, withIt] = [begin(fleets[0]), begin(fleets[1])];
  const close = () => Promise.all(fleets.map((fleet) => fleet.close()));
  const ended = Promise.all([without.ended, withIt.ended]).then(close).then(() => {});
  return {
    clients,
    now: () => ({
      unprotected: seen(without.callers, now()),
      protected: seen(withIt.callers, now()),
    }),
    ended,
    stop() {
      stopped.abort();
      close();
    },
  };
}

/** Lets the callers of one fleet come at their times. */
function letGo(
  settings: Settings,
  fleet: Fleet,
  now: () => number,
  stopped: AbortSignal,
): { readonly callers: readonly Caller[]; readonly ended: Promise<unknown> } {
  const source = makeSource(settings, now, stopped);
  const callers = arrivals(settings).map((start, caller): Caller => ({
    caller,
    process: caller % settings.processes,
    start,
    fetches: [],
  }));
  const come = async (caller: Caller) => {
    await sleep(Math.max(0, caller.start - now()), stopped);
    const process = fleet.at(caller.process);
    caller.start = now();
    try {
      caller.outcome = await process.ask(source.fetchFor(caller, process));
    } catch {
      caller.outcome = process.dead ? "KILLED" : "FAILED";
    }
    caller.end = now();
  };
  // A refresh may go on after its caller.
  const ended = Promise.all(callers.map(come)).then(() => source.idle()).catch(() => {});
  return { callers, ended };
}

/** When the callers come: evenly, but for a little, that no two processes keep step. */
function arrivals({ callers, span }: Settings): number[] {
  return Array.from({ length: callers }, (_, caller) => {
    const wobble = (caller * 0.618) % 1 - 0.5;
    return caller === 0 ? 0 : (span * (caller + 0.8 * wobble)) / callers;
  });
}

/** A source whose fetches take their time and write themselves down. */
function makeSource(
  { fetch: took, failing, kill }: Settings,
  now: () => number,
  stopped: AbortSignal,
) {
  let begun = 0;
  const running = new Set<Promise<void>>();
  const fetchFor = (caller: Caller, process: Process) => ({ signal }: { signal: AbortSignal }) => {
    const number = begun++;
    const fetch: Caller["fetches"][number] = { start: now() };
    caller.fetches.push(fetch);
    // Spread evenly, and the first is one of them.
    const fails = (number * 0.618) % 1 < failing / 100;
    const lasts = fails ? took / 2 : took;
    if (kill && number === 0) sleep(lasts / 2, stopped).then(process.kill, () => {});
    const fetching = sleep(lasts, signal).then(
      () => fetch.ended = fails ? "failed" : "fetched",
      () => fetch.ended = "cancelled",
    ).then(() => {
      fetch.end = now();
      running.delete(fetching);
    });
    running.add(fetching);
    return fetching.then(() => {
      if (fetch.ended !== "fetched") throw new Error(`The fetch has ${fetch.ended}`);
      return "Ada";
    });
  };
  return { fetchFor, idle: () => Promise.all(running) };
}

function seen(callers: readonly Caller[], now: number): Herd {
  return callers.map((
    { caller, process, start, end = Math.max(start, now), outcome, fetches },
  ) => ({
    caller,
    process,
    start,
    end,
    outcome: outcome ?? "UNDER WAY",
    fetches: fetches.map(({ start, end = now, ended = "fetched" }) => ({ start, end, ended })),
  }));
}
