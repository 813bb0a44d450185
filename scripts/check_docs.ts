/** Proves what the docs say where it needn't be run: their links, the defaults that they name, the files that they show. */
import { existsSync, globSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { defaults } from "../src/model/defaults.ts";
import { root } from "./project.ts";

/** Throws, naming each, if something in the docs is wrong. */
export function checkDocs(): void {
  const pages = globSync("{*,docs/**/*}.md", { cwd: root }).map((path) => ({
    path,
    text: read(path),
  }));
  const errors = [
    ...pages.flatMap(({ path, text }) =>
      [...brokenLinks(path, text), ...wrongDefaults(text), ...staleCopies(text)]
        .map((error) => `${path}: ${error}`)
    ),
    ...missingDefaults(read("README.md"), read("src/face/common_options.ts")),
  ];
  if (errors.length > 0) throw new Error(errors.join("\n"));
}

function read(path: string): string {
  return readFileSync(`${root}${path}`, "utf8");
}

/** The relative links that lead to no file, or to no heading in it. */
function brokenLinks(page: string, markdown: string): string[] {
  const links = [...prose(markdown).matchAll(/\]\(([^)\s]+)\)/g)].map(([, target]) => target!);
  return links.filter((link) => !/^[a-z]+:/.test(link)).flatMap((link) => {
    const [path, anchor] = link.split("#");
    const target = path ? join(dirname(page), path) : page;
    if (!existsSync(`${root}${target}`)) return [`${link} leads to no file`];
    const found = anchor === undefined || anchorsOf(read(target)).includes(anchor);
    return found ? [] : [`${link} leads to no heading`];
  });
}

/** The anchors that GitHub gives to the headings of a page. */
function anchorsOf(markdown: string): string[] {
  return [...prose(markdown).matchAll(/^#+ (.+)$/gm)].map(([, heading]) =>
    heading!.toLowerCase().replace(/[^\p{L}\p{N} _-]/gu, "").replaceAll(" ", "-")
  );
}

/** A page without its blocks of code. */
function prose(markdown: string): string {
  return markdown.replace(/^```[^]*?^```$/gm, "");
}

/** The defaults as the docs write them: `15 s`, `250 ms`, `1`, `"fail"`. */
const written = new Map<string, string>(
  Object.entries(defaults).map(([name, value]) => {
    if (typeof value === "string") return [name, JSON.stringify(value)];
    if (name === "takeovers") return [name, String(value)];
    return [name, value < 1000 ? `${value} ms` : `${value / 1000} s`];
  }),
);

/** The defaults that a page names otherwise: as "`waitMax` (4 s)". */
function wrongDefaults(markdown: string): string[] {
  return [...markdown.matchAll(/`(\w+)` \(`?([^`)]+)`?\)/g)].flatMap(([, name, value]) => {
    const expected = written.get(name!);
    return expected === undefined || expected === value
      ? []
      : [`the default of \`${name}\` is ${expected}, not ${value}`];
  });
}

/** The defaults that README's table, or the doc comment of the option, doesn't have. */
function missingDefaults(readme: string, options: string): string[] {
  return [...written].flatMap(([name, value]) => {
    const [, cell] = new RegExp(`^\\| \`${name}\` +\\| ([^|]+) \\|`, "m").exec(readme) ?? [];
    const [, comment] = new RegExp(`/\\*\\*((?:(?!\\*/)[^])*)\\*/\\s+readonly ${name}\\?:`)
      .exec(options) ?? [];
    const spoken = value.replace(/ ms$/, " milliseconds").replace(/ s$/, " seconds")
      .replace(/^1 seconds$/, "1 second")
      .replaceAll('"', "'");
    return [
      ...cell?.replaceAll("`", "").trim() === value
        ? []
        : [`README.md: the default of \`${name}\` is ${value}, not ${cell?.trim()}`],
      ...comment?.includes(`${spoken} by default`)
        ? []
        : [`src/face/common_options.ts: the comment of \`${name}\` must say: ${spoken} by default`],
    ];
  });
}

/** The files of which a page shows something else: "```ts path/of/the_file.ts". */
function staleCopies(markdown: string): string[] {
  return [...markdown.matchAll(/^```ts (\S+\/\S+)\n([^]*?)^```$/gm)].flatMap(([, path, text]) =>
    read(path!) === text ? [] : [`copy ${path} again: it has changed`]
  );
}

if (import.meta.main) {
  checkDocs();
  console.log("Links, defaults and copies are right");
}
