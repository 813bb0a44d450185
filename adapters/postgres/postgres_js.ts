import { checkMethods, hasMethods } from "../kit/options.ts";
import { type PushDriver, sharedPush, unref } from "../kit/push.ts";
import { hearsOthers, sessionOf, tell, topicsOn } from "./session.ts";
import type { PostgresCommands } from "./table.ts";
import type { PostgresClient, PostgresRow, PostgresSubscriber } from "./options.ts";

/** The commands of a postgres.js client. Throws a `TypeError` for what is none. */
export function postgresJsCommands(
  sql: PostgresClient,
  subscriber: PostgresSubscriber | false = sql,
): PostgresCommands {
  checkMethods("sql", ["unsafe", "listen"], "a postgres.js client, and no transaction", sql);
  if (subscriber !== false) {
    checkMethods("subscriber", ["listen"], "a postgres.js client or false", subscriber);
  }
  for (const [option, client] of Object.entries({ sql, subscriber })) {
    // Bun's client has the same functions, but gives numbers as other bytes, and its `unlisten` loses its object.
    if (!hasMethods(client, "beginDistributed")) continue;
    throw new TypeError(`\`${option}\` must be a postgres.js client, and is Bun's SQL`);
  }
  return {
    query: (statement, parameters) => sql.unsafe(statement, parameters, { prepare: true }).raw(),
    pushOn: (channel) =>
      subscriber === false
        ? undefined
        : sharedPush(subscriber, channel, () => driverOf(sql, subscriber, channel)),
    sessionOn: (channel) => subscriber === false ? undefined : sessionOf(subscriber, channel),
  };
}

/**
 * What postgres.js keeps on its `listen`, and documents nowhere: the client that it has opened to listen, of one connection,
 * which has no other way to be closed, and by channel the latest statement that listens to it. After a loss it sends another, and tells
 * nobody where that fails.
 */
interface ListenFields {
  readonly channels: Record<string, { readonly result: PromiseLike<unknown> }>;
  sql?: {
    close(): PromiseLike<unknown>;
    unsafe(statement: string): { raw(): PromiseLike<readonly PostgresRow[]> };
  };
}

/** Throws where a field is missing, once the channel was listened to. */
function checkFields({ channels, sql }: Partial<ListenFields>, channel: string): void {
  const isThere = {
    channels: hasMethods(channels?.[channel]?.result, "then"),
    sql: hasMethods(sql, "close", "unsafe"),
  };
  for (const [field, known] of Object.entries(isThere)) {
    if (known) continue;
    throw new TypeError(
      `the client's \`listen.${field}\` is missing, which postgres.js 3.4 has: use that, or \`subscriber: false\``,
    );
  }
}

/** How often a connection is checked for a new statement that listens, in milliseconds. */
const CHECK_MS = 500;

/** Pushes by one channel. After a loss postgres.js connects and listens again by itself. */
function driverOf(
  sql: PostgresClient,
  subscriber: PostgresSubscriber,
  channel: string,
): PushDriver {
  const fields = subscriber.listen as Partial<ListenFields>;
  const session = sessionOf(subscriber, channel);
  // A connection that is given up while it opens is closed after the next was opened.
  let listeners = 0;
  // A client that has ended stays so; its `listen` would open a connection that nothing ends.
  let over: unknown;
  return {
    async open({ message, back, ended }) {
      if (over !== undefined) throw over;
      let isUp = false;
      let unlisten = (): PromiseLike<unknown> => Promise.resolve();
      let check: ReturnType<typeof setInterval> | undefined;
      let hears: Promise<boolean> | undefined;
      let heard = () => {};
      const hearing = new Promise<void>((resolve) => heard = resolve);
      const test = `${Math.random()}`;
      const notified = (payload: string) => payload === test ? heard() : tell(message, payload);
      const onlisten = () => {
        if (isUp) back();
        isUp = true;
      };
      const close = (topics: readonly string[] = []) => {
        clearInterval(check);
        listeners--;
        const closing = listeners === 0 && closeClient(fields, channel);
        if (!closing) unsubscribe(topics);
        leave();
        (closing || unlisten()).then(ignore, ignore);
        if (listeners === 0) delete fields.channels?.[channel];
      };
      // A lock would stay with a connection of a pooler.
      const notify = () =>
        sql.unsafe("select pg_notify($1, $2)", [channel, test], { prepare: true }).raw();
      const listening = () => fields.channels?.[channel]?.result;
      // What is lost with the connection tells nothing.
      const tried = async () => {
        const known = listening();
        if (await hearsOthers(notify, hearing)) return true;
        if (listening() !== known) throw new Error("the connection for LISTEN was lost");
        return false;
      };
      const { subscribe, unsubscribe, leave } = topicsOn(session, channel, async (statement) => {
        hears ??= tried().catch((error) => {
          hears = undefined;
          if (hasEnded(error)) over = error;
          throw error;
        });
        return await hears ? await fields.sql!.unsafe(statement).raw() : [];
      });
      listeners++;
      try {
        ({ unlisten } = await subscriber.listen(channel, notified, onlisten));
        checkFields(fields, channel);
        let known = listening();
        check = unref(setInterval(() => {
          const result = listening();
          if (result !== known) result?.then(ignore, ended);
          known = result;
        }, CHECK_MS));
      } catch (error) {
        close();
        throw error;
      }
      return { subscribe, unsubscribe, close };
    },
  };
}

/**
 * Closes the client that listens, if it listens to nothing else: the `unlisten` of postgres.js does nothing once the
 * connection was lost and opened again. A client that is closed while its connection is lost never connects again, so that
 * who listens next has postgres.js make a new one.
 */
function closeClient(fields: Partial<ListenFields>, channel: string) {
  const { channels, sql } = fields;
  const isAlone = channels && Object.keys(channels).every((name) => name === channel);
  if (!isAlone || !sql?.close) return undefined;
  delete fields.sql;
  return sql.close();
}

function hasEnded(error: unknown): boolean {
  return (error as { readonly code?: unknown } | undefined)?.code === "CONNECTION_ENDED";
}

function ignore(): void {}
