import { loadOnce } from "../../src/store/load_once.ts";
import { checkOption, hasMethods } from "../kit/options.ts";
import { Refusal } from "../kit/refusal.ts";

/**
 * What the adapter uses of a collection, as version 6 or 7 of the [driver](https://mongodb.github.io/node-mongodb-native/)
 * makes it. It is declared here, so that neither types nor copies of the driver have to match.
 */
export interface MongodbCollection {
  /** The write concern, if it has one of its own. */
  readonly writeConcern?: { readonly w?: unknown } | undefined;
  /** [find](https://www.mongodb.com/docs/manual/reference/command/find/) */
  findOne(filter: object, options: object): Promise<object | null>;
  /** [findAndModify](https://www.mongodb.com/docs/manual/reference/command/findAndModify/) */
  findOneAndUpdate(
    filter: object,
    update: object[],
    options: { readonly includeResultMetadata: false },
  ): Promise<object | null>;
  /** [update](https://www.mongodb.com/docs/manual/reference/command/update/) */
  updateOne(
    filter: object,
    update: object[],
    options: object,
  ): Promise<{ readonly matchedCount: number }>;
  /** [delete](https://www.mongodb.com/docs/manual/reference/command/delete/) */
  deleteOne(filter: object): Promise<unknown>;
  /** [createIndexes](https://www.mongodb.com/docs/manual/reference/command/createIndexes/) */
  createIndex(fields: { readonly expires: 1 }, options: object): Promise<unknown>;
  /** Opens a [change stream](https://www.mongodb.com/docs/manual/changeStreams/). */
  watch(pipeline: object[], options: object): MongodbChangeStream;
}

/** What the adapter uses of a change stream. */
export interface MongodbChangeStream {
  /** Listens to what tells that it is open. */
  on(event: "resumeTokenChanged", listener: () => void): unknown;
  /** Waits for the next change, and resumes where the connection was lost. */
  next(): Promise<object>;
  /** Closes it. */
  close(): Promise<unknown>;
}

/** Throws a `TypeError` for what is no collection, or one whose writes aren't acknowledged. */
export function checkCollection(collection: MongodbCollection): void {
  const isCollection = hasMethods(collection, "findOneAndUpdate");
  checkOption("collection", isCollection, "a collection of the MongoDB driver", collection);
  if (collection.writeConcern?.w !== 0) return;
  throw new TypeError("`collection` must have a write concern that tells what became of a write");
}

/** The number of a refusal of the server's; undefined for any other error. */
export function codeOf(error: unknown): number | undefined {
  const code = (error as { readonly code?: unknown } | null)?.code;
  return typeof code === "number" ? code : undefined;
}

const indexed = new WeakMap<MongodbCollection, () => Promise<unknown>>();

/** Sees to the TTL index of a collection, once; again if it failed. */
export function createIndex(collection: MongodbCollection): Promise<unknown> {
  let create = indexed.get(collection);
  if (create === undefined) {
    create = loadOnce(async () => {
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
    });
    indexed.set(collection, create);
  }
  return create();
}
