import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { mongodb, mongodbReplicaSet } from "../../tests/servers/mongodb.ts";
import type { Description } from "../../tests/servers/description.ts";
import { startServer } from "../../tests/servers/server.ts";
import { fromGoCopy } from "./packages.ts";
import type { Family, Started } from "./row.ts";

const startMongod = ({ find, start }: Description) => async (): Promise<Started> => {
  await find({ fetch: true });
  const { version, ...server } = await start();
  return { ...server, version: version.replace("MongoDB ", "") };
};

async function startFerretdb(): Promise<Started> {
  const module = "github.com/FerretDB/FerretDB@v1.24.2";
  const program = await fromGoCopy(
    "ferretdb-v1.24.2",
    module,
    "./cmd/ferretdb",
    (folder) => writeFileSync(join(folder, "build/version/version.txt"), "v1.24.2\n"),
  );
  const server = await startServer({
    command: program,
    args: (folder, port) => [
      ...["--handler=sqlite", `--sqlite-url=file:${folder}/`, `--state-dir=${folder}`],
      ...["--telemetry=disable", "--debug-addr=-", `--listen-addr=127.0.0.1:${port}`],
    ],
    url: (host) => `mongodb://${host}/`,
    ready: "Listening on TCP",
  });
  return { ...server, version: "1.24.2" };
}

const rows = [
  { name: "mongod, alone", start: startMongod(mongodb) },
  { name: "mongod, replica set", start: startMongod(mongodbReplicaSet) },
  { name: "FerretDB, SQLite", start: startFerretdb },
];

/** MongoDB, and what speaks like it. */
export const mongodbFamily: Family = {
  name: "mongodb",
  client: "mongodb@7.9.0",
  connection: "connections/mongodb.ts",
  rows: rows.flatMap((row) => [row, { ...row, client: "mongodb@6.21.0" }]),
};
