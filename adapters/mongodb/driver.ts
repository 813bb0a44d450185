import { checkMethods } from "../kit/options.ts";
import type { PushDriver } from "../kit/push.ts";
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

/** How a server on its own refuses to open a change stream. */
const ONLY_ON_REPLICA_SETS = 40573;

/** Passes on what ends a lease, and not what begins it or lets it live longer. */
const ends = [
  {
    $match: {
      $or: [
        { operationType: { $ne: "update" }, "fullDocument.owner": { $exists: false } },
        { "updateDescription.removedFields": "owner" },
      ],
    },
  },
  { $project: { documentKey: 1 } },
];

/** Pushes by one change stream for all keys, whose topics are the documents' `_id`s. */
export function changesOf(collection: MongodbCollection): PushDriver {
  let hasStreams = true;
  return {
    async open({ message, ended }) {
      if (!hasStreams) return undefined;
      const stream = collection.watch(ends, plain);
      const close = () => void stream.close().catch(() => {});
      const follow = async (): Promise<never> => {
        for (;;) {
          // The driver resumes where the connection was lost. It would end in silence where it can't, had it listeners.
          const { documentKey } = await stream.next() as { documentKey?: { _id: unknown } };
          if (documentKey === undefined) throw new Error("the collection was dropped or renamed");
          if (typeof documentKey._id === "string") message(documentKey._id);
        }
      };
      const isOpen = new Promise<void>((resolve) => stream.on("resumeTokenChanged", resolve));
      const following = follow();
      try {
        await Promise.race([isOpen, following]);
      } catch (error) {
        close();
        if (codeOf(error) !== ONLY_ON_REPLICA_SETS) throw error;
        hasStreams = false;
        return undefined;
      }
      following.catch(ended);
      return { subscribe: () => Promise.resolve(), unsubscribe: () => {}, close };
    },
  };
}
