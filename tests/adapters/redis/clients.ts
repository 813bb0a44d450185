import { Effect, type Scope } from "effect";
import type { Redis } from "ioredis";
import process from "node:process";
import type {
  NodeRedisClient,
  NodeRedisSubscriber,
  RedisClient,
  RedisSubscriber,
} from "../../../adapters/redis.ts";
import { randomToken } from "../../../src/model/token.ts";
import { variable } from "../../support/address.ts";

/** Where the server is. */
export const redisUrl: string | undefined = variable("REDIS_URL");

/** Where the cluster is. */
export const redisClusterUrl: string | undefined = variable("REDIS_CLUSTER_URL");

/** One version of ioredis. */
export interface Ioredis {
  readonly version: 5 | 6;
  readonly Redis: typeof import("ioredis").Redis;
  readonly Cluster: typeof import("ioredis").Cluster;
}

/** The versions of ioredis that this runtime has, newest first. They are loaded late, as they look at the environment. */
export async function ioredisVersions(): Promise<[newest: Ioredis, oldest: Ioredis]> {
  const { Redis, Cluster } = await import("ioredis");
  const five: Ioredis = { version: 5, Redis, Cluster };
  if (Number(process.versions.node.split(".")[0]) < 20) return [five, five];
  const six = await import("ioredis6") as unknown as typeof import("ioredis");
  return [{ version: 6, Redis: six.Redis, Cluster: six.Cluster }, five];
}

/** A library beside ioredis, by the name that the import map has for it. */
export type Library = "iovalkey" | "redis" | "redis5";

/** The libraries beside ioredis that this runtime has: node-redis 6, whose package is `redis`, needs Node 20. */
export const libraries: readonly Library[] = Number(process.versions.node.split(".")[0]) < 20
  ? ["redis5", "iovalkey"]
  : ["redis", "redis5", "iovalkey"];

/** A client of one of these libraries. */
export interface Opened {
  readonly client: RedisClient & RedisSubscriber;
  ping(): Promise<unknown>;
  close(): void;
}

/** Opens a client of a server, or of a cluster, with the options of its library. */
export async function openClient(
  library: Library,
  { url, cluster = false, ...options }: {
    readonly url: string;
    readonly cluster?: boolean;
    readonly [more: string]: unknown;
  },
): Promise<Opened> {
  if (library === "iovalkey") {
    const { Cluster, Redis } = await import("iovalkey");
    const client = cluster ? new Cluster([url], options) : new Redis(url, options);
    client.on("error", () => {});
    return { client, ping: () => client.ping(), close: () => client.disconnect() };
  }
  const redis = library === "redis5"
    ? await import("redis5") as unknown as typeof import("redis")
    : await import("redis");
  if (!cluster) return await openNodeRedis(redis.createClient({ url, ...options }));
  return await openNodeRedis(redis.createCluster({ rootNodes: [{ url }], ...options }));
}

/** Connects a client of node-redis. */
export async function openNodeRedis(
  client: NodeRedisClient & NodeRedisSubscriber & {
    connect(): Promise<unknown>;
    destroy(): unknown;
  },
): Promise<Opened> {
  client.on("error", () => {});
  await client.connect();
  return {
    client,
    ping: () => client.get("ping"),
    close() {
      if (client.isOpen) client.destroy();
    },
  };
}

/** Closes the connections of a client of any library at once, as its process's death does. */
export function hangUp(client: RedisClient): void {
  const { destroy, disconnect, isOpen } = client as unknown as {
    destroy?(): void;
    disconnect(): void;
    readonly isOpen?: boolean;
  };
  if (destroy === undefined) disconnect.call(client);
  else if (isOpen) destroy.call(client);
}

/** A client that is closed with the scope. */
export function opened<Client extends { disconnect(): void }>(
  open: () => Client,
): Effect.Effect<Client, never, Scope.Scope> {
  return Effect.acquireRelease(
    Effect.sync(open),
    (client) => Effect.sync(() => client.disconnect()),
  );
}

/** The commands that a server is sent from now on, without those of scripts, and those of the connections' own. */
export async function monitor(client: Redis): Promise<Monitor> {
  const connection = await monitoring(client);
  const commands: string[][] = [];
  connection.on("monitor", (_time: string, args: string[], source: string) => {
    if (source !== "lua" && !handshake.has(args[0]!.toLowerCase())) commands.push(args);
  });
  return {
    // What was sent before this command has been seen when it is.
    async take() {
      const mark = `mark ${randomToken()}`;
      await client.echo(mark);
      // Others may have sent something since.
      const end = () => commands.findIndex(([, text]) => text === mark);
      while (end() < 0) await new Promise((resolve) => setTimeout(resolve, 1));
      return commands.splice(0, end() + 1).filter(([name]) => name!.toLowerCase() !== "echo");
    },
    stop: () => connection.disconnect(),
  };
}

/** ioredis can't bear that others send commands at the moment in which it begins: it is tried again. */
async function monitoring(client: Redis): Promise<Redis> {
  for (let left = 4;; left--) {
    const connection = client.duplicate({ monitor: true, lazyConnect: false });
    try {
      await new Promise((resolve, reject) => {
        connection.once("monitoring", resolve).once("error", reject);
      });
      return connection;
    } catch (error) {
      connection.disconnect();
      if (left === 0) throw error;
    }
  }
}

/** What {@linkcode monitor} saw. */
export interface Monitor {
  /** What has been sent since the last time. */
  take(): Promise<string[][]>;
  stop(): void;
}

const handshake = new Set(["hello", "auth", "select", "client", "info", "cluster", "quit"]);
