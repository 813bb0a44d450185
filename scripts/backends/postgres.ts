import { globSync } from "node:fs";
import { dirname } from "node:path";
import { startPgbouncer, startPostgresServer } from "../../tests/servers/postgres_server.ts";
import { must } from "../shell.ts";
import type { Description } from "./description.ts";

/** One Postgres server. Suites that stop and restart one of their own find its programs in `POSTGRES_PROGRAMS`. */
export const postgres: Description = {
  backend: "postgres",
  async start() {
    const programs = await findPrograms();
    const version = await must(`${programs}/postgres`, ["--version"]);
    const { url, stop } = await startPostgresServer(programs);
    return { url, stop, version: version.trim(), env: { POSTGRES_PROGRAMS: programs } };
  },
};

/** pgbouncer in transaction mode, before a server of its own, which is in `PGBOUNCER_POSTGRES_URL`. */
export const pgbouncer: Description = {
  backend: "pgbouncer",
  async start() {
    const program = await must("sh", ["-c", "PATH=$PATH:/usr/sbin command -v pgbouncer"])
      .catch(() => {
        throw new Error("no pgbouncer is installed; Debian's package is pgbouncer");
      });
    const server = await startPostgresServer(await findPrograms());
    try {
      const pooler = await startPgbouncer(program.trim(), server.port);
      return {
        url: pooler.url,
        version: (await must(program.trim(), ["--version"])).split("\n")[0]!,
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

/** The folder of `initdb` and `postgres`, which Debian keeps out of the path, by version. */
async function findPrograms(): Promise<string> {
  const versioned = globSync("/usr/lib/postgresql/*/bin/initdb")
    .sort((a, b) => a.localeCompare(b, "en", { numeric: true }));
  const found = versioned.at(-1) ?? await must("sh", ["-c", "command -v initdb"]).catch(() => "");
  if (found) return dirname(found.trim());
  throw new Error("no Postgres is installed; Debian's package is postgresql");
}
