import type { CacheLockingError } from "../model/errors.ts";
import { invalid } from "./settings.ts";

/** As many bytes of UTF-8 as a key may have. */
const longestKey = new Uint8Array(64 * 1024);

/** Whether a value can be a key. */
export function isKey(key: unknown): key is string {
  return typeof key === "string" && key !== "" &&
    // UTF-8 has three bytes at most for what has a length of one.
    (key.length * 3 <= longestKey.length ||
      new TextEncoder().encodeInto(key, longestKey).read === key.length);
}

/** The error of what can be none; of many keys, others have names by an option. */
export function invalidKey(key: unknown, more = ""): CacheLockingError {
  return invalid("key", `a non-empty string of at most 64 kB${more}`, key);
}
