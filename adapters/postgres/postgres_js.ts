import { checkMethods, hasMethods } from "../kit/options.ts";
import { type PushDriver, sharedPush, unref } from "../kit/push.ts";
import type { PostgresCommands } from "./table.ts";
import type { PostgresClient, PostgresSubscriber } from "./options.ts";

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
        : sharedPush(subscriber, channel, () => driverOf(subscriber, channel)),
  };
}

/**
 * What postgres.js keeps on its `listen`, and documents nowhere: the client that it has opened to listen, which has no
 * other way to be closed, and by channel the latest statement that listens to it. After a loss it sends another, and tells
 * nobody where that fails.
 */
interface ListenFields {
  readonly channels: Record<string, { readonly result: PromiseLike<unknown> }>;
  sql?: { close(): PromiseLike<unknown> };
}

/** Throws where a field is missing, once the channel was listened to. */
function checkFields({ channels, sql }: Partial<ListenFields>, channel: string): void {
  const isThere = {
    channels: hasMethods(channels?.[channel]?.result, "then"),
    sql: hasMethods(sql, "close"),
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
function driverOf(subscriber: PostgresSubscriber, channel: string): PushDriver {
  const fields = subscriber.listen as Partial<ListenFields>;
  // A connection that is given up while it opens is closed after the next was opened.
  let listeners = 0;
  return {
    async open({ message, back, ended }) {
      let isUp = false;
      let unlisten = (): PromiseLike<unknown> => Promise.resolve();
      let check: ReturnType<typeof setInterval> | undefined;
      const onlisten = () => {
        if (isUp) back();
        isUp = true;
      };
      const close = () => {
        clearInterval(check);
        listeners--;
        const closing = listeners === 0 && closeClient(fields, channel);
        (closing || unlisten()).then(ignore, ignore);
        if (listeners === 0) delete fields.channels?.[channel];
      };
      listeners++;
      try {
        ({ unlisten } = await subscriber.listen(channel, message, onlisten));
        checkFields(fields, channel);
        const statement = () => fields.channels?.[channel]?.result;
        let known = statement();
        check = unref(setInterval(() => {
          const result = statement();
          if (result !== known) result?.then(ignore, ended);
          known = result;
        }, CHECK_MS));
      } catch (error) {
        close();
        throw error;
      }
      return { subscribe: () => Promise.resolve(), unsubscribe: ignore, close };
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

function ignore(): void {}
