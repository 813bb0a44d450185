import { bytesOf } from "../kit/data.ts";
import { checkMethods } from "../kit/options.ts";
import { type PushDriver, sharedPush, unref } from "../kit/push.ts";
import { sharedBy } from "../kit/shared.ts";
import type { PgPool, PgQuery, PostgresParameter, PostgresRow } from "./options.ts";
import { hearsOthers, sessionOf, tell, topicsOn } from "./session.ts";
import type { PostgresCommands } from "./table.ts";

/** The commands of a pool of pg. Throws a `TypeError` for what is none. */
export function pgCommands(pool: PgPool, subscriber: PgPool | false = pool): PostgresCommands {
  checkMethods("pool", poolMethods, "a `Pool` of pg", pool);
  if (subscriber !== false) {
    checkMethods("subscriber", poolMethods, "a `Pool` of pg or false", subscriber);
  }
  return {
    query: (statement, parameters) => query(pool, statement, parameters),
    pushOn: (channel) =>
      subscriber === false
        ? undefined
        : sharedPush(subscriber, channel, () => driverOf(subscriber, channel)),
    sessionOn: (channel) => subscriber === false ? undefined : sessionOf(subscriber, channel),
  };
}

/** A client of pg has the others, too, but one connection, which may be in a transaction. */
const poolMethods = ["query", "connect", "on", "Client"];

/** As the server writes it, whatever parsers the program has set. */
const types = { getTypeParser: () => (text: string) => text };

/** Sends a statement without a name: poolers in transaction mode may know none that was prepared. */
async function query(
  pool: Pick<PgPool, "query">,
  text: string,
  values: PostgresParameter[],
): Promise<readonly PostgresRow[]> {
  try {
    // Several statements at once have several results, without rows.
    const { rows = [] } = await pool.query({ text, values, rowMode: "array", types });
    return rows.map((row) => row.map((column) => column === null ? null : bytesOf(String(column))));
  } catch (error) {
    throw ended(error);
  }
}

/** pg gives no code to the error of a connection that was ended. */
function ended(error: unknown): unknown {
  const isEnded = error instanceof Error && !("code" in error) &&
    /^Connection terminated( unexpectedly)?$|is not queryable$/.test(error.message);
  return isEnded ? Object.assign(error, { code: "CONNECTION_CLOSED" }) : error;
}

/** How often it is looked whether the pool is being closed, in milliseconds. */
const CHECK_MS = 250;

/** After how long it is tried again, in milliseconds: the server may have been slow. */
const DEAF_MS = 60_000;

/** Whether a pool's connections hear what others send; it takes some time to find out. */
interface Ears {
  /** True once they have. */
  hear: boolean;
  /** When it is tried again, by `performance.now()`. */
  deafUntil: number;
}

/** What a pool has that its types leave out: it makes its connections as `new Client(options)`. */
interface PoolFields extends PgPool {
  readonly Client: new (options: unknown) => Connection;
}

interface Connection {
  connect(): Promise<unknown>;
  query(text: string): Promise<unknown>;
  query(query: PgQuery): Promise<{ readonly rows: unknown[][] }>;
  on(event: string, listener: (what: never) => void): unknown;
  removeListener(event: string, listener: (what: never) => void): unknown;
  /** Has it keep no process alive. */
  unref?(): void;
  end(): Promise<unknown>;
}

/**
 * Pushes by one channel, over a connection of its own, which is made as the pool's. One of the pool's would hold up its
 * `end`, and the end of the process. pg doesn't connect again by itself.
 */
function driverOf(pool: PgPool, channel: string): PushDriver {
  const session = sessionOf(pool, channel);
  const ears = sharedBy(pool, "ears", (): Ears => ({ hear: false, deafUntil: 0 }));
  const listen = `listen "${channel.replaceAll('"', '""')}"`;
  return {
    async open({ message, ended }) {
      if (pool.ending || performance.now() < ears.deafUntil) return undefined;
      const { Client, options } = pool as PoolFields;
      const connection = new Client(options);
      const send = (statement: string) => query(connection, statement, []);
      const { leave, ...topics } = topicsOn(session, channel, send);
      let heard = () => {};
      const hearing = new Promise<void>((resolve) => heard = resolve);
      let lost = (_error: Error) => {};
      const losing = new Promise<never>((_, reject) => lost = reject);
      losing.catch(ignore);
      const test = `${Math.random()}`;
      const notified = ({ channel: on, payload }: { channel: string; payload?: string }) => {
        if (on !== channel) return;
        if (payload === test) heard();
        else tell(message, payload ?? "");
      };
      const lose = (error = new Error("the connection for LISTEN was lost")) => {
        lost(error);
        ended(error);
      };
      const check = unref(setInterval(() => {
        if (pool.ending) lose(new Error("the pool is being closed"));
      }, CHECK_MS));
      // A connection that ends has two errors, and one without a listener ends the process.
      connection.on("error", lose);
      connection.on("end", lose);
      connection.on("notification", notified);
      let isOpen = true;
      const close = () => {
        if (!isOpen) return;
        isOpen = false;
        leave();
        clearInterval(check);
        connection.removeListener("notification", notified);
        connection.unref?.();
        connection.end().catch(ignore);
      };
      const listening = async () => {
        await connection.connect();
        await connection.query(listen);
        const notify = () => query(pool, "select pg_notify($1, $2)", [channel, test]);
        ears.hear ||= await hearsOthers(notify, hearing);
      };
      try {
        // A pool that is closed may never answer a query that waits for a connection.
        await Promise.race([listening(), losing]);
        // Not before: nothing else may keep the process while it opens. Whoever waits then has timers of their own.
        connection.unref?.();
      } catch (error) {
        close();
        throw error;
      }
      if (!ears.hear) {
        ears.deafUntil = performance.now() + DEAF_MS;
        close();
        return undefined;
      }
      return { ...topics, close };
    },
  };
}

function ignore(): void {}
