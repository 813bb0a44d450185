import type { Backend, Row, Target, Written } from "../kit/backend.ts";
import { bytesOf } from "../kit/data.ts";
import { Refusal } from "../kit/refusal.ts";
import { retry } from "../kit/retry.ts";
import { codeOf, createIndex, type MongodbCollection } from "./driver.ts";
import {
  acquireStage,
  alive,
  asEntry,
  asLease,
  endOf,
  entryStage,
  plain,
  releaseStages,
} from "./stages.ts";

/**
 * A document as it is read: an entry has a value; a lease has its owner, and the owner of the last one that ended failed or
 * uncached, with how.
 */
interface Found {
  readonly value?: unknown;
  readonly owner?: string;
  readonly last?: string;
  readonly how?: "failed" | "uncached";
  /** How much longer the lease lives, in milliseconds. */
  readonly remaining?: number;
}

/** MongoDB, by one collection, whose TTL index is seen to before the first write, if it is `indexed`. */
export function mongodbBackend(
  collection: MongodbCollection,
  { indexed }: { readonly indexed: boolean },
): Backend {
  /** Two upserts may both find nothing: the one that comes late is refused, and has to look again. */
  const upsert = async <A>(target: Target, run: () => Promise<A>) => {
    if (indexed) await createIndex(collection);
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
    async read({ name }) {
      const found = await collection.findOne({ _id: name }, asEntry);
      return found === null ? undefined : { data: (found as Found).value };
    },
    async take(target, wanted) {
      const stages = [acquireStage(wanted)];
      const acquire = () => collection.findOneAndUpdate({ _id: target.name }, stages, asLease);
      return rowOf(await upsert(target, acquire) as Found);
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

function rowOf({ value, owner, last, how, remaining = 0 }: Found): Row {
  return {
    data: value,
    lease: owner === undefined ? undefined : { owner, remaining },
    ended: last === undefined || how === undefined ? undefined : { owner: last, outcome: how },
  };
}

/** The most bytes that a document may have, and those that one of an entry has besides its `_id` and its value. */
const LARGEST = 16 * 1024 * 1024;
const FRAME = 44;

/** Puts the entry there; refuses one that is more than a document can hold. */
function stageFor({ name }: Target, { data, ttl }: Written): object {
  // UTF-8 has three bytes at most for what has a length of one.
  if (FRAME + 3 * (name.length + data.length) <= LARGEST) return entryStage(data, ttl);
  const bytes = FRAME + bytesOf(name).length + bytesOf(data).length;
  if (bytes <= LARGEST) return entryStage(data, ttl);
  throw new Refusal(`a document holds ${LARGEST} bytes, and this one would have ${bytes}`);
}
