import process from "node:process";
import { table } from "./table.ts";

/** What one run of tests came to. */
export interface Result {
  /** What was run, on what. */
  readonly name: string;
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  readonly seconds: number;
  /** What there is to read about it: failures, reasons of skips, measured figures. */
  readonly notes: readonly string[];
}

/** Counts while a run goes on. */
export interface Count {
  /** Counts passes. */
  pass(count?: number): void;
  /** Counts failures, with what there is to read. */
  fail(note: string, count?: number): void;
  /** Counts skips, with the reason where it is known. */
  skip(note?: string, count?: number): void;
  /** Adds something to read. */
  note(note: string): void;
}

/** Runs something that counts. It has also failed if it throws, or counts nothing but skips without a reason. */
export async function tally(
  name: string,
  work: (count: Count) => Promise<void> | void,
): Promise<Result> {
  const started = Date.now();
  const notes = new Set<string>();
  let passed = 0;
  let failed = 0;
  let skipped = 0;
  let excused = false;
  const count: Count = {
    pass: (count = 1) => passed += count,
    fail(note, count = 1) {
      failed += count;
      notes.add(note.trimEnd());
    },
    skip(note, count = 1) {
      skipped += count;
      if (note) {
        notes.add(`skipped: ${note}`);
        excused = true;
      }
    },
    note: (note) => notes.add(note),
  };
  try {
    await work(count);
    if (passed + failed === 0 && !excused) count.fail("ran no test");
  } catch (error) {
    count.fail(error instanceof Error ? error.message : String(error));
  }
  const seconds = (Date.now() - started) / 1000;
  const word = failed > 0 ? "FAILED " : passed > 0 ? "ok     " : "skipped";
  const counts = [[passed, "passed"], [failed, "failed"], [skipped, "skipped"]] as const;
  const figures = counts.filter(([count]) => count > 0).map((count) => count.join(" "));
  const told = word === "skipped"
    ? [...notes].map((note) => note.replace("skipped: ", ""))
    : [...figures, `${seconds.toFixed(0)} s`];
  console.log(`${word} ${name}: ${told.join(", ")}`);
  // Here too, as much may follow before the report.
  if (failed > 0) console.log(indented([...notes]));
  return { name, passed, failed, skipped, seconds, notes: [...notes] };
}

/**
 * Prints what the runs came to, what failed near the end and the sum alone on the last line, for those who see only the
 * end, and sets the exit code.
 */
export function report(results: readonly Result[]): void {
  printNotes(results.filter(({ failed }) => failed === 0));
  const rows = results.map(({ name, passed, failed, skipped, seconds }) => [
    name,
    ...[passed, failed, skipped].map(String),
    seconds.toFixed(1),
  ]);
  console.log(`\n${table(["", "passed", "failed", "skipped", "seconds"], rows)}`);
  printNotes(results.filter(({ failed }) => failed > 0));
  const sum = (count: "passed" | "failed") =>
    results.reduce((total, result) => total + result[count], 0);
  console.log(`\n${sum("passed")} passed, ${sum("failed")} failed`);
  if (sum("failed") > 0) process.exitCode = 1;
}

function printNotes(results: readonly Result[]): void {
  for (const { name, notes } of results.filter(({ notes }) => notes.length > 0)) {
    console.log(`\n${name}\n${indented(notes)}`);
  }
}

function indented(notes: readonly string[]): string {
  return notes.join("\n").replace(/^/gm, "  ");
}
