import { sha256 } from "./sha256.ts";

const loneSurrogate = /\p{Surrogate}/u;

/** Whether UTF-8 can carry the key: all that it can't would become one and the same key. */
export function isWellFormed(key: string): boolean {
  return (key as Text).isWellFormed?.() ?? !loneSurrogate.test(key);
}

/** What strings of newer runtimes know themselves; those of Node 18 don't. */
type Text = string & { readonly isWellFormed?: () => boolean };

const utf8 = new TextEncoder();

/**
 * The name itself, where it has at most `most` bytes of UTF-8; otherwise its beginning and its hash. A name that looks
 * like that already is hashed, too, so that two names never become one.
 */
export function shortened(name: string, most: number): string {
  if (utf8.encode(name).length <= most && !/~[0-9a-f]{64}$/.test(name)) return name;
  return `${[...name.slice(0, 80)].slice(0, 40).join("")}~${sha256(name)}`;
}
