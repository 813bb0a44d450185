import type { Codec } from "../../src/store/codec.ts";

/**
 * What the adapter uses of a collection, as version 6 or 7 of the [driver](https://mongodb.github.io/node-mongodb-native/)
 * makes it. It is declared here, so that neither types nor copies of the driver have to match.
 */
export interface MongodbCollection {
  /** The write concern, if it has one of its own. */
  readonly writeConcern?: { readonly w?: unknown } | undefined;
  /** The read preference: an L1 is told of changes where reads go to the primary. */
  readonly readPreference?: { readonly mode?: unknown } | undefined;
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
  /** [aggregate](https://www.mongodb.com/docs/manual/reference/command/aggregate/), for an L1 that is told of changes. */
  aggregate?(pipeline: object[], options: object): { toArray(): Promise<object[]> };
  /** Opens a [change stream](https://www.mongodb.com/docs/manual/changeStreams/). */
  watch(pipeline: object[], options: object): MongodbChangeStream;
}

/** What the adapter uses of a change stream. */
export interface MongodbChangeStream {
  /** How far it has come. */
  readonly resumeToken: unknown;
  /** Whether it is closed. */
  readonly closed: boolean;
  /** Listens to the events that say that it has come further, and that its cursor is closed, which it may replace. */
  on(event: "resumeTokenChanged" | "close", listener: () => void): unknown;
  /** Waits for the next change, and resumes where the connection was lost; null if there is none for a while. */
  tryNext(): Promise<object | null>;
  /** Closes it. */
  close(): Promise<unknown>;
}

/** The options of {@linkcode mongodbLeases}. */
export interface MongodbLeasesOptions {
  /**
   * The collection. Only the user closes its client. Keep it in a constant: a config with another result of
   * `db.collection()` is another store, whose callers don't share a flight.
   */
  readonly collection: MongodbCollection;
  /**
   * Whether the adapter creates the TTL index before its first write: true by default. Without the index, the documents
   * of unused keys stay.
   */
  readonly createIndex?: boolean | undefined;
  /** The prefix of each `_id`: none by default, and `'lease:'` for leases alone. */
  readonly keyPrefix?: string | undefined;
}

/** The options of {@linkcode mongodbAdapter}. */
export interface MongodbAdapterOptions extends MongodbLeasesOptions {
  /** Turns values into text or bytes; JSON by default. */
  readonly codec?: Codec | undefined;
}
