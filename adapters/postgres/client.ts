import { describe } from "../../src/model/describe.ts";
import type { PostgresLeasesOptions } from "./options.ts";
import { pgCommands } from "./pg.ts";
import { postgresJsCommands } from "./postgres_js.ts";
import type { PostgresCommands } from "./table.ts";

/** The commands of a client, of whichever library. Throws a `TypeError` for one that can't be used. */
export function postgresCommands(
  options: Pick<PostgresLeasesOptions, "sql" | "pool" | "subscriber">,
): PostgresCommands {
  const { sql, pool, subscriber } = options as PostgresLeasesOptions;
  if (pool === undefined) return postgresJsCommands(sql!, subscriber as never);
  if (sql === undefined) return pgCommands(pool, subscriber as never);
  throw new TypeError(`\`sql\` must not be given beside \`pool\`, and is ${describe(sql)}`);
}
