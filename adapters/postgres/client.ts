import type { Push } from "../kit/push.ts";

/** A parameter of a statement. */
export type PostgresParameter = string | number | Uint8Array | null;

/** A row of a statement's answer: each column as the server sent it. */
export interface PostgresRow {
  /** A column, by its index; text as the server writes it. */
  readonly [column: number]: Uint8Array | null;
}

/** What the adapter asks of a client, whichever library made it: each has a file of its own that says how. */
export interface PostgresCommands {
  /** Sends a statement, with its values apart. What the server refuses is an error with its code as `code`. */
  query(statement: string, parameters: PostgresParameter[]): PromiseLike<readonly PostgresRow[]>;
  /** Notifications on a channel, whose payloads are the topics; undefined where no connection listens. */
  pushOn(channel: string): Push | undefined;
}
