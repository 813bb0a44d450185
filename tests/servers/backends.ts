import process from "node:process";
import { beforeQuitting } from "./before_quitting.ts";
import type { Description, Running } from "./description.ts";
import { dynamodb } from "./dynamodb.ts";
import { variableOf } from "./environment.ts";
import { memcached } from "./memcached.ts";
import { mongodb, mongodbReplicaSet } from "./mongodb.ts";
import { pgbouncer, postgres } from "./postgres.ts";
import { redis, redisCluster } from "./redis.ts";
import { s3 } from "./s3.ts";
import { toxiproxy } from "./toxiproxy.ts";
import { workersOf } from "./workers.ts";

/** The servers that the suites know, beside workerd. */
const descriptions: readonly Description[] = [
  dynamodb,
  memcached,
  mongodb,
  mongodbReplicaSet,
  pgbouncer,
  postgres,
  redis,
  redisCluster,
  s3,
  toxiproxy,
];

/** A real server that the suites run against. */
export interface Server extends Running {
  /** The backend's name: `redis`. */
  readonly backend: string;
}

/** A server that the suites have to do without. */
export interface Missing {
  /** The backend's name: `redis`. */
  readonly backend: string;
  /** Why it isn't there. */
  readonly reason: string;
}

/** The servers that there are. */
export interface Backends {
  readonly servers: readonly Server[];
  readonly missing: readonly Missing[];
  /** Their addresses, as the suites and the examples expect them. */
  readonly env: Readonly<Record<string, string>>;
  /** Stops those that were started here. */
  stop(): Promise<void>;
}

/** How servers are found. */
export interface FindOptions {
  /** Fetches or builds those that no package of the system has; otherwise they are missing. */
  readonly fetch: boolean;
}

/** The names of the backends that this machine has no server of. */
export async function missingBackends(options: FindOptions): Promise<string[]> {
  const missing: string[] = [];
  await Promise.all(descriptions.map(async ({ backend, find }) => {
    if (!process.env[variableOf(backend)]) await find(options).catch(() => missing.push(backend));
  }));
  return missing.sort();
}

/**
 * Starts the servers that this machine has, but for those whose addresses are in the environment: `REDIS_URL`, … workerd
 * runs the Worker that this gives.
 */
export async function startBackends(
  worker: () => Promise<string>,
  options: FindOptions,
): Promise<Backends> {
  const servers: Server[] = [];
  const missing: Missing[] = [];
  await Promise.all([...descriptions, workersOf(worker)].map(async ({ backend, find, start }) => {
    try {
      const url = process.env[variableOf(backend)];
      if (!url) await find(options);
      const running = url ? elsewhere(url) : await start();
      servers.push({ backend, ...running });
    } catch (error) {
      missing.push({ backend, reason: error instanceof Error ? error.message : String(error) });
    }
  }));
  const env: Record<string, string> = {};
  for (const server of servers) {
    Object.assign(env, server.env, { [variableOf(server.backend)]: server.url });
  }
  const stop = async () => {
    stay();
    await Promise.all(servers.map((server) => server.stop()));
  };
  const stay = beforeQuitting(stop);
  return { servers: inOrder(servers), missing: inOrder(missing), env, stop };
}

const ELSEWHERE = "named by the environment";

function elsewhere(url: string): Running {
  return { version: ELSEWHERE, url, stop: () => Promise.resolve() };
}

/** Whether a server was not started here. */
export function isElsewhere({ version }: Server): boolean {
  return version === ELSEWHERE;
}

function inOrder<T extends { readonly backend: string }>(items: readonly T[]): T[] {
  return [...items].sort((a, b) => a.backend < b.backend ? -1 : 1);
}
