import type { Place } from "../../tests/support/connection.ts";
import type { Description, Running } from "../../tests/servers/description.ts";
import { dynamodb, startDynamodb } from "../../tests/servers/dynamodb.ts";
import { memcached, startMemcached } from "../../tests/servers/memcached.ts";
import { mongodbReplicaSet, startMongodb } from "../../tests/servers/mongodb.ts";
import { postgres, postgresAt, startPostgresServer } from "../../tests/servers/postgres.ts";
import {
  redis,
  redisAt,
  redisCluster,
  startRedisCluster,
  startRedisServer,
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
}

/** All of them, in the order in which they are told of. */
export const faultyBackends: readonly FaultyBackend[] = [
  {
    description: redis,
    connection: "redis/connection",
    restart: ([port], { REDIS_SERVER }) => startRedisServer(REDIS_SERVER!, { port }),
    place: ([port]) => ({ url: redisAt(`127.0.0.1:${port}`) }),
  },
  {
    description: redisCluster,
    connection: "redis/connection",
    ports: ({ env }) => env!["REDIS_CLUSTER_PORTS"]!.split(",").map(Number),
    restart: (ports, { REDIS_SERVER }) => startRedisCluster(REDIS_SERVER!, { ports }),
    place: (by, ports) => ({
      url: redisAt(`127.0.0.1:${by[0]}`),
      cluster: true,
      // The nodes tell of themselves by the ports that they have.
      natMap: Object.fromEntries(
        ports.map((port, node) => [`127.0.0.1:${port}`, { host: "127.0.0.1", port: by[node] }]),
      ),
    }),
  },
  {
    description: postgres,
    connection: "postgres/connection",
    restart: ([port], { POSTGRES_PROGRAMS }) => startPostgresServer(POSTGRES_PROGRAMS!, { port }),
    // Its clients pause up to 20 s between two attempts to connect otherwise.
    place: ([port]) => ({ url: postgresAt(`127.0.0.1:${port}`), backoff: 0.1 }),
  },
  {
    description: mongodbReplicaSet,
    connection: "mongodb/connection",
    restart: ([port], { MONGODB_SERVER }) =>
      startMongodb(MONGODB_SERVER!, { port, replicaSet: true }),
    // Its member knows itself by an address that leads past the network. Clients look for a server for half a minute.
    place: ([port]) => ({
      url: `mongodb://127.0.0.1:${port}/?directConnection=true`,
      serverSelectionTimeoutMS: 2000,
    }),
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
