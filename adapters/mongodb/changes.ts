import type { Changes } from "../../src/store/store.ts";
import { hashOf, makeChanges } from "../kit/changes.ts";
import { type Push, PushForbidden, sharedPush } from "../kit/push.ts";
import { sharedBy } from "../kit/shared.ts";
import { plain } from "./driver.ts";
import type { MongodbCollection } from "./options.ts";
import {
  CHANGES,
  makeProgress,
  type Progress,
  streamOf,
  timeOf,
  type Timestamp,
} from "./stream.ts";

/** What the primary tells of itself: who it is, and the time of its last write, as the beginning of a token. */
interface Primary {
  readonly host: string;
  readonly time: string;
}

/** What the changes of a collection are heard by. */
export interface MongodbChangesParts {
  readonly push: Pick<Push, "hold">;
  readonly progress: Pick<Progress, "heard">;
  /** Asks the primary. */
  ask(): Promise<Primary>;
}

/**
 * The push of a collection, and the changes that an L1 is told of, where all is read from the primary: both by one change
 * stream, which all stores of the collection share.
 */
export function mongodbChanges(
  collection: MongodbCollection,
  keyPrefix = "",
): { readonly push: Push; readonly changes: Changes | undefined } {
  const progress = sharedBy(collection, "progress", makeProgress);
  const ask = () => askPrimary(collection);
  const push = sharedPush(collection, "changes", () => streamOf(collection, { progress, ask }));
  const { aggregate, readPreference } = collection;
  // A read from another may find what was there before a change that was told of.
  const isTold = aggregate !== undefined && (readPreference?.mode ?? "primary") === "primary";
  const changes = isTold && {
    ...sharedBy(collection, "changes", () => changesBy({ push, progress, ask })),
    hashOf: (key: string) => hashOf(keyPrefix + key),
  };
  return { push, changes: changes || undefined };
}

/**
 * The changes that a stream tells of, which loses none while it goes on, so the numbers are those of what it has heard. How
 * far it has come, it says by its tokens: all that the primary has written by the time of a look must be behind them. The
 * stream doesn't tell of what a majority hasn't, so where that is far behind, it isn't believed.
 */
export function changesBy({ push, progress, ask }: MongodbChangesParts): Changes {
  let number = 0;
  let epoch = "";
  let sign = () => {};
  return makeChanges({
    open({ stands, heard, lost, none }) {
      const tell = (hash?: number) => heard({ epoch, number: ++number, hash });
      sign = tell;
      return push.hold(CHANGES, stands, { message: (name) => tell(hashOf(name)), lost, none });
    },
    async look(aloud) {
      const { host, time } = await ask();
      await progress.heard(time); // mutate: mongodb heard
      // After a failover what was read may be lost.
      epoch = host; // mutate: mongodb failover
      if (aloud) sign();
      return { epoch, number };
    },
  });
}

/** One document for each server that has a part of the collection. */
const stages = [
  { $collStats: {} },
  { $project: { _id: 0, host: 1, shard: 1, time: "$$CLUSTER_TIME" } },
];
const fromPrimary = { ...plain, readPreference: "primary", readConcern: { level: "local" } };

async function askPrimary(collection: MongodbCollection): Promise<Primary> {
  const [found] = await collection.aggregate!(stages, fromPrimary).toArray() as {
    readonly host: string;
    readonly shard?: string;
    readonly time: Timestamp;
  }[];
  if (found === undefined || found.shard !== undefined) {
    throw new PushForbidden("the time of a router says nothing of the last write");
  }
  return { host: found.host, time: timeOf(found.time) };
}
