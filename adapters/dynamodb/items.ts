import { describe } from "../../src/model/describe.ts";
import { randomToken } from "../../src/model/token.ts";
import { lifeOf, type Row, type Written } from "../kit/backend.ts";
import type { EndWord } from "../kit/end_word.ts";
import { isWellFormed } from "../kit/names.ts";
import { checkOption } from "../kit/options.ts";
import type { Item } from "./sdk.ts";
import type { DynamodbAttributes } from "./options.ts";

/** All of them. */
export type Names = { readonly [Name in keyof DynamodbAttributes]-?: string };

/** Those of the option. */
export const attributeNames = [
  ...["key", "value", "expiresAt", "freshUntil", "staleFor", "took", "ttl"] as const,
  ...["owner", "version", "leaseTtl", "leaseUntil", "ended", "failures", "quietUntil"] as const,
] as const;

/** The names of the option, or the default ones. Throws a `TypeError` for names that can't be used. */
export function namesOf(attributes: DynamodbAttributes = {}): Names {
  const isNames = typeof attributes === "object" && attributes !== null;
  checkOption("attributes", isNames, "names", attributes);
  const named = attributeNames.map((attribute) => {
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
  "SET #version = :version, #leaseTtl = :leaseTtl, #leaseUntil = :leaseUntil, #ttl = :ttl";
const noLease = "#owner, #leaseTtl, #leaseUntil, #ended, #failures, #quietUntil";
const freeLease = "(attribute_not_exists(#owner) OR #version = :over) " +
  "AND (attribute_not_exists(#ended) OR #ended <> :uncached OR #leaseUntil <= :now)";
const notQuiet = "AND (attribute_not_exists(#quietUntil) OR #quietUntil <= :now)";
const freeEntry =
  "AND (attribute_not_exists(#value) OR #expiresAt <= :limit OR #freshUntil <= :limit)";

/** The expressions of commands: `#name` is an attribute, as `DynamodbAttributes` has it, and `:name` a value. */
const expressions = {
  free: `${freeLease} ${freeEntry}`,
  freeBackingOff: `${freeLease} ${freeEntry} ${notQuiet}`,
  // Whatever the entry is.
  freeLease,
  freeLeaseBackingOff: `${freeLease} ${notQuiet}`,
  unchanged: "#version = :seen",
  // None, or one that isn't text: not all servers compare lists and maps.
  noVersion: "NOT attribute_type(#version, :text)",
  held: "#owner = :owner",
  renew,
  take: `${renew}, #owner = :owner REMOVE #quietUntil`,
  takeAlone: `${renew}, #owner = :owner REMOVE #quietUntil, #value`,
  end: "SET #version = :version REMOVE #owner",
  endSo: "SET #version = :version, #ended = :ended REMOVE #owner",
  endWell: "SET #version = :version, #ended = :ended REMOVE #owner, #failures",
  endFailed: "SET #version = :version, #ended = :ended, #failures = :failures, " +
    "#quietUntil = :quietUntil, #leaseUntil = :leaseUntil, #ttl = :ttl REMOVE #owner",
  keepFor: "SET #ttl = :ttl",
  keep: "REMOVE #ttl",
  expire:
    "SET #version = :version, #expiresAt = :expiresAt, #freshUntil = :freshUntil, #ttl = :ttl " +
    `REMOVE ${noLease}`,
  endLease: `SET #version = :version REMOVE ${noLease}`,
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
      (Object.values(own).join(" ").match(new RegExp(`${sign}\\w+`, "g")) ?? [])
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
  written: Written,
  version: string,
  now: number,
): Item {
  const { data, freshFor = Infinity, staleFor, took } = written;
  const expiresAt = now + (lifeOf(written) ?? Infinity);
  return {
    [names.value]: typeof data === "string" ? { S: data } : { B: data },
    [names.version]: { S: version },
    ...expiresAt < Infinity && {
      [names.expiresAt]: { N: whole(expiresAt) },
      [names.ttl]: { N: whole(expiresAt / 1000) },
    },
    ...staleFor !== undefined && {
      [names.staleFor]: { N: whole(staleFor) },
      ...freshFor < Infinity && { [names.freshUntil]: { N: whole(now + freshFor) } },
    },
    ...took !== undefined && { [names.took]: { N: String(took) } },
  };
}

/** How a lease ended and whose it was, as an attribute. */
export function endOf(owner: string, outcome: EndWord): string {
  return `${outcome} ${owner}`;
}

/** The same, read. */
export function endedIn(ended: string | undefined): Pick<Row, "lastOwner" | "outcome"> {
  const [, outcome, lastOwner] = /^(failed(?::\S*)?|uncached) (.*)$/s.exec(ended ?? "") ?? [];
  return { lastOwner, outcome: outcome as Row["outcome"] };
}

/** In seconds: how long DynamoDB keeps a lease beyond its time, so that no clock can have it delete one that lives. */
const DAY = 24 * 60 * 60;

/** The values of a lease that is written at `now`, by the server's clock. */
export function leaseFor(ttl: number, now: number): Item {
  return {
    version: { S: randomToken() },
    leaseTtl: { N: whole(ttl) },
    ...leaseEnd(now + ttl),
  };
}

/** The values of what is remembered until then. */
export function leaseEnd(until: number): Item {
  return { leaseUntil: { N: whole(until) }, ttl: { N: whole(until / 1000 + DAY) } };
}

/** A number as DynamoDB has it, rounded up. */
export function whole(number: number): string {
  return String(Math.min(Math.ceil(number), Number.MAX_SAFE_INTEGER));
}
