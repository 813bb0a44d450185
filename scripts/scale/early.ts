import { seededRandom } from "../../tests/support/random.ts";
import type { Settings } from "../../src/engine/call.ts";
import { isElected } from "../../src/engine/election.ts";
import { table, whole } from "../table.ts";

/** A fleet that reads one hot key, which is refreshed by chance before its end. */
export interface Readers {
  readonly processes: number;
  /** How many reads there are in a second, in all processes together. */
  readonly reads: number;
  /** How long an entry lives, in milliseconds. */
  readonly ttl: number;
  /** How long a fetch takes in the middle; one of a hundred takes more than three times as long. */
  readonly fetch: number;
  readonly beta: number;
  /** How many entries are lived through. */
  readonly lives: number;
}

/** How the lives of the entries went. */
export interface Lives {
  /** How many ended before a refresh had begun, and before one was done. */
  readonly unseen: number;
  readonly ended: number;
  /** How many processes asked for the lease of a refresh. */
  readonly asked: number;
  /** How long before the end each refresh began, in milliseconds, the latest first. */
  readonly early: readonly number[];
}

/** How long a read or an acquire is on its way, there and back, in milliseconds. */
const TRIP = 1;

/** The spread of the fetch's logarithm: 1.13 is that of a threefold at one of a hundred, divided by 2.33. */
const SPREAD = Math.log(3) / 2.33;

/** Of reads so far from the end, in multiples of `took` and `beta`, none is elected: one in 10^12 would be. */
const FAR = 28;

/**
 * Plays the lives of one entry after the other, with the library's own election and the lease of its protocol: who is elected
 * asks; the first leads, and fills once it has fetched; who asks meanwhile learns of the lease, and asks no more until the
 * fill; and who asks later finds a newer entry in the same step.
 */
export function simulateLives(
  { processes, reads, ttl, fetch, beta, lives }: Readers,
  seed: number,
): Lives {
  const random = seededRandom(seed);
  const settings = { refreshAhead: { beta } } as unknown as Settings;
  const fetchTime = () => fetch * Math.exp(SPREAD * normal(random));
  const early: number[] = [];
  const asked = { count: 0 };
  let [unseen, ended] = [0, 0];
  let took = fetchTime();
  const { random: before } = Math;
  Math.random = random;
  try {
    for (let life = 0; life < lives; life++) {
      /** When the refresh is asked for, and when it is done, from the entry's birth on. */
      let leads = Infinity;
      let filled = Infinity;
      const next = fetchTime();
      const quiet = new Set<number>();
      for (let at = Math.max(0, ttl - FAR * took * beta);;) {
        at += -Math.log(1 - random()) * 1000 / reads;
        if (at >= Math.min(ttl, filled)) break;
        const process = Math.floor(random() * processes);
        if (!isElected({ key: "key", settings }, { value: 0, freshFor: ttl - at, took })) continue;
        if (quiet.has(process)) continue;
        quiet.add(process);
        asked.count++;
        if (leads < Infinity) continue;
        leads = at + TRIP;
        filled = leads + next + TRIP;
        early.push(ttl - at);
      }
      if (leads === Infinity) unseen++;
      if (filled > ttl) ended++;
      took = next;
    }
  } finally {
    Math.random = before;
  }
  return { unseen, ended, asked: asked.count, early: early.sort((a, b) => a - b) };
}

/** A number by the normal distribution. */
function normal(random: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

const usual: Readers = {
  processes: 1000,
  reads: 10_000,
  ttl: 60_000,
  fetch: 200,
  beta: 1,
  lives: 1000,
};

/** The fleets of docs/freshness.md. */
const fleets: readonly Readers[] = [
  ...[0.5, 1, 2, 4].map((beta) => ({ ...usual, beta })),
  ...[20, 2000].map((fetch) => ({ ...usual, fetch })),
  { ...usual, reads: 100 },
  ...[1, 4].map((beta) => ({ ...usual, reads: 10, beta })),
];

/** The table of docs/freshness.md. */
export function earlyTable(seed: number): string {
  const rows = fleets.map((fleet) => {
    const { unseen, ended, asked, early } = simulateLives(fleet, seed);
    const part = (count: number) => `${(100 * count / fleet.lives).toFixed(1)} %`;
    const at = (share: number) => seconds(early[Math.floor(share * (early.length - 1))]!);
    return [
      String(fleet.beta),
      whole(fleet.reads),
      seconds(fleet.fetch),
      part(unseen),
      part(ended),
      (early.length / fleet.lives).toFixed(2),
      (asked / fleet.lives).toFixed(1),
      `${at(0.5)} (${at(0.01)} to ${at(0.99)})`,
    ];
  });
  return table(
    [
      "beta",
      "reads a second",
      "fetch",
      "ended without a refresh",
      "ended before it was done",
      "refreshes a life",
      "processes that asked",
      "how early",
    ],
    rows,
  );
}

function seconds(millis: number): string {
  return `${(millis / 1000).toFixed(2)} s`;
}
