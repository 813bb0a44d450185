import type { Codec, Store } from "../../mod.ts";

/** A client of one backend, as one process has it, and the store over it. */
export interface Connection {
  readonly store: Store<unknown>;
  /** Resolves once the client is connected. */
  ready(): Promise<unknown>;
  /** Closes the client; nothing of it keeps the process alive then. */
  close(): unknown;
}

/** Where a backend is, in whatever way its connections need. */
export interface Place {
  readonly url: string;
  /** How values become bytes. */
  readonly codec?: Codec | undefined;
  readonly [more: string]: unknown;
}

/** What each module beside this one exports: `connect`. */
export type Connect = (place: Place) => Connection | Promise<Connection>;
