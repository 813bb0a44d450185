import { loadOnce } from "../../src/store/load_once.ts";
import { FAILURES_REMEMBERED, LONGEST_LEASE } from "../../src/model/defaults.ts";
import {
  type Backend,
  type LeaseEnd,
  lifeOf,
  LONGEST,
  type Row,
  type Target,
  type Wanted,
  type Written,
} from "../kit/backend.ts";
import { bytesOf } from "../kit/data.ts";
import { decide, isHit } from "../kit/decide.ts";
import { Refusal } from "../kit/refusal.ts";
import { Contention, retry } from "../kit/retry.ts";
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
    held: object = { $expr: ending("$until") },
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
      const options = asLease(wanted);
      const acquire = () => collection.findOneAndUpdate({ _id: target.name }, stages, options);
      return await retry(target, async () => {
        const found = (await upsert(target, acquire))! as Found;
        const row = { ...found, data: asBytes(found.data), stored: found.data };
        // What was in the way may have ended before it was told.
        if (!isHit(row, wanted) && decide(row, wanted) === undefined) throw new Contention();
        return row;
      });
    },
    renew: (target, { owner, ttl }) => {
      const until = from(ttl);
      return change(target, owner, [{ $set: { until, expires: atLeast(until) } }]);
    },
    fill: async (target, { owner, ...written }) =>
      await change(target, owner, [stageFor(target, written)]),
    release: (target, end) => change(target, end.owner, releaseStages(end), {}),
    async write(target, written) {
      const stages = [stageFor(target, written)];
      const options = { ...plain, upsert: true };
      await upsert(target, () => collection.updateOne({ _id: target.name }, stages, options));
    },
    expire: ({ name }) => collection.updateOne({ _id: name }, [expireStage], plain),
    remove: ({ name }) => collection.deleteOne({ _id: name }),
  };
}

/** The server's refusal of an `_id` that is there. */
const DUPLICATE = 11000;

/** The most bytes that a document may have, and those that one of an entry has besides its `_id` and its value. */
const LARGEST = 16 * 1024 * 1024;
const FRAME = 58;
/** And the most that the lease of a refresh has, beside an owner of usual length. */
const LEASE = 1024;

/** Puts the entry there; refuses one that is more than a document can hold. */
function stageFor({ name }: Target, written: Written): object {
  const { data, staleFor, took } = written;
  const frame = FRAME + (staleFor === undefined && took === undefined ? 0 : LEASE);
  // UTF-8 has three bytes at most for what has a length of one.
  if (frame + 3 * (name.length + data.length) > LARGEST) {
    const bytes = frame + bytesOf(name).length + bytesOf(data).length;
    if (bytes > LARGEST) {
      throw new Refusal(`a document holds ${LARGEST} bytes, and this one would have ${bytes}`);
    }
  }
  const life = lifeOf(written);
  const ends = life !== undefined && { ends: from(life), expires: from(life) };
  const told = { ...staleFor !== undefined && { staleFor }, ...took !== undefined && { took } };
  return { $replaceWith: { _id: "$_id", value: literal(data), ...ends, ...told } };
}

/** The last date that JavaScript has. */
const FOREVER = 8.64e15;

/** Whether a field is of one of these types, as an expression. */
const isOf = (field: string, ...types: string[]) => ({ $in: [{ $type: field }, types] });

/** Whether a field has a time that isn't over. */
const ending = (field: string) => ({ $and: [isOf(field, "date"), { $gt: [field, "$$NOW"] }] });

/** The same, of what lives no longer than a lease may. */
const endingSoon = (field: string) => ({
  $and: [ending(field), { $lte: [field, { $add: ["$$NOW", LONGEST_LEASE] }] }],
});

/** Whether there is an entry, fresh or stale. */
const alive = { $or: [isOf("$ends", "missing", "null"), ending("$ends")] };

/** How much longer it is until the time of a field, in milliseconds. */
const left = (field: string) => ({ $subtract: [field, "$$NOW"] });

/** A number of any type as the driver's own, between zero and this; zero for what is none. */
const numberIn = (field: string, most: number) => ({
  $cond: [
    { $isNumber: field },
    { $max: [0, { $min: [most, { $convert: { input: field, to: "double", onError: 0 } }] }] },
    0,
  ],
});

/** For how long an entry is stale. */
const staleFor = numberIn("$staleFor", LONGEST);

/** For how much longer an entry that ends is fresh. */
const freshFor = { $subtract: [left("$ends"), staleFor] };

/** What is told of an entry besides its value. */
const aged = {
  freshFor: { $cond: [isOf("$ends", "date"), freshFor, "$$REMOVE"] },
  took: numberIn("$took", LONGEST),
};

/** A value in an expression, which is no expression itself. */
const literal = (value: unknown) => ({ $literal: value });

/** The time in so many milliseconds; MongoDB keeps whole ones. */
const from = (millis: number) => ({
  $add: ["$$NOW", Math.min(Math.ceil(millis), FOREVER / 2)],
});

/** When a document ends whose lease lives until then: not before its entry does. */
const atLeast = (until: object) => ({
  $switch: {
    branches: [
      { case: isOf("$value", "missing"), then: until },
      { case: isOf("$ends", "date"), then: { $max: ["$ends", until] } },
    ],
    default: "$$REMOVE",
  },
});

/** The value of an entry, and how fresh it is. */
const asEntry = {
  ...plain,
  projection: { _id: 0, data: { $cond: [alive, "$value", "$$REMOVE"] }, ...aged },
} as const;

/** Whether there is an entry that can be read, and isn't the one to be ignored. */
const isEntry = ({ ignored }: Wanted<Found>) => ({
  $and: [
    alive,
    isOf("$value", "string", "binData"),
    ignored === undefined || { $ne: ["$value", literal(ignored.stored)] },
  ],
});

/** The row that an acquire has left there, with bytes of any subtype as such. */
const asLease = (wanted: Wanted<Found>) => ({
  ...plain,
  promoteBuffers: false,
  upsert: true,
  returnDocument: "after",
  includeResultMetadata: false,
  projection: {
    _id: 0,
    data: { $cond: [isEntry(wanted), "$value", "$$REMOVE"] },
    ...aged,
    owner: 1,
    lastOwner: "$last",
    outcome: "$how",
    replaced: 1,
    remaining: { $cond: [isOf("$until", "date"), left("$until"), 0] },
    failures: numberIn("$failures", LONGEST),
    quietFor: { $cond: [isOf("$quietUntil", "date"), left("$quietUntil"), 0] },
  },
} as const);

/** Takes the lease where nothing is in its way; an entry stays beside it. */
function acquireStage(wanted: Wanted<Found>): object {
  const { owner, ttl, waitedFor, freshBelow, backOff } = wanted;
  const entry = isEntry(wanted);
  const isFresh = freshBelow === Infinity
    ? false
    : { $or: [{ $not: [isOf("$ends", "date")] }, { $gt: [freshFor, freshBelow] }] };
  const lease = { $and: [isOf("$owner", "string"), endingSoon("$until")] };
  const ended = waitedFor === undefined ? false : {
    $and: [
      ending("$until"),
      { $eq: ["$last", literal(waitedFor)] },
      { $eq: ["$how", "uncached"] },
    ],
  };
  const quiet = backOff && endingSoon("$quietUntil");
  const until = from(ttl);
  const remembered = { last: "$last", how: "$how", failures: "$failures" };
  const stranger = { $cond: [isOf("$owner", "missing", "string"), {}, { replaced: true }] };
  const kept = {
    value: "$value",
    ends: "$ends",
    staleFor: "$staleFor",
    took: "$took",
    expires: atLeast(until),
  };
  return {
    $replaceWith: {
      $cond: [
        { $or: [{ $and: [entry, isFresh] }, lease, ended, quiet] },
        "$$ROOT",
        {
          $mergeObjects: [
            { _id: "$_id", owner: literal(owner), until },
            { $cond: [entry, kept, { expires: until }] },
            { $cond: [ending("$until"), remembered, {}] },
            stranger,
          ],
        },
      ],
    },
  };
}

/** Ends a lease, and remembers how, unless it was cancelled. */
function releaseStages({ owner, outcome, failure }: LeaseEnd): object[] {
  const ended = outcome !== "cancelled" && { last: literal(owner), how: outcome };
  const until = failure && {
    $max: ["$until", from(failure.quietFor + FAILURES_REMEMBERED)],
  };
  const told = failure && {
    failures: failure.failures,
    quietUntil: from(failure.quietFor),
    until,
    expires: atLeast(until!),
  };
  return [
    { $unset: outcome === "uncached" ? ["owner", "failures"] : ["owner"] },
    ...ended || told ? [{ $set: { ...ended, ...told } }] : [],
  ];
}

/** Ends the time in which an entry is fresh, with all that there is of a lease; one without a stale time is over. */
const expireStage = (() => {
  const staleUntil = { $add: ["$$NOW", { $ceil: staleFor }] };
  const ends = { $cond: [isOf("$ends", "date"), { $min: ["$ends", staleUntil] }, staleUntil] };
  const stale = {
    _id: "$_id",
    value: "$value",
    ends,
    expires: ends,
    staleFor: "$staleFor",
    took: "$took",
  };
  const isKept = { $gt: [staleFor, 0] };
  return { $replaceWith: { $cond: [isKept, stale, { _id: "$_id", expires: "$$NOW" }] } };
})();
