import { measure } from "mitata";
import { shuffle } from "../../tests/support/random.ts";

/** One thing to be timed. */
export interface Subject {
  readonly name: string;
  /** Does `calls` calls. */
  readonly run: () => Promise<unknown>;
  readonly calls: number;
  /** Since when it is timed, by `performance.now()`; from its beginning without it. */
  readonly after?: (() => number) | undefined;
}

/** What a subject took. */
export interface Timing {
  readonly name: string;
  /** Nanoseconds a call, the median of all rounds. */
  readonly median: number;
  /** How many times as fast as the reference, the median of what each round says. */
  readonly ratio: number;
}

/** How long a comparison takes. */
export interface Effort {
  readonly rounds: number;
  /** Milliseconds for each subject in each round. */
  readonly millis: number;
  /** Milliseconds for each subject before the first round, so that what is timed is compiled. */
  readonly warmup: number;
}

/**
 * Times the subjects in turns, in another order each time, and compares each with the first one within each round, so
 * that what else the machine does hits all alike.
 */
export async function compare(
  subjects: readonly Subject[],
  { rounds, millis, warmup }: Effort,
): Promise<Timing[]> {
  const rows = subjects.map((subject) => ({ subject, times: [] as number[] }));
  for (const subject of subjects) await timeOf(subject, warmup);
  const inTurns = [...rows];
  for (let round = 0; round < rounds; round++) {
    shuffle(inTurns, Math.random);
    for (const { subject, times } of inTurns) times.push(await timeOf(subject, millis));
  }
  const reference = rows[0]!.times;
  return rows.map(({ subject: { name }, times }) => ({
    name,
    median: medianOf(times),
    ratio: medianOf(times.map((time, round) => reference[round]! / time)),
  }));
}

async function timeOf({ run, calls, after }: Subject, millis: number): Promise<number> {
  if (after === undefined) {
    const { p50 } = await measure(run, {
      min_cpu_time: millis * 1e6,
      min_samples: 2,
      warmup_samples: 1,
      gc: false,
    });
    return p50 / calls;
  }
  const times: number[] = [];
  for (const end = performance.now() + millis; times.length < 3 || performance.now() < end;) {
    await run();
    times.push((performance.now() - after()) * 1e6 / calls);
  }
  return medianOf(times);
}

/** The middle one. */
export function medianOf(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  return (sorted[Math.floor(middle)]! + sorted[Math.ceil(middle) - 1]!) / 2;
}
