import { Effect } from "effect";
import { backoffWaitStrategy, Cache } from "../../mod.ts";
import { makeBackend } from "../../tests/simulation/backend.ts";
import type { Recorder } from "../../tests/simulation/history.ts";
import { type Remote, remoteStore } from "../../tests/simulation/remote.ts";
import { makeWorld, type World } from "../../tests/simulation/world.ts";

/** Processes that ask for one cold key, each by one caller, and the backend between them. */
export interface Fleet {
  readonly processes: number;
  /** Whether the backend wakes followers; else they poll. */
  readonly push: boolean;
  /** The options of these names, in milliseconds. */
  readonly waitStep: number;
  readonly waitMax: number;
  readonly operationTimeout: number;
  /** How much of a pause between two looks is left to chance; as the default strategy has it without one. */
  readonly jitter?: number | undefined;
  /** How long the fetch takes, in milliseconds. */
  readonly fetch: number;
  /** Over how many milliseconds the callers come. */
  readonly arrivals: number;
  /** How long an operation is on its way to the backend, and its answer back, in milliseconds. */
  readonly trip: number;
  /** How many operations and pushes the backend gets done in a second, one after the other. */
  readonly capacity: number;
}

/** What a herd cost, and how its followers fared. */
export interface Herd {
  readonly fetches: number;
  /** How many callers failed, because an operation timed out. */
  readonly failed: number;
  readonly operations: number;
  /** The most operations in a tenth of a second. */
  readonly busiest: number;
  /** While all followers wait, in the second half of the fetch: operations a second, and the most in a tenth of one. */
  readonly waiting: { readonly rate: number; readonly busiest: number };
  /** How long after the fetch's end each caller had its value, in milliseconds, the soonest first. */
  readonly late: readonly number[];
}

/** A fleet, and what it did. */
export interface Fared {
  readonly fleet: Fleet;
  readonly herd: Herd;
}

const KEY = "user:42";
const SEED = 42;
const END = 600_000;

/** Has a fleet ask, in virtual time, with the engine as it is. */
export async function simulateFleet(fleet: Fleet): Promise<Herd> {
  const world = makeWorld({ seed: SEED, yields: 0 });
  const traits = { renew: true, ready: false, watch: true, outcomes: true };
  const backend = makeBackend({ now: world.now, expires: true, halves: traits });
  const queue = makeQueue(world, fleet);
  const asked: number[] = [];
  const returned: number[] = [];
  let [fetches, fetched, failed] = [0, 0, 0];
  const { waitStep, waitMax, operationTimeout, jitter } = fleet;
  const options = {
    waitStep,
    waitMax,
    operationTimeout,
    ...(jitter === undefined ? {} : { waitStrategy: backoffWaitStrategy({ jitter }) }),
  };
  const fetcher = () =>
    Effect.suspend(() => {
      fetches++;
      return Effect.map(Effect.sleep(fleet.fetch), () => fetched = world.now());
    });

  for (let number = 0; number < fleet.processes; number++) {
    const process = world.process();
    const remote: Remote = {
      world,
      process,
      number,
      recorder: onlyAsked(() => asked.push(world.now())),
      backend,
      way: () => ({ there: queue(fleet.trip), back: fleet.trip }),
      push: { lost: () => false, late: () => queue(0) + fleet.trip, none: false },
    };
    const { store } = remoteStore(remote, { push: fleet.push, observed: false, many: false });
    const calling = Cache.getOrSet({ ...options, adapter: store, key: KEY, fetcher });
    process.after(world.random() * fleet.arrivals, () => {
      process.start(calling, (exit) => {
        if (exit._tag === "Failure") failed++;
        else returned.push(world.now());
      });
    });
  }
  await withRandom(world.random, () => world.run(END));
  const waiting = asked.filter((at) => at > fetched - fleet.fetch / 2 && at < fetched);
  return {
    fetches,
    failed,
    operations: asked.length,
    busiest: busiestOf(asked),
    waiting: { rate: (waiting.length * 2000) / fleet.fetch, busiest: busiestOf(waiting) },
    late: returned.map((at) => at - fetched).sort((a, b) => a - b),
  };
}

/** How long what is sent now takes to be done, with everything before it that the backend has to do. */
function makeQueue({ now }: World, { capacity }: Fleet): (trip: number) => number {
  let free = 0;
  return (trip) => {
    free = Math.max(free, now() + trip) + 1000 / capacity;
    return free - now();
  };
}

/** A recorder that keeps nothing. */
function onlyAsked(count: () => void): Recorder {
  let numbers = 0;
  return {
    events: [],
    note: (_, { type }) => void (type === "ask" && count()),
    number: () => ++numbers,
  };
}

/** The engine's jitter is the world's chance meanwhile, so that a fleet fares alike in each run. */
async function withRandom(random: () => number, run: () => Promise<void>): Promise<void> {
  const { random: own } = Math;
  Math.random = random;
  try {
    await run();
  } finally {
    Math.random = own;
  }
}

function busiestOf(times: readonly number[]): number {
  let [most, first] = [0, 0];
  times.forEach((time, index) => {
    while (times[first]! <= time - 100) first++;
    most = Math.max(most, index - first + 1);
  });
  return most;
}
