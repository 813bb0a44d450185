import { readFileSync, writeFileSync } from "node:fs";
import { deno, root } from "../project.ts";
import { must } from "../../tests/support/command.ts";

/** A table of Markdown; numbers stand at the right. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const rules = head.map((_, column) =>
    rows.every((row) => /^[\d–]/.test(row[column]!)) ? "---:" : "---"
  );
  return [head, rules, ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

/** A whole number, with its thousands apart. */
export function whole(value: number): string {
  return Math.round(value).toLocaleString("en-US");
}

const mark = /(?<=<!-- figures -->\n)[^]*(?=<!-- the end of the figures -->)/;

/** The figures of a page that is otherwise written by hand, which stand between two comments. */
export function figuresOf(page: string): string {
  return mark.exec(readFileSync(`${root}${page}`, "utf8"))![0];
}

/** Puts others in their place. */
export async function writeFigures(page: string, figures: string): Promise<void> {
  const file = `${root}${page}`;
  writeFileSync(file, readFileSync(file, "utf8").replace(mark, () => `\n${figures}\n\n`));
  await must(deno, ["fmt", "-q", file]);
}

/** Writes a page below docs/, laid out as all are. */
export async function writePage(name: string, page: string): Promise<void> {
  const file = `${root}docs/${name}`;
  writeFileSync(file, page);
  await must(deno, ["fmt", "-q", file]);
}
