/**
 * A codec that keeps more than JSON does: `Date`, `Map`, `Set`, `bigint`, `RegExp`, `URL`, `undefined`, `NaN`, the
 * infinities, `-0`, typed arrays and `ArrayBuffer`, repeated references and cycles. It is
 * [devalue](https://github.com/sveltejs/devalue), an optional peer: install version 6, which
 * needs Node 20.
 *
 * It refuses functions, symbols and instances of classes. A `Buffer` comes back as a `Uint8Array`. Of a typed array that
 * is a part of a larger buffer, only the part is kept.
 *
 * @example
 * ```ts redis
 * import assert from "node:assert/strict";
 * import process from "node:process";
 * import { Effect } from "effect";
 * import { Redis } from "ioredis";
 * import { Cache } from "cache-locking";
 * import { devalueCodec } from "cache-locking/devalue";
 * import { redisAdapter } from "cache-locking/redis";
 *
 * const client = new Redis(process.env.REDIS_URL!);
 * const visits = Cache.make({
 *   adapter: redisAdapter({ client }),
 *   codec: devalueCodec,
 *   cacheTtl: "1 minute",
 * });
 *
 * const visit = { at: new Date(0), pages: new Set(["/"]), count: 1n };
 * await Effect.runPromise(visits.set("visit:42", visit));
 * const { value } = await Effect.runPromise(
 *   visits.getOrSet("visit:42", () => Effect.succeed(visit)),
 * );
 * assert.deepEqual(value, visit);
 *
 * await Effect.runPromise(visits.delete("visit:42"));
 * await client.quit();
 * ```
 *
 * @module
 */
import { parse, stringify } from "devalue";
import type { Codec } from "./codec.ts";

const utf8 = new TextDecoder("utf-8", { ignoreBOM: true, fatal: true });

/** Stands before what devalue writes, which would be JSON as well: neither codec takes the other's entries for its own. */
const MARK = "devalue:";

/** The codec. Its entries are text, `devalue:` and what devalue writes. */
export const devalueCodec: Codec = {
  encode(value) {
    try {
      return MARK + stringify(value, undefined, { operations: { viewInfo } });
    } catch (error) {
      // Devalue's own error holds the value.
      const { message, path } = error as { readonly message: string; readonly path?: string };
      throw new TypeError(path ? `${message} at ${path}` : message);
    }
  },
  decode(bytes) {
    const text = utf8.decode(bytes);
    if (!text.startsWith(MARK)) throw new TypeError("it is not what devalue wrote");
    return parse(text.slice(MARK.length));
  },
};

/** What devalue is to write of a typed array: a copy of its bytes, or it would write all of the buffer that they are in. */
function viewInfo({ buffer, byteOffset, byteLength }: ArrayBufferView) {
  const copy = new Uint8Array(new Uint8Array(buffer, byteOffset, byteLength));
  return { buffer: copy.buffer, byteOffset: 0, byteLength, bufferByteLength: byteLength };
}
