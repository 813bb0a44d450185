import { figuresOf, writeFigures } from "../figures.ts";
import { table } from "../table.ts";
import type { Seen } from "./judge.ts";
import type { Family, Row } from "./row.ts";
import type { Result } from "./run.ts";

const page = "docs/compatibility.md";

const head = ["server", "version", "client", "verdict", "one fetch", "fence", "takeover", "push"];

/** Writes what became of rows of a family; the others are as they were on the page. */
export async function writeFamily(
  { name, rows, client: common }: Family,
  results: ReadonlyMap<Row, Result>,
): Promise<void> {
  const before = figuresOf(page, name).split("\n").filter((line) => line.startsWith("| "))
    .map((line) => line.split(/(?<!\\)\|/).slice(1, -1).map((cell) => cell.trim()));
  const cells = rows.flatMap((row) => {
    const client = spoken(row.client ?? common);
    const result = results.get(row);
    if (result !== undefined) return [cellsOf(row.name, client, result)];
    return before.filter(([server, , of]) => server === row.name && of === client);
  });
  await writeFigures(page, { [name]: table(head, cells) });
}

function cellsOf(
  server: string,
  client: string,
  { version, words, judgement }: Result,
): string[] {
  const of = (seen: Seen | undefined) => seen === undefined ? "–" : wordsOf(seen);
  const { oneFetch, fence, takeover, push } = judgement ?? {};
  return [server, version, client, words, of(oneFetch), of(fence), of(takeover), of(push)]
    .map((cell) => cell.replaceAll("|", "\\|"));
}

/** `ioredis@6.0.0` as `ioredis 6.0.0`. */
function spoken(client: string): string {
  return client.replace(/@(?=[^@]+$)/, " ") || "–";
}

/** An error is in the verdict. */
function wordsOf({ verdict, words }: Seen): string {
  return verdict === "failed" && words.startsWith("Cannot") ? "an error" : words;
}
