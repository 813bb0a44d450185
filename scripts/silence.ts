/**
 * Measures what outlives a call whose server never answers: `deno task silence`. Each client has its adapter's read sent
 * through a proxy that then goes silent. The call fails after its `operationTimeout`; what is measured is how long the
 * client itself waits on: until it closes the connection, since a command that it only rejects stays in its queue. docs/operating.md says what was seen.
 */
import { createConnection, createServer, type Socket } from "node:net";
import process from "node:process";
import { Effect } from "effect";
import { Cache, type Store } from "../mod.ts";
import { dynamodbAdapter } from "../adapters/dynamodb.ts";
import { memcachedAdapter } from "../adapters/memcached.ts";
import { mongodbAdapter } from "../adapters/mongodb.ts";
import { postgresAdapter } from "../adapters/postgres.ts";
import { redisAdapter } from "../adapters/redis.ts";
import { s3Adapter } from "../adapters/s3.ts";
import { sqliteAdapter } from "../adapters/sqlite.ts";
import * as dynamo from "../tests/adapters/dynamodb/clients.ts";
import { openMemcached } from "../tests/adapters/memcached/clients.ts";
import { newestDriver, openMongodb } from "../tests/adapters/mongodb/clients.ts";
import * as objects from "../tests/adapters/s3/clients.ts";
import { atOnce } from "../tests/support/at_once.ts";
import type { Description } from "../tests/servers/description.ts";
import { dynamodb } from "../tests/servers/dynamodb.ts";
import { memcached } from "../tests/servers/memcached.ts";
import { mongodb } from "../tests/servers/mongodb.ts";
import { postgres } from "../tests/servers/postgres.ts";
import { redis } from "../tests/servers/redis.ts";
import { s3 } from "../tests/servers/s3.ts";
import { newSqliteFile } from "../tests/servers/sqlite.ts";
import { readArguments } from "./arguments.ts";
import { table } from "./table.ts";

/** How long is waited for a client to give up, and the call's own `operationTimeout`, in milliseconds. */
const LONGEST = 30_000;
const TIMEOUT = 1_000;

interface Client {
  readonly name: string;
  readonly server: Description;
  /** Opens a client of the server at this address, and its adapter. */
  readonly open: (url: string) => Promise<{ readonly store: Store<unknown>; close(): unknown }>;
}

/** A way to a server, which can be silenced. */
interface Way {
  readonly url: string;
  silence(): void;
  /** Resolves once the client has closed a connection over which it sent something into the silence. */
  readonly givenUp: Promise<void>;
  close(): void;
}

async function openWay(upstream: string): Promise<Way> {
  const address = upstream.includes("//") ? new URL(upstream) : new URL(`tcp://${upstream}`);
  const sockets: Socket[] = [];
  let silent = false;
  let giveUp!: () => void;
  const givenUp = new Promise<void>((resolve) => giveUp = resolve);
  const server = createServer((client) => {
    const onward = createConnection(Number(address.port), "127.0.0.1");
    sockets.push(client, onward);
    let asked = false;
    client.on("data", (data) => {
      if (silent) asked = true;
      else onward.write(data);
    });
    onward.on("data", (data) => void (silent || client.write(data)));
    client.on("close", () => asked && giveUp());
    for (const socket of [client, onward]) socket.on("error", () => {});
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { readonly port: number };
  return {
    url: upstream.replace(`:${address.port}`, `:${port}`),
    silence: () => silent = true,
    givenUp,
    close() {
      sockets.forEach((socket) => socket.destroy());
      server.close();
    },
  };
}

/** Says how long a client goes on after a read that isn't answered. */
async function wait({ server, open }: Client): Promise<string> {
  const { url, stop } = await server.start();
  const way = await openWay(url);
  try {
    const { store, close } = await open(way.url);
    const cache = Cache.make({ adapter: store, operationTimeout: TIMEOUT });
    await Effect.runPromise(cache.get("key"));
    way.silence();
    const asked = performance.now();
    const since = () => ((performance.now() - asked) / 1000).toFixed(1);
    const call = Effect.runPromise(Effect.flip(cache.get("key"))).then(since);
    const late = new Promise<undefined>((resolve) => setTimeout(() => resolve(undefined), LONGEST));
    const ended = await Promise.race([way.givenUp.then(since), late]);
    const words = `the call ended after ${await call} s, the request ` +
      (ended === undefined ? `not within ${LONGEST / 1000} s` : `after ${ended} s`);
    await Promise.race([close(), new Promise((resolve) => setTimeout(resolve, 500))]);
    return words;
  } finally {
    way.close();
    await stop();
  }
}

const ioredis = (name: string, options: object): Client => ({
  name,
  server: redis,
  async open(url) {
    const { Redis } = await import("ioredis6");
    const client = new Redis(url, options);
    client.on("error", () => {});
    return { store: redisAdapter({ client }), close: () => client.disconnect() };
  },
});

const mongo = (name: string, options: object): Client => ({
  name,
  server: mongodb,
  async open(url) {
    const client = await openMongodb(await newestDriver(), url, options);
    const collection = client.db("test").collection("cache");
    return { store: mongodbAdapter({ collection }), close: () => client.close() };
  },
});

const clients: readonly Client[] = [
  ioredis("ioredis 6", {}),
  ioredis("ioredis 6, `commandTimeout: 3000`", { commandTimeout: 3_000 }),
  ioredis("ioredis 6, `socketTimeout: 3000`", { socketTimeout: 3_000 }),
  {
    name: "postgres.js",
    server: postgres,
    async open(url) {
      const { default: connect } = await import("postgres");
      const sql = connect(url, { max: 1, fetch_types: false, onnotice: () => {} });
      return { store: postgresAdapter({ sql }), close: () => sql.end({ timeout: 0 }) };
    },
  },
  mongo("mongodb 7", { maxPoolSize: 1 }),
  mongo("mongodb 7, `socketTimeoutMS: 3000`", { maxPoolSize: 1, socketTimeoutMS: 3_000 }),
  {
    name: "memjs",
    server: memcached,
    async open(url) {
      const client = await openMemcached(url);
      return { store: memcachedAdapter({ client }), close: () => client.close() };
    },
  },
  {
    name: "AWS SDK, DynamoDB",
    server: dynamodb,
    async open(url) {
      const client = dynamo.clientOf(await dynamo.loadSdk(), url);
      return {
        store: dynamodbAdapter({ client, table: "cache" }),
        close: () => client.destroy(),
      };
    },
  },
  {
    name: "AWS SDK, S3",
    server: s3,
    async open(url) {
      const client = objects.clientOf(await objects.loadSdk(), url);
      return {
        store: s3Adapter({ client, bucket: objects.bucket }),
        close: () => client.destroy(),
      };
    },
  },
];

/** What a file does that another process has locked: whether a write of a call that failed is made once it may be. */
async function waitForLock(): Promise<string> {
  const { DatabaseSync } = await import("node:sqlite");
  const { url, stop } = newSqliteFile();
  const [own, other] = [new DatabaseSync(url, { timeout: 0 }), new DatabaseSync(url)];
  const store = sqliteAdapter({ db: own });
  const cache = Cache.make({ adapter: store, operationTimeout: TIMEOUT });
  await Effect.runPromise(cache.get("key"));
  other.exec("BEGIN EXCLUSIVE");
  const asked = performance.now();
  await Effect.runPromise(Effect.flip(cache.set("key", "late")));
  const ended = ((performance.now() - asked) / 1000).toFixed(1);
  other.exec("ROLLBACK");
  await new Promise((resolve) => setTimeout(resolve, 500));
  const { _tag } = await Effect.runPromise(cache.get("key"));
  for (const db of [own, other]) db.close();
  await stop();
  return `the call ended after ${ended} s, the request ${_tag === "None" ? "with it" : "later"}`;
}

if (import.meta.main) {
  readArguments({
    name: "silence",
    does: "Measures how long each client waits for a server that never answers, in two minutes.",
  });
  const rows = await atOnce(
    3,
    [
      ...clients.map((client) => async () => [
        client.name,
        await wait(client).catch((error) => `not to be had: ${error}`),
      ]),
      async () => ["node:sqlite, a locked file", await waitForLock().catch(String)],
    ],
  );
  console.log(table(["client", "what was seen"], rows));
  process.exit();
}
