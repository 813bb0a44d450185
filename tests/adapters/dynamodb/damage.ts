import type { AttributeValue, DynamoDBClient } from "@aws-sdk/client-dynamodb";
import type { Damage } from "../../conformance/mod.ts";
import type { loadSdk } from "./clients.ts";

type Attributes = Readonly<Record<string, AttributeValue>>;

/** Damages the items of a table, past the adapter. */
export function damageOf(
  open: () => {
    readonly sdk: Awaited<ReturnType<typeof loadSdk>>;
    readonly client: DynamoDBClient;
  },
  table: string,
): Damage {
  const item = (attributes: (ttl: number) => Attributes) => (key: string, ttl: number) => {
    const { sdk, client } = open();
    const Item = { key: { S: key }, ...attributes(ttl) };
    return client.send(new sdk.PutItemCommand({ TableName: table, Item }));
  };
  const later = String(Date.now() + 86_400_000);
  const lease = { owner: { S: "gone" }, version: { S: "1" }, leaseUntil: { N: later } };
  const lives = (ttl: number) => ({ leaseTtl: { N: String(ttl) } });
  const value = { S: '"damaged"' };
  const ends = { expiresAt: { N: later } };
  const failed = { ended: { S: "failed gone" }, version: { S: "1" }, leaseUntil: { N: "9e30" } };
  const numbers: Readonly<Record<string, AttributeValue>> = {
    "-5": { N: "-5" },
    "1e30": { N: "1e30" },
    "1e125": { N: "1e125" },
    "text": { S: "soon" },
    "null": { NULL: true },
    "bytes": { B: Uint8Array.of(255) },
  };
  return {
    entries: {
      "text that is no JSON": item(() => ({ value: { S: "{" } })),
      "bytes that are no text": item(() => ({ value: { B: Uint8Array.of(34, 255, 34) } })),
      "a number": item(() => ({ value: { N: "5" } })),
      "a map": item(() => ({ value: { M: { a: { BOOL: true } } } })),
      "null": item(() => ({ value: { NULL: true } })),
    },
    ends: {
      "text": item(() => ({ value, expiresAt: { S: "soon" } })),
      "bytes": item(() => ({ value, expiresAt: { B: Uint8Array.of(255) } })),
      "null": item(() => ({ value, expiresAt: { NULL: true } })),
    },
    ages: Object.fromEntries(
      Object.entries(numbers).flatMap(([name, number]) => [
        [`stale for ${name}`, item(() => ({ value, staleFor: number }))],
        [
          `fresh until ${name}`,
          item(() => ({ value, ...ends, staleFor: { N: "5" }, freshUntil: number })),
        ],
        [`a fetch of ${name}`, item(() => ({ value, took: number }))],
      ]),
    ),
    pauses: Object.fromEntries(
      Object.entries(numbers).flatMap(([name, number]) => [
        [`until ${name}`, item(() => ({ ...failed, quietUntil: number }))],
        [`${name} as failures`, item(() => ({ ...failed, failures: number }))],
      ]),
    ),
    leases: {
      "a lease without a length": item(() => lease),
      "a lease for longer than a month": item(() => ({ ...lease, ...lives(32 * 86_400_000) })),
      "a lease whose length is text": item(() => ({ ...lease, leaseTtl: { S: "5000" } })),
      "a lease without an end": item((ttl) => ({
        owner: { S: "gone" },
        version: { S: "1" },
        ...lives(ttl),
      })),
      "a lease whose version is a number": item((ttl) => ({
        ...lease,
        version: { N: "1" },
        ...lives(ttl),
      })),
      "a lease without a version": item((ttl) => ({ owner: { S: "gone" }, ...lives(ttl) })),
      "an end of nobody": item((ttl) => ({
        ...lives(ttl),
        version: { S: "1" },
        ended: { S: "-" },
        leaseUntil: { N: later },
      })),
    },
    strangers: {
      "a number as owner": item(() => ({ owner: { N: "5" }, leaseUntil: { N: later } })),
      "a map as owner": item(() => ({ owner: { M: {} }, version: { S: "1" } })),
    },
  };
}
