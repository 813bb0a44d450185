import { type Push, type PushDriver, sharedPush, unref } from "../kit/push.ts";
import { isMissingTable, statementsOn } from "../kit/sqlite_statements.ts";
import { isBusy, statementsOf } from "./connection.ts";
import type { SqliteConnection } from "./options.ts";

/**
 * The pauses before the looks that follow a change of the file, in milliseconds. The beginning of a commit is what changes
 * it; with `PRAGMA synchronous = FULL` the end comes once the disk has it.
 */
const PAUSES_MS = [0, 3, 10, 30, 100];

/** What is used of `node:fs` and `node:path`. */
interface Files {
  watch(
    folder: string,
    options: { readonly persistent: boolean },
    changed: (event: string, file: string | null) => void,
  ): {
    on(event: "error", listener: (error: unknown) => void): unknown;
    unref?(): unknown;
    close(): void;
  };
}
interface Paths {
  basename(path: string): string;
  dirname(path: string): string;
}

/** Pushes what becomes of the rows of a table; one for all stores of a connection. */
export function pushOf(connection: SqliteConnection, table: string): Push {
  return sharedPush(connection, table, () => driverOf(connection, statementsOn(table).states));
}

/**
 * Watches the folder of the file: the WAL comes and goes, and a watch on one hears nothing of the next. Nothing tells which rows a commit has changed, so that one statement reads the states of all that are waited for.
 */
function driverOf(connection: SqliteConnection, states: string): PushDriver {
  return {
    open({ message, ended }) {
      const [fs, paths] = [builtin<Files>("node:fs"), builtin<Paths>("node:path")];
      const path = pathOf(connection);
      if (!fs || !paths || !path) return undefined;

      const run = statementsOf(connection);
      const statesOf = (names: readonly string[]) => {
        try {
          const rows = run(states, JSON.stringify(names));
          return new Map(rows.map(({ key, state }) => [key, state]));
        } catch (error) {
          if (!isMissingTable(error)) throw error;
          return new Map();
        }
      };
      const seen = new Map<string, unknown>();
      const look = () => {
        if (seen.size === 0) return;
        try {
          const found = statesOf([...seen.keys()]);
          for (const [name, before] of seen) {
            const state = found.get(name);
            if (state === before) continue;
            seen.set(name, state);
            message(name);
          }
        } catch (error) {
          if (!isBusy(error)) ended(error);
        }
      };

      let timer: ReturnType<typeof setTimeout> | undefined;
      let looks = 0;
      const lookLater = () => {
        timer = unref(setTimeout(() => {
          look();
          if (++looks < PAUSES_MS.length) lookLater();
        }, PAUSES_MS[looks]));
      };
      const name = paths.basename(path);
      const files = [name, `${name}-wal`, `${name}-journal`];
      // Deno takes `persistent: false` for nothing, and holds the process again after each event.
      const letEnd = () => watcher.unref?.();
      const changed = (_event: string, file: string | null) => {
        queueMicrotask(letEnd);
        if (file !== null && !files.includes(file)) return;
        if (timer !== undefined && looks === 0) return;
        clearTimeout(timer);
        looks = 0;
        lookLater();
      };
      const watcher = fs.watch(paths.dirname(path), { persistent: false }, changed);
      watcher.on("error", ended);
      letEnd();
      return {
        subscribe: (name) => void seen.set(name, statesOf([name]).get(name)),
        unsubscribe: (names) => names.forEach((name) => seen.delete(name)),
        close() {
          clearTimeout(timer);
          seen.clear();
          watcher.close();
        },
      };
    },
  };
}

/** Where the database is; undefined for one in memory. */
function pathOf(connection: SqliteConnection): string | undefined {
  const databases = statementsOf(connection)("PRAGMA database_list");
  return databases.find(({ name }) => name === "main")?.["file"] as string | undefined;
}

/** A module of the runtime; undefined where there is none to be had, as in Node 18. No bundler sees an import. */
function builtin<Module>(name: string): Module | undefined {
  const { process } = globalThis as {
    readonly process?: { getBuiltinModule?(name: string): Module | undefined };
  };
  return process?.getBuiltinModule?.(name);
}
