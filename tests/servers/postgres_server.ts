import { join } from "node:path";
import process from "node:process";
import { freePort, type ServerCommand, startServer } from "./server.ts";

/** A Postgres server, or a pooler in front of one, that was started here, with a folder that goes with it. */
export interface PostgresServer {
  readonly port: number;
  readonly url: string;
  /** Ends it at once and waits until it has ended; what it held is gone. */
  stop(): Promise<void>;
}

/** Starts a server on the loopback, with the programs of this folder; rejects if it doesn't come up. */
export function startPostgresServer(programs: string, port?: number): Promise<PostgresServer> {
  const settings = [
    ...["listen_addresses=127.0.0.1", "unix_socket_directories=", "max_connections=300"],
    ...["fsync=off", "synchronous_commit=off", "full_page_writes=off"],
    ...["shared_preload_libraries=pg_stat_statements", "pg_stat_statements.track_utility=on"],
  ];
  return startOn(port, (port) => ({
    ...unprivileged(
      `"$1/initdb" -D "$0/data" -U postgres -A trust -E UTF8 --locale=C --no-sync >&2 &&
      shift && exec "$@" -D "$0/data"`,
      [programs, join(programs, "postgres"), "-p", String(port)],
      settings.flatMap((setting) => ["-c", setting]),
    ),
    ready: "ready to accept connections",
    // Leaves no shared memory behind, which SIGKILL would.
    end: "SIGQUIT",
  }));
}

/** Starts pgbouncer in transaction mode before a server on this port of the loopback. */
export function startPgbouncer(program: string, server: number): Promise<PostgresServer> {
  return startOn(undefined, (port) => ({
    ...unprivileged(
      `printf '%s\\n' "$2" > "$0/pgbouncer.ini" && exec "$1" "$0/pgbouncer.ini"`,
      [
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
    ready: "process up",
  }));
}

async function startOn(
  port: number | undefined,
  commandOn: (port: number) => ServerCommand,
): Promise<PostgresServer> {
  const listening = port ?? await freePort();
  const { stop } = await startServer(commandOn(listening));
  return { port: listening, url: `postgres://postgres@127.0.0.1:${listening}/postgres`, stop };
}

/** A script that gets the folder as `$0`, run by `postgres` where this process is root, whom both programs refuse. */
function unprivileged(
  script: string,
  ...args: readonly (readonly string[])[]
): Pick<ServerCommand, "command" | "args"> {
  const asPostgres = `chown postgres "$0" && cd "$0" &&
    exec setpriv --reuid=postgres --regid=postgres --clear-groups sh -c '${
    script.replaceAll("'", `'\\''`)
  }' "$0" "$@"`;
  return {
    command: "sh",
    args: (
      folder,
    ) => ["-c", process.getuid?.() === 0 ? asPostgres : script, folder, ...args.flat()],
  };
}
