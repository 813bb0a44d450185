import { describe } from "../../src/model/describe.ts";
import { bytesOf } from "../kit/data.ts";

/** What entries and leases are called; neither name has the client's prefix. */
export interface RedisNames {
  /** The name of an entry, given what its prefix and its key make. */
  entryOf(name: string): string;
  /** The name of the lease of an entry, given the entry's name. */
  leaseOf(entry: string): string;
}

/**
 * Makes the names of entries and leases, by what the client, entries and leases put first. Both are in one slot of a
 * cluster, which is that of the name's
 * [hash tag](https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/#hash-tags): what stands between
 * its first `{` and the first `}` after it, or else the whole name. A lease's name takes one of three forms, told apart by
 * how they end: `{…}` around an entry's name without a tag, the entry's name and `:` where it has one, and, for names such
 * as `a}b` that can neither stand in a tag nor have one, `{n}`, the entry's name and `#`, where the number `n` has the
 * same slot.
 *
 * An entry whose name would be that of a lease has a `~` more, and so has one that would be named as such an entry. So no
 * key reaches the lease of another. Throws a `TypeError` for prefixes with which entry and lease can't be in one slot.
 */
export function redisNames(
  { ofClient, ofEntries, ofLeases }: Record<"ofClient" | "ofEntries" | "ofLeases", string>,
): RedisNames {
  const before = ofClient + ofLeases;
  const tag = hashTag(before);
  if (/[{}]/.test(before) && (tag === undefined || tag !== hashTag(ofClient + ofEntries))) {
    throw new TypeError(
      "`leases.keyPrefix` may have braces only for the hash tag of the entries, " +
        `and is ${describe(ofLeases)}`,
    );
  }
  const leaseOf = (entry: string) => {
    const name = ofClient + entry;
    if (hashTag(name) !== undefined) return `${ofLeases}${entry}:`;
    if (!name.includes("}")) return `${ofLeases}{${name}}`;
    return `${ofLeases}{${numberIn(slotOf(name))}}${entry}#`;
  };
  const isLease = (name: string) => {
    const rest = name.slice(ofLeases.length, -1);
    const entry = {
      "}": () => rest.slice(1 + ofClient.length),
      ":": () => rest,
      "#": () => rest.slice(rest.indexOf("}") + 1),
    }[name.slice(-1)];
    return entry !== undefined && leaseOf(entry()) === name;
  };
  return {
    leaseOf,
    entryOf(name) {
      if (!name.startsWith(ofLeases)) return name;
      let end = name.length;
      while (name[end - 1] === "~") end--;
      return isLease(name.slice(0, end)) ? `${name}~` : name;
    },
  };
}

function hashTag(name: string): string | undefined {
  const open = name.indexOf("{");
  const close = name.indexOf("}", open + 1);
  return open >= 0 && close > open + 1 ? name.slice(open + 1, close) : undefined;
}

const numbers = new Map<number, number>();
let next = 0;

/** The first number in a slot. Those below 109,758 are in all of them. */
function numberIn(slot: number): number {
  for (; !numbers.has(slot); next++) {
    const own = slotOf(String(next));
    if (!numbers.has(own)) numbers.set(own, next);
  }
  return numbers.get(slot)!;
}

/** The slot of a name: the CRC-16/XMODEM of the UTF-8 of its hash tag, or else of all of it, modulo 16,384. */
export function slotOf(name: string): number {
  let crc = 0;
  for (const byte of bytesOf(hashTag(name) ?? name)) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit++) crc = (crc << 1) ^ (crc & 0x8000 ? 0x11021 : 0);
  }
  return crc % 16_384;
}
