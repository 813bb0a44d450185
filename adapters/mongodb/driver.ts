import { checkMethods } from "../kit/options.ts";
import { Refusal } from "../kit/refusal.ts";
import type { MongodbCollection } from "./options.ts";

/** What the adapter calls always: `createIndex` and `watch` it may do without. */
const collectionMethods = ["findOne", "findOneAndUpdate", "updateOne", "deleteOne"];

/** Throws a `TypeError` for what is no collection, or one whose writes aren't acknowledged. */
export function checkCollection(collection: MongodbCollection): void {
  checkMethods("collection", collectionMethods, "a collection of the MongoDB driver", collection);
  if (collection.writeConcern?.w !== 0) return;
  throw new TypeError(
    "`collection` must have a write concern that acknowledges writes, not `w: 0`",
  );
}

/** The number of a refusal of the server's; undefined for any other error. */
export function codeOf(error: unknown): number | undefined {
  const code = (error as { readonly code?: unknown } | null)?.code;
  return typeof code === "number" ? code : undefined;
}

/** Whatever the client was told, the adapter reads numbers and bytes as such. */
export const plain = {
  promoteBuffers: true,
  promoteLongs: true,
  promoteValues: true,
  raw: false,
  useBigInt64: false,
} as const;

/** Creates the TTL index of a collection. */
export async function createIndex(collection: MongodbCollection): Promise<void> {
  try {
    await collection.createIndex({ expires: 1 }, { expireAfterSeconds: 0 });
  } catch (cause) {
    if (codeOf(cause) === undefined) throw cause;
    throw new Refusal(
      `the TTL index can't be created: ${(cause as Error).message}. Create it yourself, by ` +
        "createIndex({ expires: 1 }, { expireAfterSeconds: 0 }), and pass `createIndex: false`",
      { cause },
    );
  }
}
