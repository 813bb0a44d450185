/** Proves that every relative link of the Markdown files leads to a file, and every anchor to a heading. */
import { existsSync, globSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { root } from "./project.ts";

/** Throws, naming each, if a link is broken. */
export function checkLinks(): void {
  const pages = globSync("{*,docs/**/*}.md", { cwd: root });
  const broken = pages.flatMap((page) => brokenLinks(page, readFileSync(`${root}${page}`, "utf8")));
  if (broken.length > 0) throw new Error(broken.join("\n"));
}

/** What is wrong with the links of a page. */
export function brokenLinks(page: string, markdown: string): string[] {
  const links = [...prose(markdown).matchAll(/\]\(([^)\s]+)\)/g)].map(([, target]) => target!);
  return links.filter((link) => !/^[a-z]+:/.test(link)).flatMap((link) => {
    const [path, anchor] = link.split("#");
    const target = path ? join(dirname(page), path) : page;
    if (!existsSync(`${root}${target}`)) return [`${page}: ${link} leads to no file`];
    if (anchor === undefined) return [];
    const anchors = anchorsOf(readFileSync(`${root}${target}`, "utf8"));
    return anchors.includes(anchor) ? [] : [`${page}: ${link} leads to no heading`];
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

if (import.meta.main) {
  checkLinks();
  console.log("Every relative link leads somewhere");
}
