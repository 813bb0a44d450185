import { isForeign } from "../effect/foreign.ts";

/** The most characters of a text that a message has. */
const LONGEST = 100;

/** What JSON leaves as it is, and a terminal or a log may heed: controls, ends of lines, marks of direction. */
const heeded = /[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

/** Text in an error message, such as a key: in quotes, and cut to a hundred characters. */
export function quoted(text: string): string {
  const cut = text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text;
  return JSON.stringify(cut).replace(
    heeded,
    (mark) => `\\u${(mark.charCodeAt(0) + 0x10000).toString(16).slice(1)}`,
  );
}

/** A value of an option in an error message, short enough for one line, and without the credentials of a URL. */
export function describe(value: unknown): string {
  if (typeof value === "string") return quoted(value.replace(/\/\/[^/]*@/, "//…@"));
  if (typeof value === "bigint") return `${value}n`;
  if (typeof value === "function") return "a function";
  if (Array.isArray(value)) return "an array";
  if (value instanceof Promise) return "a promise";
  if (typeof value === "object" && value !== null) {
    return isForeign(value) ? "an object made by another copy or version of effect" : "an object";
  }
  return String(value);
}

/** What kind of value it is, in an error message that must not tell a value. */
export function kindOf(value: unknown): string {
  return Object(value) === value || value == null || Number.isNaN(value)
    ? describe(value)
    : `a ${typeof value}`;
}
