import { sha256 } from "../kit/sha256.ts";

/** The names that every client of memcached can use. */
const plain = /^[!-~]{1,250}$/;
const hashed = /~[0-9a-f]{64}$/;

/** What an item is called: by its key, or by the beginning of it and its hash. */
export function itemName(key: string): string {
  if (plain.test(key) && !hashed.test(key)) return key;
  return `${key.slice(0, 185).replace(/[^!-~]/g, "_")}~${sha256(key)}`;
}
