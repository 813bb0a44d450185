import { medianOf } from "../../tests/support/percentile.ts";
import { shuffle } from "../../tests/support/random.ts";

/** One thing to be timed. */
export interface Subject {
  readonly name: string;
  /** Does `calls` calls. */
  readonly run: () => Promise<unknown>;
  readonly calls: number;
  /** The moment from which it is timed, by `performance.now()`; its beginning by default. */
  readonly after?: (() => number) | undefined;
  readonly close?: (() => unknown) | undefined;
}

/** The cost of a subject: nanoseconds a call, if its comparison has no other unit. */
export interface Timing {
  readonly name: string;
  /** The median of all rounds. */
  readonly median: number;
  /** How many times better than the reference, the median of all rounds: 2 is half the cost. */
  readonly ratio: number;
  /** For this library: how many times better than its build before. */
  readonly gain?: number;
}

/** How long a comparison takes. */
export interface Effort {
  /** In how many programs, one after the other. */
  readonly programs: number;
  /** In each program, at most. */
  readonly rounds: number;
  /** Milliseconds for each subject in each round, at least. */
  readonly millis: number;
  /** Milliseconds for each subject before the first round, so that the compiler has seen it. */
  readonly warmup: number;
  /** Milliseconds after which a program begins no other round. */
  readonly budget: number;
}

const WARM_TURNS = 3;

/**
 * Times the subjects in turns, in another order each time, so that other work of the machine hits all alike. Returns the
 * costs by round.
 */
export async function timeInTurns(
  subjects: readonly Subject[],
  { rounds, millis, warmup, budget }: Effort,
): Promise<Rounds[]> {
  const rows = subjects.map((subject) => ({ subject, costs: [] as number[] }));
  for (let turn = 0; turn < WARM_TURNS; turn++) {
    for (const subject of subjects) await timeOf(subject, warmup / WARM_TURNS);
  }
  const inTurns = [...rows];
  const end = performance.now() + budget;
  for (let round = 0; round < rounds && (round < 3 || performance.now() < end); round++) {
    shuffle(inTurns, Math.random);
    for (const { subject, costs } of inTurns) costs.push(await timeOf(subject, millis));
  }
  return rows.map(({ subject: { name }, costs }) => ({ name, costs }));
}

/** The costs of a subject, by round. */
export interface Rounds {
  readonly name: string;
  readonly costs: readonly number[];
}

/** Compares each with the first one, round by round. */
export function compare(rows: readonly Rounds[]): Timing[] {
  const reference = rows[0]!.costs;
  return rows.map(({ name, costs }) => ({
    name,
    median: medianOf(costs),
    ratio: medianOf(costs.map((cost, round) => reference[round]! / cost)),
  }));
}

async function timeOf({ run, calls, after }: Subject, millis: number): Promise<number> {
  const costs: number[] = [];
  for (const end = performance.now() + millis; costs.length === 0 || performance.now() < end;) {
    const began = performance.now();
    await run();
    costs.push((performance.now() - (after?.() ?? began)) * 1e6 / calls);
  }
  return medianOf(costs);
}
