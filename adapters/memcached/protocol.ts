import { describe } from "../../src/model/describe.ts";
import { bytesOf } from "../kit/data.ts";
import { Refusal } from "../kit/refusal.ts";
import type { MemcachedAnswer, MemcachedRequest } from "./client.ts";

export const GET = 0x00;
export const SET = 0x01;
export const ADD = 0x02;
/** With a CAS it does what `SET` does, but a value that is too large leaves what is there. */
export const REPLACE = 0x03;
export const DELETE = 0x04;

/** A response of the binary protocol, in its parts. */
interface Response {
  readonly header: { readonly opcode: number; readonly status: number; readonly cas: Uint8Array };
  readonly extras: Uint8Array;
  readonly val: Uint8Array;
}

/** A request of the [binary protocol](https://docs.memcached.org/protocols/binary/). */
export function requestOf(
  seq: number,
  name: string,
  { opcode, over, body }: MemcachedRequest,
): Uint8Array {
  const key = bytesOf(name);
  const data = body === undefined ? [] : bytesOf(body.data);
  const extras = body === undefined ? 0 : 8;
  const request = new Uint8Array(24 + extras + key.length + data.length);
  const view = new DataView(request.buffer);
  view.setUint8(0, 0x80);
  view.setUint8(1, opcode);
  view.setUint16(2, key.length);
  view.setUint8(4, extras);
  view.setUint32(8, request.length - 24);
  view.setUint32(12, seq);
  request.set(over?.cas ?? [], 16);
  if (body !== undefined) {
    view.setUint32(24, body.flags ?? 0);
    view.setUint32(28, body.seconds);
  }
  request.set(key, 24 + extras);
  request.set(data, 24 + extras + key.length);
  return request;
}

/** What a response says; undefined where the item isn't as the request wanted it. Throws a {@linkcode Refusal} for a failure. */
export function answerOf(
  response: Response,
  connection: object | undefined,
): MemcachedAnswer | undefined {
  const failure = failureOf(response);
  if (failure !== undefined) throw new Refusal(failure);
  return response.header.status === OK ? { ...contentOf(response), connection } : undefined;
}

const decoder = new TextDecoder();

/** The CAS is copied: what memjs gives is a part of all that it has read. */
function contentOf({ header, extras, val }: Response): Omit<MemcachedAnswer, "connection"> {
  const flags = extras.length < 4 ? 0 : new DataView(extras.buffer, extras.byteOffset).getUint32(0);
  return { value: val, flags, cas: Uint8Array.from(header.cas) };
}

const OK = 0;
const NOT_FOUND = 1;
const EXISTS = 2;
const TOO_LARGE = 3;

/** Why a request failed, but for what answers it. */
function failureOf({ header, val }: Response): string | undefined {
  switch (header.status) {
    case OK:
      if (header.opcode === DELETE || header.cas.some((byte) => byte !== 0)) return undefined;
      return "memcached runs with `-C`, and there are no leases without CAS";
    case NOT_FOUND:
    case EXISTS:
      return undefined;
    case TOO_LARGE:
      return "the value is larger than an item of memcached's may be (`-I`)";
    default:
      return `memcached answered ${describe(decoder.decode(val))}`;
  }
}
