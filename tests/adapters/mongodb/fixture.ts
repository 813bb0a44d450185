import { Effect } from "effect";
import type { Collection, CommandStartedEvent, MongoClient } from "mongodb";
import { after } from "node:test";
import type { MongodbCollection } from "../../../adapters/mongodb.ts";
import { randomToken } from "../../../src/model/token.ts";
import { withoutServer } from "../../support/address.ts";
import { type Deployment, newestDriver, openMongodb } from "./clients.ts";

/** Why a deployment's tests are skipped; false if they aren't. */
export const skipOf = ({ url, variable }: Deployment): string | false =>
  url === undefined ? withoutServer(variable) : false;

export const run = Effect.runPromise;

/** The name of a database of its own. */
export const newDatabase = (): string => `test_${randomToken()}`;

/** A key of its own. */
export const newKey = (): string => `test:${randomToken()}`;

const ignored = new Set(["hello", "ismaster", "ping", "endSessions", "killCursors", "getMore"]);

/** A collection over a client of its own. */
export interface Opened {
  readonly collection: Collection<Stored>;
  readonly client: MongoClient;
  /** The commands that the client has sent. */
  readonly commands: CommandStartedEvent["command"][];
  /** Their names since the last time. */
  readonly take: () => string[];
}

/** The options of an adapter there. */
export const optionsOf = ({ collection }: Opened) => ({ collection });

/** Opens collections of a deployment in one database, which is gone in the end. */
export function openIn(url: string | undefined) {
  const database = newDatabase();
  const clients: MongoClient[] = [];
  after(async () => {
    await clients[0]?.db(database).dropDatabase();
    await Promise.all(clients.map((client) => client.close()));
  });
  return async (name = "cache", driver = newestDriver, address = url!): Promise<Opened> => {
    const client = await openMongodb(await driver(), address, { monitorCommands: true });
    clients.push(client);
    const commands: CommandStartedEvent["command"][] = [];
    client.on("commandStarted", ({ commandName, command }) => {
      if (!ignored.has(commandName)) commands.push(command);
    });
    const collection = client.db(database).collection<Stored>(name);
    return { collection, client, commands, take: () => commands.splice(0).map(nameOf) };
  };
}

/** What the adapter keeps. */
export interface Stored {
  readonly _id: string;
  readonly value?: unknown;
  readonly owner?: string;
  readonly expires?: Date;
}

/** A collection some of whose methods first wait for something else, and some are replaced. */
export function instead(
  collection: Collection<Stored>,
  first: Readonly<Record<string, () => unknown>>,
  replaced: Readonly<Record<string, unknown>> = {},
): MongodbCollection {
  return new Proxy(collection as MongodbCollection, {
    get(_, name: string) {
      const { [name as keyof typeof collection]: value } = collection;
      if (name in replaced) return replaced[name];
      if (typeof value !== "function") return value;
      const call = (value as (...args: unknown[]) => unknown).bind(collection);
      return !(name in first) ? call : async (...args: unknown[]) => {
        await first[name]!();
        return await call(...args);
      };
    },
  });
}

export function nameOf(command: object): string {
  return Object.keys(command)[0]!;
}
