import type { Collection, MongoClient, MongoClientOptions } from "mongodb";
import process from "node:process";
import { randomToken } from "../../../src/model/token.ts";
import { variable } from "../../support/address.ts";
import type { Counter } from "../../support/rounds.ts";

/** A deployment of MongoDB. */
export interface Deployment {
  readonly name: string;
  /** Where it is, if there is one. */
  readonly url: string | undefined;
  /** The variable that says so. */
  readonly variable: string;
  /** Why it has no push. */
  readonly pushless?: string;
}

/** A server on its own, and a replica set. */
export const deployments: readonly Deployment[] = [
  ["mongodb, standalone", "MONGODB_URL", "a server on its own has no change streams"] as const,
  ["mongodb, replica set", "MONGODB_REPLICA_SET_URL"] as const,
].map(([name, address, pushless]) => ({
  name,
  url: variable(address),
  variable: address,
  ...(pushless ? { pushless } : {}),
}));

/** One version of the driver. */
export interface Driver {
  readonly version: 6 | 7;
  readonly MongoClient: typeof MongoClient;
  /** Its own types of values: a client takes no other's. */
  readonly bson: Bson;
}

/** What makes values that JavaScript has no type for. */
export type Bson = Pick<
  typeof import("mongodb"),
  "Binary" | "Decimal128" | "Long" | "MaxKey" | "Timestamp"
>;

/** The oldest version of the driver. It is loaded late, as it looks at the environment. */
export async function oldestDriver(): Promise<Driver> {
  const driver = await import("mongodb6") as unknown as typeof import("mongodb");
  return { version: 6, MongoClient: driver.MongoClient, bson: driver };
}

/** The newest version of the driver that this runtime has. */
export async function newestDriver(): Promise<Driver> {
  if (Number(process.versions.node.split(".")[0]) < 20) return oldestDriver();
  const driver = await import("mongodb");
  return { version: 7, MongoClient: driver.MongoClient, bson: driver };
}

/** Opens a client. */
export function openMongodb(
  { MongoClient }: Driver,
  url: string,
  options: MongoClientOptions = {},
): Promise<MongoClient> {
  return new MongoClient(url, options).connect();
}

/** Counts the operations on a collection's documents, by its database's profiler; change streams aside. */
export async function countMongodb(
  { dbName, collectionName, namespace }: Collection,
  client: MongoClient,
): Promise<Counter> {
  const db = client.db(dbName);
  const profile = db.collection<Profiled>("system.profile");
  await db.command({ profile: 2 });
  let since = new Date(0);
  const take = async () => {
    // What was done before this mark has been written down when it has.
    const mark = { _id: `mark ${randomToken()}` as never };
    await db.collection(collectionName).findOne(mark);
    let end: Profiled | null = null;
    while (end === null) end = await profile.findOne({ "command.filter": mark });
    const seen = await profile.find({ ns: namespace, ts: { $gte: since, $lt: end.ts } }).toArray();
    since = end.ts;
    return seen
      .filter(({ command }) => !/^mark /.test(command.filter?._id ?? ""))
      .map(({ command }) => Object.keys(command)[0]!)
      .filter((name) => !["aggregate", "getMore", "killCursors"].includes(name));
  };
  await take();
  return { take, stop: () => db.command({ profile: 0 }) };
}

/** What the [profiler](https://www.mongodb.com/docs/manual/reference/database-profiler/) writes down. */
interface Profiled {
  readonly ns: string;
  readonly ts: Date;
  readonly command: { readonly filter?: { readonly _id?: string } };
}
