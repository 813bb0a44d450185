import type { MongoClient } from "mongodb";
import { oldestDriver, openMongodb } from "../adapters/mongodb/clients.ts";
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
