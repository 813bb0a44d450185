import { describe } from "../../src/model/describe.ts";
import { bytesOf } from "../kit/data.ts";

/**
 * Makes the names of leases from those of entries, by what the client, entries and leases put first; neither name has the
 * client's prefix. Both are in one slot of a cluster, which is that of the name's
 * [hash tag](https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/#hash-tags): what stands between
 * its first `{` and the first `}` after it, or else the whole name. A lease's name takes one of three forms, told apart by
 * how they end: `{…}` around an entry's name without a tag, the entry's name and `:` where it has one, and, for names such
 * as `a}b` that can neither stand in a tag nor have one, `{n}`, the entry's name and `#`, where the number `n` has the
 * same slot. Throws a `TypeError` for prefixes with which that can't be.
 */
export function leaseNames(
  { ofClient, ofEntries, ofLeases }: Record<"ofClient" | "ofEntries" | "ofLeases", string>,
): (entry: string) => string {
  const before = ofClient + ofLeases;
  const tag = hashTag(before);
  if (
    ofLeases === ofEntries ||
    /[{}]/.test(before) && (tag === undefined || tag !== hashTag(ofClient + ofEntries))
  ) {
    throw new TypeError(
      "`leases.keyPrefix` must not be that of the entries, and may have braces only for the same hash tag, " +
        `and is ${describe(ofLeases)}`,
    );
  }
  return (entry) => {
    const name = ofClient + entry;
    if (hashTag(name) !== undefined) return `${ofLeases}${entry}:`;
    if (!name.includes("}")) return `${ofLeases}{${name}}`;
    return `${ofLeases}{${numberIn(slotOf(name))}}${entry}#`;
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

/** The slot of a name without a hash tag: the CRC-16/XMODEM of its UTF-8, modulo 16,384. */
function slotOf(name: string): number {
  let crc = 0;
  for (const byte of bytesOf(name)) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit++) crc = (crc << 1) ^ (crc & 0x8000 ? 0x11021 : 0);
  }
  return crc % 16_384;
}
