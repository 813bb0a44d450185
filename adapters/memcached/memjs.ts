import { Refusal } from "../kit/refusal.ts";
import { checkOption, hasMethods } from "../kit/options.ts";
import type { MemcachedAnswer, MemcachedRequest, MemcachedRequests } from "./client.ts";
import { answerOf, requestOf } from "./protocol.ts";

/** What a server answers, as memjs reads it. */
export interface MemcachedResponse {
  /** The [header](https://docs.memcached.org/protocols/binary/#response-header) of the answer. */
  readonly header: {
    readonly opcode: number;
    readonly status: number;
    readonly cas: Uint8Array;
  };
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

/**
 * What memjs keeps to itself of a server: one connection, which it replaces when it is lost, and the part of a reply that
 * has come.
 */
interface Server {
  readonly _socket?: { destroy(): unknown };
  responseBuffer?: Uint8Array;
}

/** How long memjs needs to let go of a connection that was lost, in milliseconds: until then it loses what comes next, too. */
const LETS_GO = 200;

/** What the adapter asks of a client of memjs. Throws a `TypeError` for what is none. */
export function memjsRequests(client: MemcachedClient): MemcachedRequests {
  const isClient = hasMethods(client, "perform", "incrSeq", "server");
  checkOption("client", isClient, "a memjs client", client);
  const serverOf = (name: string) => client.server(name) as Server | null | undefined;
  const connectionTo = (name: string) => serverOf(name)?._socket;

  const send = (name: string, request: MemcachedRequest) =>
    new Promise<MemcachedAnswer | undefined>((resolve, reject) => {
      client.incrSeq();
      const seq = client.seq >>> 0;
      const server = serverOf(name);
      let connection = server?._socket;
      const answer = (error: Error | null, response: MemcachedResponse) => {
        if (error) {
          if (server) forgetReply(server, connection);
          return reject(error);
        }
        try {
          if (server) checkFields(server);
          resolve(answerOf(response, connectionTo(name)));
        } catch (refusal) {
          reject(refusal);
        }
      };
      // memjs must not try again by itself: it would do so even when the caller has long gone.
      client.perform(name, requestOf(seq, name, request), seq, answer, 1);
      connection = server?._socket;
    });

  return {
    async ask({ name, signal }, request) {
      const isLost = () =>
        request.over !== undefined && request.over.connection !== connectionTo(name);
      if (isLost()) return undefined;
      try {
        return await send(name, request);
      } catch (error) {
        if (error instanceof Refusal || signal().aborted) throw error;
        await new Promise((resolve) => setTimeout(resolve, LETS_GO));
        if (signal().aborted) throw error;
        return isLost() ? undefined : await send(name, request);
      }
    },
    connectionTo,
  };
}

/** Throws where memjs has other fields than it had: without them a reply could be taken for another one's. */
function checkFields(server: Server): void {
  for (const field of ["_socket", "responseBuffer"] as const) {
    if (server[field] === undefined) {
      throw new Refusal(`this version of memjs keeps no \`${field}\` of a server; use memjs 1.3`);
    }
  }
}

/** memjs would take the part of a reply that a lost connection has left for the beginning of the next one's first. */
function forgetReply(server: Server, lost: Server["_socket"]): void {
  lost?.destroy();
  if (server.responseBuffer) server.responseBuffer = server.responseBuffer.subarray(0, 0);
}
