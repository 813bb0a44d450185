import type { Server } from "node:http";

/** What is used of dynalite, which has no types. */
export default function dynalite(options: {
  readonly createTableMs: number;
  readonly deleteTableMs: number;
  readonly updateTableMs: number;
  /** The folder of a LevelDB; without it, tables are kept in memory. */
  readonly path?: string | undefined;
}): Server;
