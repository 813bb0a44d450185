/** A statement with its parameters. */
export interface D1Statement {
  /** The same statement with values for its parameters, `?1` first. */
  bind(...values: unknown[]): D1Statement;
}

/**
 * The methods that adapters use of a [D1 binding](https://developers.cloudflare.com/d1/worker-api/d1-database/). It is
 * declared here, so that no version of Cloudflare's types has to match.
 */
export interface D1Database {
  /** Makes a statement. */
  prepare(sql: string): D1Statement;
  /** Runs statements in one transaction and in one round trip. */
  batch(statements: never): Promise<readonly { readonly results?: readonly unknown[] }[]>;
}
