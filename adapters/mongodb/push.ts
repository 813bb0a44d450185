import type { PushDriver } from "../kit/push.ts";
import { codeOf, type MongodbCollection } from "./driver.ts";
import { plain } from "./stages.ts";

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

interface Change {
  /** Whose document was changed; undefined where the collection itself was dropped or renamed. */
  readonly documentKey?: { readonly _id: unknown };
}

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
          const { documentKey } = await stream.next() as Change;
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
