import type { Target } from "../kit/backend.ts";

/** What a request carries besides its key. */
export interface MemcachedBody {
  /** What the item is told by; 0 by default. */
  readonly flags?: number;
  /** How long it lives, or the date of its end; 0 for good. */
  readonly seconds: number;
  /** Its value. */
  readonly data: string | Uint8Array;
}

/** One version of an item. */
export interface MemcachedVersion {
  /** Its number. */
  readonly cas: Uint8Array;
  /** The connection that told it, for which alone it is good: a server that was started again counts anew. */
  readonly connection: object | undefined;
}

/** What came back. */
export interface MemcachedAnswer extends MemcachedVersion {
  /** The value of an item. */
  readonly value: Uint8Array;
  /** What the item is told by. */
  readonly flags: number;
}

/** A request, but for the name that it is about. */
export interface MemcachedRequest {
  /** What is asked for, by its [opcode](https://docs.memcached.org/protocols/binary/#command-opcodes). */
  readonly opcode: number;
  /** The version that must be there. */
  readonly over?: MemcachedVersion | undefined;
  /** What is to be stored. */
  readonly body?: MemcachedBody | undefined;
}

/** What the adapter asks of a client, whichever library made it: each has a file of its own that says how. */
export interface MemcachedRequests {
  /**
   * Sends a request; undefined where the item is not as the request wants it: there, not there, or another, or not known to
   * be the same. What a lost connection has taken along is sent once more.
   */
  ask(target: Target, request: MemcachedRequest): Promise<MemcachedAnswer | undefined>;
  /** The connection that a request would take now. */
  connectionTo(name: string): object | undefined;
}
