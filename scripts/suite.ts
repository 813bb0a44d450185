import { mkdirSync, readFileSync } from "node:fs";
import { type Finished, run } from "../tests/support/command.ts";
import { joined } from "./joined.ts";
import { cache, errorsJudge } from "./project.ts";
import type { Count } from "./result.ts";

/** How long a suite may take, and how long it may be silent: no test takes that long, on however slow a machine. In milliseconds. */
export const suiteLimits = { timeout: 1_800_000, silence: 300_000 } as const;

/** Where a compiled suite runs. */
export interface NodeSuite {
  /** What this run is called. */
  readonly name: string;
  /** The folder of the compiled suite. */
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  /** The tests, by their sources. */
  readonly files: readonly string[];
}

/** Runs a compiled suite, and counts; if it is stopped, says which tests began last. */
export async function runOnNode(
  count: Count,
  node: string,
  { name, cwd, env, files }: NodeSuite,
): Promise<void> {
  const tests = joined(cwd, files.map((file) => file.replace(/\.ts$/, ".js")));
  const started = `${cache}started/${name.replaceAll(/\W+/g, "-")}.txt`;
  mkdirSync(`${cache}started`, { recursive: true });
  const flags = [
    `--import=./${errorsJudge}.js`,
    ...["--test", "--test-concurrency=1"],
    ...["--test-reporter=spec", "--test-reporter-destination=stdout"],
    ...["--test-reporter=./tests/support/started_tests.js"],
    `--test-reporter-destination=${started}`,
  ];
  const finished = await run(node, [...flags, ...tests], { cwd, env, ...suiteLimits });
  const { late, output } = finished;
  const sum = (word: string) =>
    Number(output.match(new RegExp(`^\\S+ ${word} (\\d+)$`, "m"))?.[1] ?? 0);
  if (late) {
    const begun = endOf(readFileSync(started, "utf8"), 3);
    return count.fail(`${endOf(output)}\nThe tests that began last:\n${begun}`);
  }
  const counts = [
    sum("pass"),
    sum("fail") + sum("cancelled"),
    sum("skipped") + sum("todo"),
  ] as const;
  countSuite(count, finished, "failing tests:", counts);
  if (counts[0] + counts[1] > 0) return;
  // All of it is skipped, as on a Node without SQLite: what the suite says of it.
  const [, reason] = /^\s*﹣ .* # (.+)$/m.exec(output) ?? [];
  count.skip(reason, 0);
}

/** Counts what came of a suite that has ended; of what it wrote, the failures begin at a heading. */
export function countSuite(
  count: Count,
  { ok, output }: Finished,
  headingOfFailures: string,
  [passed, failed, skipped]: readonly [number, number, number],
): void {
  count.pass(passed);
  count.skip(undefined, skipped);
  const failures = output.slice(Math.max(0, output.lastIndexOf(headingOfFailures)));
  if (!ok || failed > 0) count.fail(failures, Math.max(1, failed));
}

/** The last lines of a text. */
export function endOf(text: string, lines = 40): string {
  return text.trimEnd().split("\n").slice(-lines).join("\n");
}
