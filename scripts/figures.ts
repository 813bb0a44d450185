import { readFileSync, writeFileSync } from "node:fs";
import { must } from "../tests/support/command.ts";
import { deno, root } from "./project.ts";

/** The figures of a page that is otherwise written by hand: the text between two comments that name them. */
export function figuresOf(page: string, name: string): string {
  return partsOf(readFileSync(`${root}${page}`, "utf8"), name)[1];
}

/** Puts others in their place, by their names. */
export async function writeFigures(
  page: string,
  figures: Readonly<Record<string, string>>,
): Promise<void> {
  const file = `${root}${page}`;
  let text = readFileSync(file, "utf8");
  for (const [name, written] of Object.entries(figures)) {
    const [before, , after] = partsOf(text, name);
    text = `${before}\n${written}\n\n${after}`;
  }
  writeFileSync(file, text);
  await must(deno, ["fmt", "-q", file]);
}

function partsOf(page: string, name: string): [before: string, figures: string, after: string] {
  const marks = new RegExp(`^([^]*<!-- ${name} -->\n)([^]*)(<!-- the end of the ${name} -->[^]*)$`);
  const parts = marks.exec(page);
  if (parts === null) throw new Error(`Cannot find the figures "${name}" of a page`);
  return [parts[1]!, parts[2]!, parts[3]!];
}
