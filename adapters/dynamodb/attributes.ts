import { describe } from "../../src/model/describe.ts";
import { isWellFormed } from "../kit/keys.ts";

/** The names of an item's attributes. They must differ from one another. */
export interface DynamodbAttributes {
  /** The table's partition key, a string: the key, after the prefix; `'key'` by default. */
  readonly key?: string | undefined;
  /** The entry's value, a string or binary from the codec; `'value'` by default. */
  readonly value?: string | undefined;
  /** The end of the entry or the lease, in epoch milliseconds; `'expiresAt'` by default. */
  readonly expiresAt?: string | undefined;
  /** The time after which DynamoDB may delete the item, in epoch seconds; `'ttl'` by default. */
  readonly ttl?: string | undefined;
  /** The owner of the lease; `'owner'` by default. */
  readonly owner?: string | undefined;
  /** A random text that every write changes; `'version'` by default. */
  readonly version?: string | undefined;
  /** The length of the lease, in milliseconds; `'leaseTtl'` by default. */
  readonly leaseTtl?: string | undefined;
  /** The end of the last lease, if not by a fill, and its owner; `'ended'` by default. */
  readonly ended?: string | undefined;
}

/** All of them. */
export type Names = { readonly [Name in keyof DynamodbAttributes]-?: string };

/** The names of the option, or the default ones. Throws a `TypeError` for names that can't be used. */
export function namesOf(attributes: DynamodbAttributes = {}): Names {
  if (typeof attributes !== "object" || attributes === null) {
    throw new TypeError(`\`attributes\` must be names, and is ${describe(attributes)}`);
  }
  const nameOf = (attribute: keyof Names) => {
    const name: unknown = attributes[attribute] ?? attribute;
    if (typeof name === "string" && name !== "" && isWellFormed(name)) return name;
    throw new TypeError(`\`attributes.${attribute}\` must be a name, and is ${describe(name)}`);
  };
  const names: Names = {
    key: nameOf("key"),
    value: nameOf("value"),
    expiresAt: nameOf("expiresAt"),
    ttl: nameOf("ttl"),
    owner: nameOf("owner"),
    version: nameOf("version"),
    leaseTtl: nameOf("leaseTtl"),
    ended: nameOf("ended"),
  };
  const all = Object.values(names);
  const twice = all.find((name, index) => all.indexOf(name) !== index);
  if (twice === undefined) return names;
  throw new TypeError(`\`attributes\` must differ, and two are ${describe(twice)}`);
}
