import type { Codec } from "../../src/store/codec.ts";

/** A parameter of a statement. */
export type PostgresParameter = string | number | Uint8Array | null;

/** A row of a statement's answer: each column as the server sent it. */
export interface PostgresRow {
  /** A column, by its index; text as the server writes it. */
  readonly [column: number]: Uint8Array | null;
}

/** A client for LISTEN. [postgres.js](https://github.com/porsager/postgres#listen--notify) opens a connection for it. */
export interface PostgresSubscriber {
  /** Listens to a channel. It calls `onlisten` each time that it starts to listen, also after a lost connection. */
  listen(
    channel: string,
    onnotify: (payload: string) => void,
    onlisten?: () => void,
  ): PromiseLike<{ unlisten(): PromiseLike<unknown> }>;
}

/**
 * The client, from [postgres.js](https://github.com/porsager/postgres) 3. It is declared here, so that neither types nor
 * copies of postgres.js have to match. The adapter never closes it.
 */
export interface PostgresClient extends PostgresSubscriber {
  /** Sends a statement with its parameters. `raw` returns the rows as bytes, without the client's transforms. */
  unsafe(
    statement: string,
    parameters: PostgresParameter[],
    options: { readonly prepare: boolean },
  ): { raw(): PromiseLike<readonly PostgresRow[]> };
}

/** A statement, as pg takes it. */
export interface PgQuery {
  /** The statement. */
  text: string;
  /** Its parameters. */
  values?: PostgresParameter[];
  /** Rows come as arrays. */
  rowMode: "array";
  /** What makes a column's value of its text. */
  types: { getTypeParser(): (text: string) => string };
}

/** A pool of [pg](https://node-postgres.com/apis/pool) 8. It is declared here, so that neither types nor copies of pg have to match. */
export interface PgPool {
  /** Sends a statement over any connection. */
  query(query: PgQuery): Promise<{ readonly rows: unknown[][] }>;
  /** Connects. */
  connect(): Promise<unknown>;
  /** What its connections are made with; so is the one for LISTEN. */
  readonly options?: object;
  /** True once the user closes it. */
  readonly ending?: boolean;
}

/** Where the adapter keeps entries and leases. */
export interface PostgresTableOptions {
  /**
   * The table, as `table` or `schema.table`, spelt the same in every process: `'cache_locking'` by default, and
   * `'cache_locking_leases'` for leases alone. Both names are quoted, so case counts.
   */
  readonly table?: string | undefined;
  /** Whether the adapter creates a missing table; true by default. With false, the error holds the statements. */
  readonly createTable?: boolean | undefined;
  /** The prefix of keys in the table: none by default. */
  readonly keyPrefix?: string | undefined;
}

/** A client of postgres.js. */
export interface PostgresJsOptions extends PostgresTableOptions {
  /** The client. Only the user closes it. */
  readonly sql: PostgresClient;
  /** Not beside `sql`. */
  readonly pool?: undefined;
  /**
   * The client for LISTEN: `sql` by default. With `false` there is none, and followers poll. Behind a pooler in
   * transaction mode, pass a client without the pooler, or `false`.
   */
  readonly subscriber?: PostgresSubscriber | false | undefined;
}

/** A pool of pg. */
export interface PgOptions extends PostgresTableOptions {
  /** The pool. Only the user closes it. */
  readonly pool: PgPool;
  /** Not beside `pool`. */
  readonly sql?: undefined;
  /**
   * The pool whose options the connection for LISTEN is made with: `pool` by default. With `false` there is none, and
   * followers poll. So they do, by themselves, behind a pooler in transaction mode.
   */
  readonly subscriber?: PgPool | false | undefined;
}

/** The options of {@linkcode postgresLeases}. */
export type PostgresLeasesOptions = PostgresJsOptions | PgOptions;

/** The options of {@linkcode postgresAdapter}. */
export type PostgresAdapterOptions = PostgresLeasesOptions & {
  /** Turns values into text or bytes, which have separate columns; JSON by default. */
  readonly codec?: Codec | undefined;
};
