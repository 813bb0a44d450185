import { describe } from "../../src/model/describe.ts";
import { isWellFormed, shortened } from "./keys.ts";
import { Refusal } from "./refusal.ts";

/** What keys are called in a backend. */
export interface Naming {
  /** What every name begins with, as the user's option has it: nothing without it. */
  readonly prefix: string | undefined;
  /** The option that has the prefix: `keyPrefix` by default. */
  readonly option?: string;
  /** The most characters that a prefix may have. */
  readonly longestPrefix?: number;
  /** The most bytes that a name may have. */
  readonly longest?: number;
  /** What becomes of a longer one: its beginning and its hash, by default, or a failure. */
  readonly beyond?: "hash" | "refuse";
  /** What else a key, and a prefix, must be for the backend: `have no NUL`. */
  readonly must?: { readonly rule: string; readonly keeps: (text: string) => boolean };
}

/**
 * Makes the names of keys: the prefix and the key, if both are text that UTF-8 can carry, since all that it can't would
 * become one and the same name. Throws a `TypeError` for a prefix that can't be used; a key that can't be used is refused
 * when its name is asked for.
 */
export function makeNames(naming: Naming): (key: string) => string {
  const { longest, beyond = "hash" } = naming;
  const prefix = checkPrefix(naming);
  return (key) => {
    const broken = brokenRule(key, naming);
    if (broken !== undefined) throw new Refusal(`the key must ${broken}`);
    const name = prefix + key;
    // UTF-8 has three bytes at most for what has a length of one.
    if (longest === undefined || beyond === "refuse" && name.length * 3 <= longest) return name;
    if (beyond === "hash") return shortened(name, longest);
    const bytes = new TextEncoder().encode(name).length;
    if (bytes <= longest) return name;
    throw new Refusal(
      `the key must have at most ${longest} bytes with its prefix, and has ${bytes}; use its hash`,
    );
  };
}

/** The prefix of an option; throws a `TypeError` for what can't be one. */
export function checkPrefix(naming: Omit<Naming, "longest" | "beyond">): string {
  const { option = "keyPrefix", prefix = "", longestPrefix } = naming;
  const is = `and is ${describe(prefix)}`;
  const most = longestPrefix === undefined ? "" : ` of at most ${longestPrefix} characters`;
  if (typeof prefix !== "string" || prefix.length > (longestPrefix ?? Infinity)) {
    throw new TypeError(`\`${option}\` must be a string${most}, ${is}`);
  }
  const broken = brokenRule(prefix, naming);
  if (broken === undefined) return prefix;
  throw new TypeError(`\`${option}\` must be a string${most}, and must ${broken}, ${is}`);
}

function brokenRule(text: string, { must }: Pick<Naming, "must">): string | undefined {
  if (!isWellFormed(text)) return "be text that UTF-8 can carry";
  return must === undefined || must.keeps(text) ? undefined : must.rule;
}
