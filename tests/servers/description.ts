/** A server that runs, whoever started it. */
export interface Running {
  /** What it says that it is: `Redis 7.0.15`. */
  readonly version: string;
  /** Where it is. */
  readonly url: string;
  /** What else the suites have to know, as variables of the environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** Stops it. */
  stop(): Promise<void>;
}

/** How one backend's server comes to be there. */
export interface Description {
  /** The backend's name: `redis-cluster`; suites find its address in `REDIS_CLUSTER_URL`. */
  readonly backend: string;
  /**
   * Looks for its program, and rejects where it is missing; the message says what to install. With `fetch`, a program that no
   * package of the system has is fetched or built first, and kept.
   */
  find(options: { readonly fetch: boolean }): Promise<unknown>;
  /** Starts one on a free port of the loopback. Rejects where that can't be done; the message says what is missing. */
  start(): Promise<Running>;
}
