import type { Collection } from "mongodb";
import type { Damage } from "../../conformance/mod.ts";
import type { Bson, Driver } from "./clients.ts";

const inDays = (days: number) => new Date(Date.now() + days * 86_400_000);

/** Damages what a collection has, past the adapter. */
export function damageOf(
  collection: () => Pick<Collection<{ _id: string }>, "replaceOne">,
  driver: () => Promise<Driver>,
  nameOf: (key: string) => string = (key) => key,
): Damage {
  const document = (fields: (bson: Bson) => object) => async (key: string) => {
    const { bson } = await driver();
    await collection().replaceOne({ _id: nameOf(key) }, fields(bson), { upsert: true });
  };
  const bytes = (subtype: number) =>
    document(({ Binary }) => ({ value: new Binary(Uint8Array.of(34, 255, 34), subtype) }));
  const ending = (fields: object, end: "ends" | "until") => ({
    "text": document(() => ({ ...fields, [end]: "soon" })),
    "a number": document(() => ({ ...fields, [end]: 5 })),
    "a timestamp": document(({ Timestamp }) => ({
      ...fields,
      [end]: new Timestamp({ t: 1e9, i: 1 }),
    })),
    "the greatest key": document(({ MaxKey }) => ({ ...fields, [end]: new MaxKey() })),
    "a list": document(() => ({ ...fields, [end]: [inDays(1)] })),
    "an object": document(() => ({ ...fields, [end]: { at: inDays(1) } })),
  });
  const leases = Object.entries(ending({ owner: "gone" }, "until"));
  const entry = { value: '"damaged"' };
  const failed = { last: "gone", how: "failed", failures: 1, until: inDays(1) };
  const numbers: Readonly<Record<string, (bson: Bson) => unknown>> = {
    "-5": () => -5,
    "1e300": () => 1e300,
    "infinite": () => Infinity,
    "no": () => NaN,
    "a decimal of 5": ({ Decimal128 }) => Decimal128.fromString("5"),
    "a decimal of 1e6000": ({ Decimal128 }) => Decimal128.fromString("1E6000"),
    "the most": ({ Long }) => Long.MAX_VALUE,
    "a text of": () => "5",
    "a list of": () => [5],
  };
  return {
    entries: {
      "text that is no JSON": document(() => ({ value: "{" })),
      "bytes that are no text": bytes(0),
      "bytes of a function": bytes(1),
      "old bytes": bytes(2),
      "bytes of a user's own": bytes(128),
      "a number": document(() => ({ value: 5 })),
      "an object": document(() => ({ value: { $type: "string" } })),
      "a list of dollars": document(() => ({ value: ["$owner"] })),
      "text that is a field's name": document(() => ({ value: "$owner" })),
    },
    ends: ending({ value: '"damaged"' }, "ends"),
    ages: Object.fromEntries(
      Object.entries(numbers).flatMap(([name, number]) => [
        [
          `${name} ms stale`,
          document((bson) => ({ ...entry, ends: inDays(1), staleFor: number(bson) })),
        ],
        [
          `${name} ms stale, without an end`,
          document((bson) => ({ ...entry, staleFor: number(bson) })),
        ],
        [`a fetch of ${name} ms`, document((bson) => ({ ...entry, took: number(bson) }))],
      ]),
    ),
    pauses: {
      "for longer than a month": document(() => ({ ...failed, quietUntil: inDays(32) })),
      "until the end of all dates": document(() => ({ ...failed, quietUntil: new Date(8.64e15) })),
      "until text": document(() => ({ ...failed, quietUntil: "soon" })),
      ...Object.fromEntries(
        Object.entries(numbers).map(([name, failures]) => [
          `${name} failures`,
          document((bson) => ({ ...failed, failures: failures(bson) })),
        ]),
      ),
    },
    leases: {
      "a lease without an end": document(() => ({ owner: "gone" })),
      "a lease until null": document(() => ({ owner: "gone", until: null })),
      "a lease for longer than a month": document(() => ({ owner: "gone", until: inDays(32) })),
      "an end of nobody": document(() => ({ how: "uncached", until: inDays(1) })),
      "an end of null": document(() => ({ last: null, how: "uncached", until: inDays(1) })),
      ...Object.fromEntries(leases.map(([name, write]) => [`a lease until ${name}`, write])),
    },
    strangers: {
      "a number as owner": document(() => ({ owner: 5, until: inDays(1) })),
      "null as owner": document(() => ({ owner: null, until: inDays(1) })),
      "an object as owner": document(() => ({ owner: { id: "gone" }, until: inDays(1) })),
    },
  };
}
