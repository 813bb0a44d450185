import { Refusal } from "../kit/refusal.ts";
import { retry } from "../kit/retry.ts";
import type { PostgresCommands, PostgresParameter, PostgresRow } from "./client.ts";
import { channelOf, quotedTable } from "./names.ts";
import { definitionOf } from "./statements.ts";

/** A table that is made by the first statement that misses it. */
export interface Table {
  /** Its name, quoted. */
  readonly name: string;
  /** What its notifications come by. */
  readonly channel: string;
  /** Sends a statement. */
  ask(
    caller: { readonly signal: () => AbortSignal },
    statement: string,
    parameters: PostgresParameter[],
  ): Promise<readonly PostgresRow[]>;
}

// https://www.postgresql.org/docs/current/errcodes-appendix.html
const MISSING = "42P01";
/** Others have made the table at the same moment. */
const EXISTS = ["42P07", "42710", "23505"];
/** Where the default isolation is stricter than READ COMMITTED, losing a race is an error, and nothing was done. */
const LOST_RACE = ["40001", "40P01"];
/** Under SERIALIZABLE more than one try in three of a busy table was lost, also to writes of other keys on the same page. */
const MOST_TRIES = 10;

/** Opens a table by its name. Throws a `TypeError` for a name that can't be used. */
export function openTable({ query }: PostgresCommands, table: string, create: boolean): Table {
  const name = quotedTable(table);
  const definition = definitionOf(name);
  const make = async (cause: unknown) => {
    const missing = (why: string, cause: unknown) =>
      new Refusal(`the table is missing${why}; make it with: ${definition}`, { cause });
    if (!create) throw missing("", cause);
    try {
      await query(definition, []);
    } catch (error) {
      if (!EXISTS.includes(codeOf(error))) {
        throw missing(` and can't be made (${(error as Error).message})`, error);
      }
    }
  };
  let making: Promise<unknown> | undefined;
  return {
    name,
    channel: channelOf(name),
    ask: (caller, statement, parameters) =>
      retry(caller, async () => {
        try {
          return await query(statement, parameters);
        } catch (error) {
          const isMissing = codeOf(error) === MISSING;
          if (isMissing) await (making ??= make(error).finally(() => making = undefined));
          throw error;
        }
      }, { most: MOST_TRIES, again: (error) => [MISSING, ...LOST_RACE].includes(codeOf(error)) }),
  };
}

function codeOf(error: unknown): string {
  return String((error as { readonly code?: unknown } | null)?.code);
}
