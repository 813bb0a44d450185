import { quoted } from "./describe.ts";

/** Throws the `TypeError` of an option that has none of these paths; it names the nearest. */
export function checkNames(options: object, ...paths: readonly string[]): void {
  const unknown = unknownOption(options, paths);
  if (unknown === undefined) return;
  throw new TypeError(
    `it has no option ${quoted(unknown)}; the nearest is \`${nearestOption(unknown, paths)}\``,
  );
}

/** The path of an option that has none of these paths, such as `l1.ttl` of one in an object; undefined if all have. */
export function unknownOption(
  options: object,
  paths: readonly string[],
  prefix = "",
): string | undefined {
  for (const name of Object.keys(options)) {
    const path = prefix + name;
    const own = (options as Record<string, unknown>)[name];
    const isOne = paths.includes(path);
    const hasOwn = paths.some((known) => known.startsWith(`${path}.`));
    if (!isOne && !hasOwn) return path;
    const unknown = hasOwn && typeof own === "object" && own !== null
      ? unknownOption(own, paths, `${path}.`)
      : undefined;
    if (unknown !== undefined) return unknown;
  }
}

/** The path that is most like one that nobody knows; of two, the first. */
export function nearestOption(unknown: string, paths: readonly string[]): string {
  const like = (path: string) => likeness(path, unknown);
  return paths.reduce((a, b) => like(b) > like(a) ? b : a);
}

/** How alike two names are, from 0 to 1: by the longest text that both have in this order. */
function likeness(one: string, other: string): number {
  const [a, b] = [one, other].map((name) => name.slice(0, 50).toLowerCase()) as [string, string];
  const lengths = new Array<number>(b.length + 1).fill(0);
  for (const letter of a) {
    let before = 0;
    for (let index = 1; index <= b.length; index++) {
      const above = lengths[index]!;
      lengths[index] = letter === b[index - 1] ? before + 1 : Math.max(above, lengths[index - 1]!);
      before = above;
    }
  }
  return 2 * lengths[b.length]! / (a.length + b.length);
}
