import type { Running } from "../../tests/servers/description.ts";
import type { Place } from "../../tests/support/connection.ts";
import type { Pace } from "./judge.ts";
import type { Answer } from "./process.ts";

/** More of a place, beside its address: options of the client, as its connection takes them. */
export type PlaceOptions = Readonly<Record<string, unknown>>;

/** What a row is run with. */
export interface Setting {
  /** In words, as code: `prepare: false`; none where it is run as it comes. */
  readonly words?: string;
  readonly place?: PlaceOptions;
  readonly pace?: Pace;
}

/** Where a player of a row plays. */
export interface ClientPlace extends Place {
  /** The folder of the client's package. */
  readonly client: string;
}

/** A server that runs, with its version as a number, and what its clients have to know. */
export interface Started extends Running {
  readonly place?: PlaceOptions;
}

interface AnyRow {
  /** What it is, without a version. */
  readonly name: string;
  /** Its client, a package of npm and its version: `ioredis@6.0.0`; the family's by default. */
  readonly client?: string;
}

/** One line of the page: a server, what stands before it, and a client. */
export interface ServerRow extends AnyRow {
  /** The module of its connection, from this folder; the family's by default. */
  readonly connection?: string;
  /** Fetches it, where it isn't there yet, and starts it. Rejects, with the reason, where it can't be had. */
  readonly start: () => Promise<Started>;
  /** What it is run with, one after another, until it works; as it comes by default. */
  readonly settings?: readonly Setting[];
  /** What runs the processes; this Deno by default. */
  readonly command?: () => Promise<readonly string[]>;
}

/** One line of the page: what judges a store within itself. */
export interface ProgramRow extends AnyRow {
  /** Has it judge, and says which version it is. Rejects, with the reason, where it can't be had. */
  readonly judge: () => Promise<{ readonly version: string; readonly answer: Answer }>;
}

/** One line of the page. */
export type Row = ServerRow | ProgramRow;

/** What one adapter is judged on. */
export interface Family {
  /** The name of its part of the page, and of its rows: `redis`. */
  readonly name: string;
  /** Its client, a package of npm and its version. */
  readonly client: string;
  /** The module of its connections, from this folder. */
  readonly connection?: string;
  readonly rows: readonly Row[];
}
