import type { Codec } from "../../src/store/codec.ts";

/** What a server answers, as memjs reads it. */
export interface MemcachedResponse {
  /** The [header](https://docs.memcached.org/protocols/binary/#response-header) of the answer. */
  readonly header: {
    readonly opcode: number;
    readonly status: number;
    readonly cas: Uint8Array;
    readonly totalBodyLength?: number;
  };
  /** The name of a statistic. */
  readonly key?: Uint8Array | undefined;
  /** The flags of an item. */
  readonly extras: Uint8Array;
  /** The value of an item, or an error's text. */
  readonly val: Uint8Array;
}

/**
 * The client, as [memjs](https://github.com/memcachier/memjs) 1.3 makes it, declared by what the adapter uses of it. The
 * adapter never closes it.
 */
export interface MemcachedClient {
  /** The number of the latest request. */
  readonly seq: number;
  /** Counts one more request. */
  incrSeq(): void;
  /** The server that has the key, if there is one. */
  server(key: string): object | null | undefined;
  /** Sends a request of the binary protocol to the server that has the key. */
  perform(
    key: string,
    request: Uint8Array,
    seq: number,
    callback: (error: Error | null, response: MemcachedResponse) => void,
    retries?: number,
  ): void;
}

/** The options of {@linkcode memcachedLeases}. */
export interface MemcachedLeasesOptions {
  /** The client. Only the user closes it. */
  readonly client: MemcachedClient;
  /** The prefix of the names of items: none by default, and `'lease:'` for leases alone. */
  readonly keyPrefix?: string | undefined;
}

/** The options of {@linkcode memcachedAdapter}. */
export interface MemcachedAdapterOptions extends MemcachedLeasesOptions {
  /** Turns values into text or bytes; JSON by default. */
  readonly codec?: Codec | undefined;
}
