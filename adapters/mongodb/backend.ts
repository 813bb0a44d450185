import { loadOnce } from "../../src/store/load_once.ts";
import { LONGEST_LEASE } from "../../src/model/defaults.ts";
import type { LeaseOutcome } from "../../src/store/store.ts";
import type { Backend, Row, Target, Wanted, Written } from "../kit/backend.ts";
import { bytesOf } from "../kit/data.ts";
import { Refusal } from "../kit/refusal.ts";
import { retry } from "../kit/retry.ts";
import { sharedBy } from "../kit/shared.ts";
import { codeOf, createIndex, plain } from "./driver.ts";
import type { MongodbCollection } from "./options.ts";

/** A document, and its value as the server has it: bytes have a subtype, by which they differ from others. */
interface Found extends Row {
  readonly stored?: unknown;
}

/** Bytes of any subtype, as the driver has them if it isn't to promote them. */
interface Binary {
  readonly buffer: Uint8Array;
  readonly position: number;
}

function asBytes(value: unknown): unknown {
  const { buffer, position } = (value ?? {}) as Partial<Binary>;
  return buffer instanceof Uint8Array ? buffer.subarray(0, position) : value;
}

/** MongoDB, by one collection, whose TTL index is made before the first write, if it is to be `indexed`. */
export function mongodbBackend(
  collection: MongodbCollection,
  { indexed }: { readonly indexed: boolean },
): Backend<Found> {
  const index = sharedBy(collection, "index", () => loadOnce(() => createIndex(collection)));
  /** Two upserts may both find nothing: the one that comes late is refused, and has to look again. */
  const upsert = async <A>(target: Target, run: () => Promise<A>) => {
    if (indexed) await index();
    return await retry(target, run, { again: (error) => codeOf(error) === DUPLICATE });
  };
  /** Changes the document of a lease that the owner holds; false if it doesn't. */
  const change = async (
    { name }: Target,
    owner: string,
    stages: object[],
    held: object = { $expr: alive },
  ) => {
    const { matchedCount } = await collection.updateOne(
      { _id: name, owner, ...held },
      stages,
      plain,
    );
    return matchedCount === 1;
  };
  return {
    read: async ({ name }) => await collection.findOne({ _id: name }, asEntry) ?? undefined,
    async take(target, wanted) {
      const stages = [acquireStage(wanted)];
      const acquire = () => collection.findOneAndUpdate({ _id: target.name }, stages, asLease);
      const row = (await upsert(target, acquire))! as Found;
      return { ...row, data: asBytes(row.data), stored: row.data };
    },
    renew: (target, { owner, ttl }) => change(target, owner, [{ $set: endOf(ttl) }]),
    fill: async (target, { owner, ...written }) =>
      await change(target, owner, [stageFor(target, written)]),
    release: (target, { owner, outcome }) =>
      change(target, owner, releaseStages(owner, outcome), {}),
    async write(target, written) {
      const stages = [stageFor(target, written)];
      const options = { ...plain, upsert: true };
      await upsert(target, () => collection.updateOne({ _id: target.name }, stages, options));
    },
    remove: ({ name }) => collection.deleteOne({ _id: name }),
  };
}

/** The server's refusal of an `_id` that is there. */
const DUPLICATE = 11000;

/** The most bytes that a document may have, and those that one of an entry has besides its `_id` and its value. */
const LARGEST = 16 * 1024 * 1024;
const FRAME = 44;

/** Puts the entry there; refuses one that is more than a document can hold. */
function stageFor({ name }: Target, { data, ttl }: Written): object {
  // UTF-8 has three bytes at most for what has a length of one.
  if (FRAME + 3 * (name.length + data.length) > LARGEST) {
    const bytes = FRAME + bytesOf(name).length + bytesOf(data).length;
    if (bytes > LARGEST) {
      throw new Refusal(`a document holds ${LARGEST} bytes, and this one would have ${bytes}`);
    }
  }
  return { $replaceWith: { _id: "$_id", value: literal(data), ...endOf(ttl) } };
}

/** The last date that JavaScript has. */
const FOREVER = 8.64e15;

/** Whether a field is of one of these types, as an expression. */
const isOf = (field: string, ...types: string[]) => ({ $in: [{ $type: field }, types] });

/** Whether a document has a time that isn't over. */
const ending = { $and: [isOf("$expires", "date"), { $gt: ["$expires", "$$NOW"] }] };

/** Whether a document hasn't expired. */
const alive = { $or: [isOf("$expires", "missing", "null"), ending] };

/** A value in an expression, which is no expression itself. */
const literal = (value: unknown) => ({ $literal: value });

/** When a document ends that has so many milliseconds to live; MongoDB keeps whole ones. */
function endOf(ttl: number | undefined): { readonly expires?: object } {
  if (ttl === undefined) return {};
  return { expires: { $add: ["$$NOW", Math.min(Math.ceil(ttl), FOREVER / 2)] } };
}

/** The value of an entry that hasn't expired. */
const asEntry = {
  ...plain,
  projection: { _id: 0, data: { $cond: [alive, "$value", "$$REMOVE"] } },
} as const;

/** The row that an acquire has left there, with bytes of any subtype as such. */
const asLease = {
  ...plain,
  promoteBuffers: false,
  upsert: true,
  returnDocument: "after",
  includeResultMetadata: false,
  projection: {
    _id: 0,
    data: { $cond: [isOf("$value", "string", "binData"), "$value", "$$REMOVE"] },
    owner: 1,
    lastOwner: "$last",
    outcome: "$how",
    replaced: 1,
    remaining: { $cond: [isOf("$expires", "date"), { $subtract: ["$expires", "$$NOW"] }, 0] },
  },
} as const;

/** Takes the lease where there is neither an entry nor a lease nor the end of the one that was waited for. */
function acquireStage({ owner, ttl, waitedFor, ignored }: Wanted<Found>): object {
  const entry = { $and: [alive, isOf("$value", "string", "binData")] };
  const isOther = ignored === undefined || { $ne: ["$value", literal(ignored.stored)] };
  const lease = {
    $and: [
      isOf("$owner", "string"),
      ending,
      { $lte: ["$expires", { $add: ["$$NOW", LONGEST_LEASE] }] },
    ],
  };
  const ended = waitedFor === undefined ? false : {
    $and: [alive, { $eq: ["$last", literal(waitedFor)] }, { $eq: ["$how", "uncached"] }],
  };
  const remembered = { $cond: [alive, { last: "$last", how: "$how" }, {}] };
  const stranger = { $cond: [isOf("$owner", "missing", "string"), {}, { replaced: true }] };
  const taken = { _id: "$_id", owner: literal(owner), ...endOf(ttl) };
  return {
    $replaceWith: {
      $cond: [
        { $cond: [entry, isOther, { $or: [lease, ended] }] },
        "$$ROOT",
        { $mergeObjects: [taken, remembered, stranger] },
      ],
    },
  };
}

/** Ends a lease, and remembers how, unless it was cancelled. */
function releaseStages(owner: string, outcome: LeaseOutcome): object[] {
  const ended = { $set: { last: literal(owner), how: outcome } };
  return [{ $unset: "owner" }, ...outcome === "cancelled" ? [] : [ended]];
}
