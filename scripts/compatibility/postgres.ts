import { join } from "node:path";
import {
  pgbouncer,
  postgres,
  startPostgresServer,
  startStandby,
} from "../../tests/servers/postgres.ts";
import { type StartedServer, startServer } from "../../tests/servers/server.ts";
import { must } from "../../tests/support/command.ts";
import { fromDebian, fromNpm } from "./packages.ts";
import type { Family, PlaceOptions, Setting, Started } from "./row.ts";
import { accepts, startAll, startConfigured } from "./servers.ts";

async function programs(): Promise<string> {
  return await postgres.find({ fetch: false }) as string;
}

const startPostgres = (...settings: readonly string[]) => async (): Promise<Started> => {
  const folder = await programs();
  const version = await must(`${folder}/postgres`, ["--version"]);
  const args = settings.flatMap((setting) => ["-c", setting]);
  const server = await startPostgresServer(folder, { args });
  return { ...server, version: /\d[\d.]*/.exec(version)![0] };
};

async function startBouncer(): Promise<Started> {
  const { version } = await fromDebian("pgbouncer");
  return { ...await pgbouncer.start(), version };
}

/** pgpool-II, with plain reads on either of a server and its standby. */
async function startPgpool(): Promise<Started> {
  const { path, version } = await fromDebian("pgpool2", "pgpool");
  const folder = await programs();
  const pool = await startAll(
    () => startPostgresServer(folder),
    ([main]) => startStandby(folder, main!),
    ([main, standby]) =>
      startConfigured({
        command: path,
        config: (folder, port) =>
          `listen_addresses = '127.0.0.1'
port = ${port}
socket_dir = '${folder}'
pcp_listen_addresses = ''
pcp_socket_dir = '${folder}'
wd_ipc_socket_dir = '${folder}'
pid_file_name = '${join(folder, "pid")}'
logdir = '${folder}'
backend_clustering_mode = 'streaming_replication'
backend_hostname0 = '127.0.0.1'
backend_port0 = ${main!.port}
backend_flag0 = 'ALWAYS_PRIMARY'
backend_hostname1 = '127.0.0.1'
backend_port1 = ${standby!.port}
sr_check_period = 0
load_balance_mode = on
enable_pool_hba = off
pool_passwd = ''
num_init_children = 40
max_pool = 1
`,
        args: (file) => ["-n", "-f", file],
        end: "SIGQUIT",
      }),
  );
  return { ...proxied(pool), version };
}

const startPglite = (...flags: readonly string[]) => async (): Promise<Started> => {
  const modules = await fromNpm("pglite-socket@0.2.17", {
    "@electric-sql/pglite": "0.5.14",
    "@electric-sql/pglite-socket": "0.2.17",
  });
  const program = join(modules, "@electric-sql/pglite-socket/dist/scripts/server.js");
  const server = await startServer({
    command: "node",
    args: (_, port) => [program, "--db=memory://", `--port=${port}`, ...flags],
    ready: accepts,
  });
  return { ...proxied(server), version: "0.2.17" };
};

function proxied({ port, ...server }: StartedServer): StartedServer {
  return { ...server, port, url: `postgres://postgres@127.0.0.1:${port}/postgres` };
}

const set = (place: PlaceOptions): Setting => ({
  words: Object.entries(place).map(([name, value]) => `${name}: ${value}`).join(", "),
  place,
});

const pg = { client: "pg@8.23.1", connection: "connections/pg.ts" };

/** Postgres, and what stands before it or speaks like it. */
export const postgresFamily: Family = {
  name: "postgres",
  client: "postgres@3.4.9",
  connection: "connections/postgres.ts",
  rows: [
    { name: "PostgreSQL", start: startPostgres() },
    { name: "PostgreSQL", ...pg, start: startPostgres() },
    {
      name: "PostgreSQL, `default_transaction_isolation=serializable`",
      start: startPostgres("default_transaction_isolation=serializable"),
    },
    {
      name: "PostgreSQL, `default_transaction_isolation=repeatable read`",
      start: startPostgres("default_transaction_isolation=repeatable read"),
    },
    {
      name: "pgbouncer, transaction mode",
      start: startBouncer,
      settings: [{}, set({ prepare: false }), set({ prepare: false, subscriber: false })],
    },
    { name: "pgbouncer, transaction mode", ...pg, start: startBouncer },
    { name: "pgpool-II before a server and its standby", start: startPgpool },
    { name: "pgpool-II before a server and its standby", ...pg, start: startPgpool },
    { name: "PGlite's socket", start: startPglite() },
    { name: "PGlite's socket", ...pg, start: startPglite() },
    {
      name: "PGlite's socket, `--max-connections=50`",
      start: startPglite("--max-connections=50"),
      settings: [{}, set({ subscriber: false }), set({ max: 1, subscriber: false })],
    },
    {
      name: "PGlite's socket, `--max-connections=50`",
      ...pg,
      start: startPglite("--max-connections=50"),
    },
  ],
};
