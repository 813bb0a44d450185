import { describe } from "../../src/model/describe.ts";
import { bytesOf } from "./data.ts";
import { Refusal } from "./refusal.ts";
import { sha256 } from "./sha256.ts";

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
  /** Whether a longer name is refused; by default it becomes its beginning and its hash. */
  readonly refuse?: boolean;
  /** Whether a NUL is refused, in keys and in the prefix. */
  readonly noNul?: boolean;
}

/**
 * Makes the names of keys: the prefix and the key, if both are text that UTF-8 can carry, since all that it can't would
 * become one and the same name. Throws a `TypeError` for a prefix that can't be used; a key that can't be used is refused
 * when its name is asked for.
 */
export function makeNames(naming: Naming): (key: string) => string {
  const { longest, refuse = false } = naming;
  const prefix = checkPrefix(naming);
  return (key) => {
    const broken = brokenRule(key, naming);
    if (broken !== undefined) throw new Refusal(`the key must ${broken}`);
    const name = prefix + key;
    if (longest === undefined || refuse && isShort(name, longest)) return name;
    if (!refuse) return shortened(name, longest);
    const bytes = bytesOf(name).length;
    if (bytes <= longest) return name;
    throw new Refusal(
      `the key must have at most ${longest} bytes with its prefix, and has ${bytes}; use its hash`,
    );
  };
}

/** The prefix of an option; throws a `TypeError` for what can't be one. */
export function checkPrefix(naming: Omit<Naming, "longest" | "refuse">): string {
  const { option = "keyPrefix", prefix = "", longestPrefix = Infinity } = naming;
  const most = longestPrefix === Infinity ? "" : ` of at most ${longestPrefix} characters`;
  const isPrefix = typeof prefix === "string" && prefix.length <= longestPrefix;
  const broken = isPrefix ? brokenRule(prefix, naming) : undefined;
  if (isPrefix && broken === undefined) return prefix;
  const must = broken === undefined ? "" : `, and must ${broken}`;
  throw new TypeError(`\`${option}\` must be a string${most}${must}, and is ${describe(prefix)}`);
}

function brokenRule(text: string, { noNul }: Pick<Naming, "noNul">): string | undefined {
  if (!isWellFormed(text)) return "be text that UTF-8 can carry";
  return noNul && text.includes("\0") ? "not have a NUL" : undefined;
}

/** Whether a name has at most so many bytes of UTF-8, which has three at most for what has a length of one. */
function isShort(name: string, most: number): boolean {
  return name.length * 3 <= most;
}

/** Keys that are no longer are named as quickly as they are looked up. */
const SHORT = 100;

/** How many names are remembered. */
const MOST_REMEMBERED = 16;

/** Names keys, and remembers the last long ones: a call asks several times for its key, which may have to be hashed. */
export function remembered(nameOf: (key: string) => string): (key: string) => string {
  const names = new Map<string, string>();
  return (key) => {
    if (key.length <= SHORT) return nameOf(key);
    let name = names.get(key);
    if (name === undefined) {
      name = nameOf(key);
      if (names.size >= MOST_REMEMBERED) names.delete(names.keys().next().value!);
      names.set(key, name);
    }
    return name;
  };
}

const loneSurrogate = /\p{Surrogate}/u;

/** Whether UTF-8 can carry the key: all that it can't would become one and the same key. */
export function isWellFormed(key: string): boolean {
  // Strings of Node 18 don't know it themselves.
  return (key as { isWellFormed?(): boolean }).isWellFormed?.() ?? !loneSurrogate.test(key);
}

/**
 * The name itself, where it has at most `most` bytes of UTF-8; otherwise its beginning and its hash. A name that looks
 * like that already is hashed, too, so that two names never become one.
 */
export function shortened(name: string, most: number): string {
  const fits = isShort(name, most) || name.length <= most && bytesOf(name).length <= most;
  if (fits && !/~[0-9a-f]{64}$/.test(name)) return name;
  return `${[...name.slice(0, 80)].slice(0, 40).join("")}~${sha256(name)}`;
}
