import { fileURLToPath } from "node:url";
import { beforeQuitting } from "../../tests/servers/before_quitting.ts";
import { run } from "../../tests/support/command.ts";
import { deno, lockfile } from "../project.ts";
import type { Judgement, Seen } from "./judge.ts";
import type { Answer, Case } from "./process.ts";
import { fromNpm } from "./packages.ts";
import type { Family, ProgramRow, Row, ServerRow, Setting, Started } from "./row.ts";

/** What became of a row. */
export interface Result {
  /** The server's. */
  readonly version: string;
  readonly verdict: "works" | "refused" | "unsafe" | "missing";
  /** The verdict in words. */
  readonly words: string;
  readonly judgement?: Judgement | undefined;
}

const program = fileURLToPath(new URL("process.ts", import.meta.url));

const flags = ["run", "-A", "--no-check", `--lock=${lockfile}`];

/** How long a judge may take: many times what it takes. */
const PATIENCE = 580_000;

/** Has a row judged; one of a server with each of its settings, until it works. */
export async function runRow(family: Family, row: Row): Promise<Result> {
  return await ("judge" in row ? runProgram(row) : runServer(family, row)).catch((error) => ({
    version: "–",
    verdict: "missing",
    words: `not to be had: ${lineOf(error.message)}`,
  }));
}

async function runProgram({ judge }: ProgramRow): Promise<Result> {
  const { version, answer } = await judge();
  return { version, ...verdictOf(answer, undefined) };
}

async function runServer(family: Family, row: ServerRow): Promise<Result> {
  const running = await row.start();
  const stay = beforeQuitting(() => running.stop());
  try {
    const before: string[] = [];
    let last: Omit<Result, "version"> | undefined;
    for (const setting of row.settings ?? [{}]) {
      last = await runSetting(family, row, running, setting);
      if (last.verdict === "works") break;
      before.push(`${setting.words ? `with \`${setting.words}\`` : "without"}: ${last.words}`);
    }
    const others = last!.verdict === "works" ? before : before.slice(0, -1);
    const words = [last!.words, ...others].join("; ");
    return { ...last!, words, version: running.version };
  } finally {
    stay();
    await running.stop();
  }
}

async function runSetting(
  family: Family,
  { connection = family.connection!, client = family.client, command }: ServerRow,
  { url, place: started }: Started,
  { words, place, pace }: Setting,
): Promise<Omit<Result, "version">> {
  const judged: Case = {
    connection,
    place: { url, client: await installClient(client), ...started, ...place },
    pace,
    command: await command?.() ?? [deno, ...flags, program],
  };
  const args = [...flags, program, "judge", JSON.stringify(judged)];
  const { output, late } = await run(deno, args, { env: quiet, timeout: PATIENCE });
  const line = output.split("\n").findLast((line) => /^\{"(judgement|refused)"/.test(line));
  if (late || line === undefined) {
    const why = late ? `it hangs: nothing after ${PATIENCE / 1000} s` : lineOf(output);
    return { verdict: "unsafe", words: `unsafe: ${why}` };
  }
  return verdictOf(JSON.parse(line), words);
}

/** Installs a package of npm, as `name@version`, and returns its folder. */
async function installClient(client: string): Promise<string> {
  const [, name, version] = /^(.+)@(.+)$/.exec(client)!;
  const modules = await fromNpm(client.replaceAll("/", "+"), { [name!]: version! });
  return `${modules}/${name}`;
}

const quiet = {
  AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: "true",
  NODE_NO_WARNINGS: "1",
};

function verdictOf(answer: Answer, setting: string | undefined): Omit<Result, "version"> {
  if ("refused" in answer) {
    return { verdict: "refused", words: `refused: ${quote(answer.refused)}` };
  }
  const { judgement } = answer;
  const { oneFetch, fence, takeover } = judgement;
  const all: readonly Seen[] = [oneFetch, fence, takeover];
  const broken = all.find(({ verdict }) => verdict === "broken");
  if (broken) return { verdict: "unsafe", words: `unsafe: ${broken.words}`, judgement };
  const failed = all.find(({ verdict }) => verdict === "failed");
  if (failed) return { verdict: "refused", words: `refused: ${quote(failed.words)}`, judgement };
  const words = setting === undefined ? "works" : `works with \`${setting}\``;
  return { verdict: "works", words, judgement };
}

function quote(message: string): string {
  // Without the number that makes the judge's keys its own.
  return `\`${lineOf(message).replaceAll("`", "'").replace(/-\d{9,}/, "")}\``;
}

/** A text in one line, and no longer than a table bears. */
function lineOf(text: string): string {
  const line = text.trim().replaceAll(/\s+/g, " ");
  return line.length > 300 ? `${line.slice(0, 300)}…` : line;
}
