import type { LeaseOutcome } from "../../src/store/store.ts";
import { randomToken } from "../../src/model/token.ts";
import type { EndedLease, Written } from "../kit/backend.ts";
import type { Names } from "./attributes.ts";
import type { Item } from "./sdk.ts";

// `#name` is an attribute, as `DynamodbAttributes` has it, and `:name` a value.
export const FREE = "(attribute_not_exists(#owner) OR #version = :over) " +
  "AND (attribute_not_exists(#value) OR #expiresAt <= :now) " +
  "AND (attribute_not_exists(#ended) OR #ended <> :uncached OR #expiresAt <= :now)";
export const UNCHANGED = "#version = :seen";
export const NO_VERSION = "attribute_not_exists(#version)";
export const HELD = "#owner = :owner";
export const RENEW =
  "SET #version = :version, #leaseTtl = :leaseTtl, #expiresAt = :expiresAt, #ttl = :ttl";
export const TAKE = `${RENEW}, #owner = :owner REMOVE #value`;
export const END = "SET #version = :version REMOVE #owner";
export const END_SO = "SET #version = :version, #ended = :ended REMOVE #owner";

/** An update or a condition, as a command takes it: with the names and the values that its expressions use. */
export function expression(
  names: Names,
  expressions: { readonly ConditionExpression: string; readonly UpdateExpression?: string },
  values: Item,
) {
  const used = <A>(sign: string, of: (name: string) => A) =>
    Object.fromEntries(
      Object.values(expressions).join(" ").match(new RegExp(`${sign}\\w+`, "g"))!
        .map((name) => [name, of(name.slice(1))]),
    );
  return {
    ...expressions,
    ExpressionAttributeNames: used("#", (name) => names[name as keyof Names]),
    ExpressionAttributeValues: used(":", (name) => values[name]!),
    ReturnValuesOnConditionCheckFailure: "ALL_OLD" as const,
  };
}

/** The attributes of an entry, beside its key, that is written at `now`, by the server's clock. */
export function entryItem(
  names: Names,
  { data, ttl = Infinity }: Written,
  { version, now }: { readonly version: string; readonly now: number },
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

/** How a lease ended and whose it was, as an attribute; nobody's where nobody waited for one. */
export function endOf(owner: string | undefined, outcome: LeaseOutcome): string {
  return owner === undefined ? "-" : `${outcome} ${owner}`;
}

/** The same, read. */
export function endedIn(ended: string | undefined): EndedLease | undefined {
  const [, outcome, owner] = /^(failed|uncached) (.*)$/s.exec(ended ?? "") ?? [];
  return outcome === undefined
    ? undefined
    : { owner: owner!, outcome: outcome as EndedLease["outcome"] };
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
