import { shortened } from "./keys.ts";

/** What a file can be called, and with it those that a server of files keeps beside it. */
const LONGEST = 200;

/**
 * The name of a key's object: letters, digits and `-_.:` stand for themselves, all else as `!` and the hexadecimal digits
 * of its UTF-8. One that is too long is cut off, and ends with its hash.
 */
export function objectName(prefix: string, key: string): string {
  const name = encodeURIComponent(key)
    .replace(/[!~*'()]/g, (mark) => `%${mark.charCodeAt(0).toString(16).toUpperCase()}`)
    // No folder of a file system is called so.
    .replace(/^\.+$/, (dots) => "%2E".repeat(dots.length))
    .replaceAll("%3A", ":")
    .replaceAll("%", "!");
  return prefix + shortened(name, LONGEST);
}
