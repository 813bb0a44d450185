import { type PushDriver, PushForbidden } from "../kit/push.ts";
import { codeOf, plain } from "./driver.ts";
import type { MongodbCollection } from "./options.ts";

/** The topic of a document. */
export function topicOf(name: string): string {
  return `=${name}`;
}

/** The topic of the changes of all documents, whose texts are the `_id`s. */
export const CHANGES = "changes";

/** How a server on its own refuses to open a change stream. */
const ONLY_ON_REPLICA_SETS = 40573;

/** How a user or a server without what it takes is refused: unauthorized, or none of this that it knows. */
const REFUSALS: readonly (number | undefined)[] = [13, 59, 115, 238, 40324];

/** Whether asking again is of no use, as the deployment or its user is without it. */
function isForbidden(error: unknown): error is Error {
  return REFUSALS.includes(codeOf(error));
}

/** Passes on what ends a lease or changes an entry, and not what begins a lease or lets it live longer. */
const news = [
  {
    $match: {
      $or: [
        { operationType: { $ne: "update" }, "fullDocument.owner": { $exists: false } },
        { "updateDescription.removedFields": { $in: ["owner", "value"] } },
        // As other programs may do.
        ...["value", "ends", "staleFor"].map((field) => ({
          [`updateDescription.updatedFields.${field}`]: { $exists: true },
        })),
      ],
    },
  },
  { $project: { documentKey: 1 } },
];

/** For how long the server waits for news until it says how far it has looked, in milliseconds. */
const STEP_MS = 500;

/** How far a stream has come. */
export interface Progress {
  /** It has come to a token: behind the last change of that moment, or to one of them. */
  readonly moved: (token: unknown, isAll: boolean) => void;
  /** Ends once all is heard up to a time. It ends never if another is asked for meanwhile. */
  readonly heard: (time: string) => Promise<void>;
}

/** Compares times with tokens of a change stream, which can be [sorted](https://www.mongodb.com/docs/manual/changeStreams/#resume-tokens). */
export function makeProgress(): Progress {
  let reached = "";
  let isAllOfIt = false;
  let awaited: { readonly time: string; done(): void } | undefined;
  const settle = () => {
    if (awaited === undefined) return;
    const { time, done } = awaited;
    if (isAllOfIt ? time <= reached : time < reached) done(); // mutate: mongodb moment
  };
  return {
    moved(token, isAll) {
      const data = (token as { readonly _data?: unknown } | null | undefined)?._data;
      reached = typeof data === "string" && data.startsWith(TIMESTAMP) ? data.slice(0, LENGTH) : "";
      isAllOfIt = isAll;
      settle();
    },
    heard: (time) =>
      new Promise((done) => {
        awaited = { time, done };
        settle();
      }),
  };
}

/** What a token begins with: the type of a timestamp, and its seconds and count, as eight digits each. */
const TIMESTAMP = "82";
const LENGTH = 18;

/** What a token of a moment begins with. */
export function timeOf({ high, low }: Timestamp): string {
  const digits = (part: number) => (part >>> 0).toString(16).toUpperCase().padStart(8, "0");
  return TIMESTAMP + digits(high) + digits(low);
}

/** A timestamp, as the driver has it. */
export interface Timestamp {
  readonly high: number;
  readonly low: number;
}

/** What else a push of changes has to do with. */
export interface StreamParts {
  readonly progress: Progress;
  /** Asks what is to be asked for those who listen to all changes. */
  ask(): Promise<unknown>;
}

/** Pushes by one change stream for all keys. */
export function streamOf(
  collection: MongodbCollection,
  { progress, ask }: StreamParts,
): PushDriver {
  let hasStreams = true;
  return {
    async open({ message, ended }) {
      if (!hasStreams) return undefined;
      const stream = collection.watch(news, { ...plain, maxAwaitTimeMS: STEP_MS });
      let isClosed = false;
      const close = () => {
        isClosed = true;
        stream.close().catch(() => {});
      };
      const follow = async () => {
        progress.moved(undefined, false);
        while (!isClosed) {
          // The driver resumes where the connection was lost. It would end in silence where it can't, had it listeners.
          const change = await stream.tryNext() as Change | null;
          if (change === null && stream.closed) throw new Error("the change stream was closed");
          if (change !== null) tell(change);
          progress.moved(change === null ? stream.resumeToken : change._id, change === null);
        }
      };
      const tell = ({ documentKey }: Change) => {
        if (documentKey === undefined) throw new Error("the collection was dropped or renamed");
        const { _id } = documentKey;
        if (typeof _id !== "string") return;
        message(topicOf(_id));
        message(CHANGES, _id);
      };
      const isOpen = new Promise<void>((resolve) => stream.on("resumeTokenChanged", resolve));
      const following = follow();
      try {
        await Promise.race([isOpen, following]);
      } catch (error) {
        close();
        if (codeOf(error) === ONLY_ON_REPLICA_SETS) {
          hasStreams = false;
          return undefined;
        }
        if (!isForbidden(error)) throw error;
        return {
          subscribe: () => Promise.reject(new PushForbidden(error.message, { cause: error })),
          unsubscribe() {},
          close() {},
        };
      }
      following.catch(ended); // mutate: mongodb ended
      // Where it goes on with another cursor, the server may have lost what was read before.
      stream.on("close", () => isClosed || message(CHANGES));
      return {
        async subscribe(topic) {
          if (topic !== CHANGES) return;
          await ask().catch((error) => {
            if (!isForbidden(error)) throw error;
            throw new PushForbidden(error.message, { cause: error });
          });
        },
        unsubscribe() {},
        close,
      };
    },
  };
}

/** A change, as the stream passes it on: that of the collection itself is of no document. */
interface Change {
  readonly _id: unknown;
  readonly documentKey?: { readonly _id: unknown };
}
