import { describe } from "../../src/model/describe.ts";
import { randomToken } from "../../src/model/token.ts";
import type { LeaseOutcome } from "../../src/store/store.ts";
import type { Row, Written } from "../kit/backend.ts";
import { isWellFormed } from "../kit/names.ts";
import { checkOption } from "../kit/options.ts";
import type { Item } from "./sdk.ts";
import type { DynamodbAttributes } from "./options.ts";

/** All of them. */
export type Names = { readonly [Name in keyof DynamodbAttributes]-?: string };

const all = ["key", "value", "expiresAt", "ttl", "owner", "version", "leaseTtl", "ended"] as const;

/** The names of the option, or the default ones. Throws a `TypeError` for names that can't be used. */
export function namesOf(attributes: DynamodbAttributes = {}): Names {
  const isNames = typeof attributes === "object" && attributes !== null;
  checkOption("attributes", isNames, "names", attributes);
  const named = all.map((attribute) => {
    const name: unknown = attributes[attribute] ?? attribute;
    const isName = typeof name === "string" && name !== "" && isWellFormed(name);
    checkOption(`attributes.${attribute}`, isName, "a name", name);
    return [attribute, name] as const;
  });
  const names = named.map(([, name]) => name);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice === undefined) return Object.fromEntries(named) as Names;
  throw new TypeError(`\`attributes\` must differ, and two are ${describe(twice)}`);
}

const renew =
  "SET #version = :version, #leaseTtl = :leaseTtl, #expiresAt = :expiresAt, #ttl = :ttl";

/** The expressions of commands: `#name` is an attribute, as `DynamodbAttributes` has it, and `:name` a value. */
const expressions = {
  free: "(attribute_not_exists(#owner) OR #version = :over) " +
    "AND (attribute_not_exists(#value) OR #expiresAt <= :now) " +
    "AND (attribute_not_exists(#ended) OR #ended <> :uncached OR #expiresAt <= :now)",
  unchanged: "#version = :seen",
  // None, or one that isn't text: not all servers compare lists and maps.
  noVersion: "NOT attribute_type(#version, :text)",
  held: "#owner = :owner",
  renew,
  take: `${renew}, #owner = :owner REMOVE #value`,
  end: "SET #version = :version REMOVE #owner",
  endSo: "SET #version = :version, #ended = :ended REMOVE #owner",
};

/** The name of an expression. */
export type Expression = keyof typeof expressions;

/** A condition and an update, as a command takes them: with the names and the values that they use. */
export function inputOf(
  names: Names,
  values: Item,
  condition: Expression,
  update?: Expression,
) {
  const own = {
    ConditionExpression: expressions[condition],
    ...update && { UpdateExpression: expressions[update] },
  };
  const used = <A>(sign: string, of: (name: string) => A) =>
    Object.fromEntries(
      Object.values(own).join(" ").match(new RegExp(`${sign}\\w+`, "g"))!
        .map((name) => [name, of(name.slice(1))]),
    );
  return {
    ...own,
    ExpressionAttributeNames: used("#", (name) => names[name as keyof Names]),
    ExpressionAttributeValues: used(":", (name) => values[name]!),
    ReturnValuesOnConditionCheckFailure: "ALL_OLD" as const,
  };
}

/** The attributes of an entry, beside its key, that is written at `now`, by the server's clock. */
export function entryItem(
  names: Names,
  { data, ttl = Infinity }: Written,
  version: string,
  now: number,
): Item {
  const expiresAt = now + ttl;
  return {
    [names.value]: typeof data === "string" ? { S: data } : { B: data },
    [names.version]: { S: version },
    ...expiresAt < Infinity && {
      [names.expiresAt]: { N: whole(expiresAt) },
      [names.ttl]: { N: whole(expiresAt / 1000) },
    },
  };
}

/** How a lease ended and whose it was, as an attribute. */
export function endOf(owner: string, outcome: LeaseOutcome): string {
  return `${outcome} ${owner}`;
}

/** The same, read. */
export function endedIn(ended: string | undefined): Pick<Row, "lastOwner" | "outcome"> {
  const [, outcome, lastOwner] = /^(failed|uncached) (.*)$/s.exec(ended ?? "") ?? [];
  return { lastOwner, outcome: outcome as Row["outcome"] };
}

/** In seconds: how long DynamoDB keeps a lease beyond its time, so that no clock can have it delete one that lives. */
const DAY = 24 * 60 * 60;

/** The values of a lease that is written at `now`, by the server's clock. */
export function leaseFor(ttl: number, now: number): Item {
  return {
    version: { S: randomToken() },
    leaseTtl: { N: whole(ttl) },
    expiresAt: { N: whole(now + ttl) },
    ttl: { N: whole((now + ttl) / 1000 + DAY) },
  };
}

/** A number as DynamoDB has it, rounded up. */
export function whole(number: number): string {
  return String(Math.min(Math.ceil(number), Number.MAX_SAFE_INTEGER));
}
