import type { Place } from "../../tests/support/connection.ts";
import type { Description, Running } from "../../tests/servers/description.ts";
import { dynamodb, startDynamodb } from "../../tests/servers/dynamodb.ts";
import { memcached, startMemcached } from "../../tests/servers/memcached.ts";
import { mongodbReplicaSet, startMongodb, stepDown } from "../../tests/servers/mongodb.ts";
import {
  postgres,
  postgresAt,
  startPostgresServer,
  startStandby,
} from "../../tests/servers/postgres.ts";
import {
  killRedis,
  redis,
  redisAt,
  redisCluster,
  redisCommand,
  startRedisCluster,
  startRedisServer,
  startReplica,
  startReplicas,
  takeOver,
} from "../../tests/servers/redis.ts";
import { s3, startS3Server } from "../../tests/servers/s3.ts";

/** A backend whose server and network are to fail. */
export interface FaultyBackend {
  readonly description: Description;
  /** The module of tests/adapters/ that opens its clients: `redis/connection`. */
  readonly connection: string;
  /** The ports of a server that runs; its only one by default. */
  readonly ports?: (running: Running) => number[];
  /** Starts it again, empty, on the same ports. */
  readonly restart: (
    ports: readonly number[],
    env: Readonly<Record<string, string>>,
  ) => Promise<Pick<Running, "stop">>;
  /** False where a delete and a conditional write at one moment may both be acknowledged, and only the write be made. */
  readonly deletes?: false;
  /** Where clients find it that reach each of its ports by another. */
  readonly place: (by: readonly number[], ports: readonly number[]) => Place;
  /** The same of the connections alone that processes are told by; no L1 is judged without it. */
  readonly push?: (by: readonly number[], ports: readonly number[]) => object;
  /**
   * How long a change may be hidden from an L1 where changes are told, in milliseconds, if a message that is lost isn't
   * missed: its entries are as old at most. 3 seconds by default.
   */
  readonly hides?: number;
  /** Has another server, or the same one anew, take its place; what it resolves with is that which was started. */
  readonly failOver?: (
    ports: readonly number[],
    env: Readonly<Record<string, string>>,
    site: Succession,
  ) => Promise<Pick<Running, "stop"> | undefined>;
}

/** What another server takes a server's place with. */
export interface Succession {
  /** Kills the server, or what `end` ends of it. */
  readonly kill: (end?: () => Promise<void>) => Promise<void>;
  /** Has clients find another in its place. */
  readonly lead: (port: number) => Promise<void>;
}

/** All of them, in the order in which they are told of. */
export const faultyBackends: readonly FaultyBackend[] = [
  {
    description: redis,
    connection: "redis/connection",
    restart: ([port], { REDIS_SERVER }) => startRedisServer(REDIS_SERVER!, { port }),
    place: ([port]) => ({ url: redisAt(`127.0.0.1:${port}`) }),
    push: ([port]) => ({ push: { url: redisAt(`127.0.0.1:${port}`) } }),
    async failOver([port], { REDIS_SERVER }, { kill, lead }) {
      const replica = await startReplica(REDIS_SERVER!, port!);
      await kill();
      await redisCommand(replica.port, "REPLICAOF NO ONE");
      await lead(replica.port);
      return replica;
    },
  },
  {
    description: redisCluster,
    connection: "redis/connection",
    ports: ({ env }) => env!["REDIS_CLUSTER_PORTS"]!.split(",").map(Number),
    restart: (ports, { REDIS_SERVER }) => startRedisCluster(REDIS_SERVER!, { ports }),
    place: (by, ports) => ({ cluster: true, ...clusterAt(by, ports) }),
    push: (by, ports) => ({ push: clusterAt(by, ports) }),
    hides: 5000,
    async failOver(ports, { REDIS_SERVER }, { kill, lead }) {
      const replicas = await startReplicas(REDIS_SERVER!, { ports });
      const now = [...ports];
      for (const [node, replica] of replicas.ports.entries()) {
        await kill(() => killRedis(ports[node]!));
        now[node] = replica;
        await takeOver(replica, now);
      }
      // Who has known none but the old ones asks there.
      await lead(replicas.ports[0]!);
      return replicas;
    },
  },
  {
    description: postgres,
    connection: "postgres/connection",
    restart: ([port], { POSTGRES_PROGRAMS }) => startPostgresServer(POSTGRES_PROGRAMS!, { port }),
    // Its clients pause up to 20 s between two attempts to connect otherwise.
    place: ([port]) => ({ url: postgresAt(`127.0.0.1:${port}`), backoff: 0.1 }),
    push: ([port]) => ({ pushUrl: postgresAt(`127.0.0.1:${port}`) }),
    async failOver([port], { POSTGRES_PROGRAMS }, { kill, lead }) {
      const standby = await startStandby(POSTGRES_PROGRAMS!, { port: port! });
      await kill();
      const { default: postgres } = await import("postgres");
      const sql = postgres(standby.url, { max: 1, fetch_types: false });
      await sql`select pg_promote()`;
      await sql.end();
      await lead(standby.port);
      return standby;
    },
  },
  {
    description: mongodbReplicaSet,
    connection: "mongodb/connection",
    restart: ([port], { MONGODB_SERVER }) =>
      startMongodb(MONGODB_SERVER!, { port, replicaSet: true }),
    // Its member knows itself by an address that leads past the network. Clients look for a server for half a minute.
    place: ([port]) => ({ url: mongodbAt(port), serverSelectionTimeoutMS: 2000 }),
    push: ([port]) => ({ pushUrl: mongodbAt(port) }),
    async failOver([port]) {
      await stepDown(port!);
      return undefined;
    },
  },
  {
    description: memcached,
    connection: "memcached/connection",
    restart: ([port], { MEMCACHED_SERVER }) => startMemcached(MEMCACHED_SERVER!, { port }),
    place: ([port]) => ({ url: `127.0.0.1:${port}` }),
  },
  {
    description: dynamodb,
    connection: "dynamodb/connection",
    restart: ([port], { DYNAMODB_SERVER }) => startDynamodb(DYNAMODB_SERVER!, { port }),
    place: ([port]) => ({ url: `http://127.0.0.1:${port}` }),
  },
  {
    description: s3,
    connection: "s3/connection",
    restart: ([port], { S3_SERVER }) => startS3Server(S3_SERVER!, { port }),
    // Over files, it looks at a condition before it writes, and not as it does.
    deletes: false,
    place: ([port]) => ({ url: `http://127.0.0.1:${port}` }),
  },
];

function clusterAt(by: readonly number[], ports: readonly number[]) {
  return {
    url: redisAt(`127.0.0.1:${by[0]}`),
    // The nodes tell of themselves by the ports that they have.
    natMap: Object.fromEntries(
      ports.map((port, node) => [`127.0.0.1:${port}`, { host: "127.0.0.1", port: by[node] }]),
    ),
  };
}

function mongodbAt(port: number | undefined): string {
  return `mongodb://127.0.0.1:${port}/?directConnection=true`;
}
