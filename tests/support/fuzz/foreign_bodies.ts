import type { Hand } from "./properties.ts";

/** Writes objects past the adapters that keep one object per key, none of which is an entry. */
export function foreignBodies(
  write: (name: string, body: Uint8Array | string) => PromiseLike<unknown>,
): Hand {
  return {
    write,
    read() {
      throw new Error("no object without a head is an entry");
    },
    others: {
      "a head alone": (key) => write(key, "cache-locking/1 "),
      "a head that is none": (key) => write(key, "cache-locking/1 {}\n5"),
      "a value that is none": (key) => write(key, 'cache-locking/1 {"kind":"entry","at":0}\n{'),
    },
  };
}
