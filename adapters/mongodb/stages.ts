import type { LeaseOutcome } from "../../src/store/store.ts";
import type { Wanted } from "../kit/backend.ts";

/** Whatever the client was told, the adapter reads numbers and bytes as such. */
export const plain = {
  promoteBuffers: true,
  promoteLongs: true,
  promoteValues: true,
  raw: false,
  useBigInt64: false,
} as const;

/** The last date that JavaScript has. */
const FOREVER = 8.64e15;

/** Whether a document's time isn't over, as an expression. */
export const alive = { $gt: [{ $ifNull: ["$expires", new Date(FOREVER)] }, "$$NOW"] };

/** A value in an expression, whatever it looks like. */
const literal = (value: unknown) => ({ $literal: value });

/** When a document ends that has so many milliseconds to live; MongoDB keeps whole ones. */
export function endOf(ttl: number | undefined): { readonly expires?: object } {
  if (ttl === undefined) return {};
  return { expires: { $add: ["$$NOW", Math.min(Math.ceil(ttl), FOREVER / 2)] } };
}

/** The value of an entry whose time isn't over. */
export const asEntry = {
  ...plain,
  projection: { _id: 0, value: { $cond: [alive, "$value", "$$REMOVE"] } },
} as const;

/** What an acquire has left there. */
export const asLease = {
  ...plain,
  upsert: true,
  returnDocument: "after",
  includeResultMetadata: false,
  projection: {
    _id: 0,
    value: 1,
    owner: 1,
    last: 1,
    how: 1,
    remaining: { $subtract: ["$expires", "$$NOW"] },
  },
} as const;

/** Takes the lease where there is neither an entry nor a lease nor the end of the one that was waited for. */
export function acquireStage({ owner, ttl, waitedFor, ignored }: Wanted): object {
  const entry = {
    $and: [
      { $in: [{ $type: "$value" }, ["string", "binData"]] },
      ...ignored === undefined ? [] : [{ $ne: ["$value", literal(ignored.data)] }],
    ],
  };
  const lease = { $ne: [{ $type: "$owner" }, "missing"] };
  const ended = {
    $and: [{ $eq: ["$last", literal(waitedFor ?? null)] }, { $eq: ["$how", "uncached"] }],
  };
  const remembered = { $cond: [alive, { last: "$last", how: "$how" }, {}] };
  const taken = { _id: "$_id", owner: literal(owner), ...endOf(ttl) };
  return {
    $replaceWith: {
      $cond: [
        { $and: [alive, { $or: [entry, lease, ended] }] },
        "$$ROOT",
        { $mergeObjects: [taken, remembered] },
      ],
    },
  };
}

/** Puts an entry in place of whatever is there. */
export function entryStage(data: string | Uint8Array, ttl: number | undefined): object {
  return { $replaceWith: { _id: "$_id", value: literal(data), ...endOf(ttl) } };
}

/** Ends a lease, and remembers how, unless it was cancelled. */
export function releaseStages(owner: string, outcome: LeaseOutcome): object[] {
  const ended = { $set: { last: literal(owner), how: outcome } };
  return [{ $unset: "owner" }, ...outcome === "cancelled" ? [] : [ended]];
}
