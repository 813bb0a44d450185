import { existsSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import process from "node:process";
import { must } from "../support/command.ts";
import { PASSWORD } from "../conformance/told.ts";
import type { Description } from "./description.ts";
import {
  type ServerCommand,
  type StartedServer,
  type StartOptions,
  startServer,
} from "./server.ts";

/** Starts a server on the loopback, with the programs of this folder; rejects if it doesn't come up. */
export function startPostgresServer(
  programs: string,
  { port, args = [] }: StartOptions = {},
): Promise<StartedServer> {
  const settings = [
    ...["listen_addresses=127.0.0.1", "unix_socket_directories=", "max_connections=300"],
    ...["fsync=off", "synchronous_commit=off", "full_page_writes=off"],
    ...["shared_preload_libraries=pg_stat_statements", "pg_stat_statements.track_utility=on"],
  ];
  return startServer({
    ...unprivileged(
      `"$1/initdb" -D "$0/data" -U postgres -A trust -E UTF8 --locale=C --no-sync >&2 &&
      shift && exec "$@" -D "$0/data"`,
      (port) => [
        ...[programs, join(programs, "postgres"), "-p", String(port)],
        ...settings.flatMap((setting) => ["-c", setting]),
        ...args,
      ],
    ),
    port,
    url: postgresAt,
    ready: "ready to accept connections",
    // Leaves no shared memory behind, which SIGKILL would.
    end: "SIGQUIT",
  });
}

/** Starts a hot standby of a server on the loopback. */
export function startStandby(
  programs: string,
  main: Pick<StartedServer, "port">,
): Promise<StartedServer> {
  const from = ["-h", "127.0.0.1", "-p", String(main.port), "-U", "postgres"];
  return startServer({
    ...unprivileged(
      `port=$1 programs=$2 && shift 2 && "$programs/pg_basebackup" "$@" -D "$0/data" -R -c fast &&
      chmod 700 "$0/data" && exec "$programs/postgres" -D "$0/data" -p "$port" \\
        -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c max_connections=300`,
      (port) => [String(port), programs, ...from],
    ),
    url: postgresAt,
    ready: "ready to accept read-only connections",
    end: "SIGQUIT",
  });
}

/** Starts pgbouncer in transaction mode before a server on this port of the loopback. */
export function startPgbouncer(program: string, server: number): Promise<StartedServer> {
  return startServer({
    ...unprivileged(
      `printf '%s\\n' "$2" > "$0/pgbouncer.ini" && exec "$1" "$0/pgbouncer.ini"`,
      (port) => [
        program,
        `[databases]
* = host=127.0.0.1 port=${server} user=postgres
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 5
max_client_conn = 200`,
      ],
    ),
    url: postgresAt,
    ready: "process up",
  });
}

/** The address of a server: its user takes any password. */
export function postgresAt(host: string): string {
  return `postgres://postgres:${PASSWORD}@${host}/postgres`;
}

/** A script that gets the folder as `$0`, run by `postgres` where this process is root, whom both programs refuse. */
export function unprivileged(
  script: string,
  args: (port: number) => readonly string[],
): Pick<ServerCommand, "command" | "args"> {
  const asPostgres = `chown postgres "$0" && cd "$0" &&
    exec setpriv --reuid=postgres --regid=postgres --clear-groups sh -c '${
    script.replaceAll("'", `'\\''`)
  }' "$0" "$@"`;
  const command = process.getuid?.() === 0 ? asPostgres : script;
  return { command: "sh", args: (folder, port) => ["-c", command, folder, ...args(port)] };
}

/** One Postgres server. Suites that stop and restart one of their own find its programs in `POSTGRES_PROGRAMS`. */
export const postgres: Description = {
  backend: "postgres",
  find: findPrograms,
  async start() {
    const programs = await findPrograms();
    const version = await must(`${programs}/postgres`, ["--version"]);
    const server = await startPostgresServer(programs);
    return { ...server, version: version.trim(), env: { POSTGRES_PROGRAMS: programs } };
  },
};

/** pgbouncer in transaction mode, before a server of its own, which is in `PGBOUNCER_POSTGRES_URL`. */
export const pgbouncer: Description = {
  backend: "pgbouncer",
  find: () => Promise.all([findPooler(), findPrograms()]),
  async start() {
    const program = await findPooler();
    const server = await startPostgresServer(await findPrograms());
    try {
      const pooler = await startPgbouncer(program, server.port);
      return {
        url: pooler.url,
        version: (await must(program, ["--version"])).split("\n")[0]!,
        env: { PGBOUNCER_POSTGRES_URL: server.url },
        async stop() {
          await pooler.stop();
          await server.stop();
        },
      };
    } catch (error) {
      await server.stop();
      throw error;
    }
  },
};

async function findPooler(): Promise<string> {
  const found = await must("sh", ["-c", "PATH=$PATH:/usr/sbin command -v pgbouncer"])
    .catch(() => "");
  if (!found) throw new Error("no pgbouncer is installed; Debian's package is pgbouncer");
  return found.trim();
}

/** The folder of `initdb` and `postgres`, which Debian keeps out of the path, by version; `POSTGRES_PROGRAMS` has another. */
async function findPrograms(): Promise<string> {
  const named = process.env["POSTGRES_PROGRAMS"];
  if (named) {
    if (existsSync(join(named, "initdb"))) return named;
    throw new Error(`no Postgres is in \`POSTGRES_PROGRAMS\`, ${named}`);
  }
  const debian = "/usr/lib/postgresql";
  const versions = existsSync(debian) ? readdirSync(debian) : [];
  const newest = versions.map((version) => join(debian, version, "bin"))
    .filter((folder) => existsSync(join(folder, "initdb")))
    .sort((a, b) => a.localeCompare(b, "en", { numeric: true })).at(-1);
  if (newest !== undefined) return newest;
  const found = await must("sh", ["-c", "command -v initdb"]).catch(() => "");
  if (found) return dirname(found.trim());
  throw new Error("no Postgres is installed; Debian's package is postgresql");
}
