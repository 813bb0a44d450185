import { describe } from "../../src/model/describe.ts";
import { bytesOf } from "../kit/data.ts";
import { checkMethods, hasMethods } from "../kit/options.ts";
import { makeServerClock, type ServerClock } from "../kit/server_clock.ts";
import { Refusal } from "../kit/refusal.ts";
import { retry, sleep } from "../kit/retry.ts";
import {
  DELETE,
  type MemcachedAnswer,
  type MemcachedCommands,
  type MemcachedRequest,
} from "./backend.ts";
import type { MemcachedClient, MemcachedResponse } from "./options.ts";

/**
 * What memjs keeps to itself of a server: one connection, which it replaces when it is lost, and the part of a reply that
 * has come.
 */
interface Server {
  readonly _socket?: {
    destroy(): unknown;
    prependListener(event: "close", listener: () => void): unknown;
  };
  responseBuffer?: Uint8Array;
  /** Fails everything that is under way. */
  error(error: Error): void;
  /** Registers what is called with the answers to a request, of which a `quiet` one may have several. */
  onResponse(seq: number, answered: ((response: MemcachedResponse) => void) & Quiet): void;
  /** Registers what is called when the request has failed. */
  onError(seq: number, failed: (error: Error) => void): void;
  /** Sends a request. */
  write(request: Uint8Array): void;
}

interface Quiet {
  quiet?: boolean;
}

/** How long memjs needs to let go of a connection that was lost, in milliseconds: until then it loses what comes next, too. */
const LETS_GO = 200;

/** How long a server's time is known for, in milliseconds. */
const KNOWN_FOR = 60_000;

/** What the adapter asks of a client of memjs. Throws a `TypeError` for what is none. */
export function memjsCommands(client: MemcachedClient): MemcachedCommands {
  checkMethods("client", ["perform", "incrSeq", "server"], "a memjs client", client);
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
          // Not the one that was asked: `failover` may have taken another.
          const answering = serverOf(name);
          if (answering) checkFields(answering);
          resolve(answerOf(response, connectionTo(name)));
        } catch (refusal) {
          reject(refusal);
        }
      };
      // memjs must not try again by itself: it would do so even when the caller has long gone.
      client.perform(name, requestOf(seq, name, request), seq, answer, 1);
      connection = server?._socket;
      if (server && connection) failWhenClosed(server, connection);
    });

  /** Asks for the time of a server, in seconds since 1970. */
  const askTime = (server: Server) =>
    new Promise<number>((resolve, reject) => {
      client.incrSeq();
      const seq = client.seq >>> 0;
      let time: number | undefined;
      const answered: ((response: MemcachedResponse) => void) & Quiet = ({ header, key, val }) => {
        if (key !== undefined && textOf(key) === "time") time = Number(textOf(val));
        if (header.status === OK && header.totalBodyLength !== 0) return;
        if (time !== undefined && time > 0) return resolve(time);
        reject(new Refusal("memcached doesn't tell its time, which a stale time needs"));
      };
      answered.quiet = true;
      server.onResponse(seq, answered);
      server.onError(seq, reject);
      server.write(requestOf(seq, "", { opcode: STAT }));
      if (server._socket) failWhenClosed(server, server._socket);
    });
  const clocks = new WeakMap<Server, { readonly clock: ServerClock; until: number }>();
  const again = (error: unknown) => !(error instanceof Refusal);
  const patiently = { again, most: 2, pause: () => sleep(LETS_GO) };
  return {
    ask: (target, request) =>
      retry(target, async () => {
        const { over } = request;
        const isLost = over !== undefined && over.connection !== connectionTo(target.name);
        return isLost ? undefined : await send(target.name, request);
      }, patiently),
    now: (target) =>
      retry(target, async () => {
        const server = serverOf(target.name);
        if (!hasMethods(server, "onResponse", "onError", "write")) {
          throw new Refusal("this version of memjs can't ask a server its time; use memjs 1.3");
        }
        let known = clocks.get(server as Server);
        if (known === undefined || performance.now() > known.until) {
          const sent = performance.now();
          const time = await askTime(server as Server);
          // The server's own clock ticks once a second.
          const clock = known?.clock ?? makeServerClock({ late: 2000 });
          clock.learn(1000 * time, sent);
          clocks.set(server as Server, known = { clock, until: sent + KNOWN_FOR });
        }
        return known.clock.now();
      }, patiently),
  };
}

function textOf(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

/** The connections of which it is known when they are closed. */
const watched = new WeakSet<object>();

/** memjs lets go of a connection that its peer has closed, and of what was under way on it, without a word. */
function failWhenClosed(server: Server, connection: NonNullable<Server["_socket"]>): void {
  if (watched.has(connection) || !hasMethods(connection, "prependListener")) return;
  watched.add(connection);
  connection.prependListener("close", () => {
    if (server._socket !== connection) return;
    // Once memjs has let go of it, and before it opens another.
    queueMicrotask(() => server.error?.(new Error("memcached closed the connection")));
  });
}

/** Throws where memjs has other fields than it had: without them a reply could be taken for another one's. */
function checkFields(server: Server): void {
  for (const field of ["_socket", "responseBuffer", "error"] as const) {
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

/** A request of the [binary protocol](https://docs.memcached.org/protocols/binary/). */
function requestOf(
  seq: number,
  name: string,
  { opcode, over, data, flags = 0, seconds = 0 }: MemcachedRequest,
): Uint8Array {
  const key = bytesOf(name);
  const value = bytesOf(data ?? "");
  const extras = data === undefined ? 0 : 8;
  const request = new Uint8Array(24 + extras + key.length + value.length);
  const view = new DataView(request.buffer);
  view.setUint8(0, 0x80);
  view.setUint8(1, opcode);
  view.setUint16(2, key.length);
  view.setUint8(4, extras);
  view.setUint32(8, request.length - 24);
  view.setUint32(12, seq);
  request.set(over?.cas ?? [], 16);
  if (data !== undefined) {
    view.setUint32(24, flags);
    view.setUint32(28, seconds);
  }
  request.set(key, 24 + extras);
  request.set(value, 24 + extras + key.length);
  return request;
}

/** What a response says; undefined where the item isn't as the request wanted it. Throws a {@linkcode Refusal} for a failure. */
function answerOf(
  { header, extras, val }: MemcachedResponse,
  connection: object | undefined,
): MemcachedAnswer | undefined {
  switch (header.status) {
    case OK: {
      // It is copied: memjs gives a part of all that it has read.
      const cas = Uint8Array.from(header.cas);
      if (header.opcode !== DELETE && cas.every((byte) => byte === 0)) {
        throw new Refusal("memcached runs with `-C`, and there are no leases without CAS");
      }
      const view = new DataView(extras.buffer, extras.byteOffset);
      return { value: val, flags: extras.length < 4 ? 0 : view.getUint32(0), cas, connection };
    }
    case NOT_FOUND:
    case EXISTS:
      return undefined;
    case TOO_LARGE:
      throw new Refusal("the value is larger than an item of memcached's may be (`-I`)");
    default:
      throw new Refusal(`memcached answered ${describe(new TextDecoder().decode(val))}`);
  }
}

const STAT = 0x10;

const OK = 0;
const NOT_FOUND = 1;
const EXISTS = 2;
const TOO_LARGE = 3;
