import { readFileSync, writeFileSync } from "node:fs";
import { deno, root } from "../project.ts";
import { must } from "../../tests/support/command.ts";

/** A table of Markdown, with its columns in line; numbers stand at the right. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const columns = head.map((name, column) => {
    const cells = rows.map((row) => row[column]!);
    const width = Math.max(3, ...[name, ...cells].map((cell) => cell.length));
    return { width, numbers: cells.every((cell) => /^[\d–]/.test(cell)) };
  });
  const rules = columns.map(({ width, numbers }) => "-".repeat(width - 1) + (numbers ? ":" : "-"));
  return [head, rules, ...rows].map((cells) => {
    const padded = cells.map((cell, column) => {
      const { width, numbers } = columns[column]!;
      return numbers ? cell.padStart(width) : cell.padEnd(width);
    });
    return `| ${padded.join(" | ")} |`;
  }).join("\n");
}

/** A whole number, with its thousands apart. */
export function whole(value: number): string {
  return Math.round(value).toLocaleString("en-US");
}

/** The figures of a page that is otherwise written by hand: the text between two comments that name them. */
export function figuresOf(page: string, name = "figures"): string {
  return partsOf(page, name)[1];
}

/** Puts others in their place. */
export async function writeFigures(page: string, figures: string, name = "figures"): Promise<void> {
  const [before, , after] = partsOf(page, name);
  const file = `${root}${page}`;
  writeFileSync(file, `${before}\n${figures}\n\n${after}`);
  await must(deno, ["fmt", "-q", file]);
}

function partsOf(page: string, name: string): [before: string, figures: string, after: string] {
  const marks = new RegExp(`^([^]*<!-- ${name} -->\n)([^]*)(<!-- the end of the ${name} -->[^]*)$`);
  const parts = marks.exec(readFileSync(`${root}${page}`, "utf8"));
  if (parts === null) throw new Error(`Cannot find the figures "${name}" in ${page}`);
  return [parts[1]!, parts[2]!, parts[3]!];
}

/** Writes a page below docs/, laid out as all are. */
export async function writePage(name: string, page: string): Promise<void> {
  const file = `${root}docs/${name}`;
  writeFileSync(file, page);
  await must(deno, ["fmt", "-q", file]);
}
