import { kindOf } from "../../src/model/describe.ts";
import { type Codec, whyOf } from "../../src/store/codec.ts";
import { isPromise } from "../../src/store/is_promise.ts";
import type { Entry } from "../../src/store/store.ts";
import type { Row } from "./backend.ts";
import { Refusal } from "./refusal.ts";

/** Reads no entry: where leases are kept alone, what is in the place of one is replaced, such as the entry of a key `lease:v`. */
export const leasesAlone: Codec = {
  encode: () => "",
  decode() {
    throw new TypeError("leases are kept alone");
  },
};

/** What a backend is to keep for a value. */
export function toData(codec: Codec, value: unknown): string | Uint8Array {
  let data: unknown;
  try {
    data = codec.encode(value);
  } catch (cause) {
    throw new Refusal(`the codec can't encode the value${whyOf(cause)}`, { cause });
  }
  if (typeof data === "string" || isBytes(data)) return data;
  throw new Refusal(`the codec must return text or bytes, and returned ${kindOf(data)}`);
}

/** The entry of a row, or a promise of it where the codec decodes by one; with its bytes, if it is to have them. */
export function toEntry(
  codec: Codec,
  row: Row,
  withData = false,
): Entry<unknown> | PromiseLike<Entry<unknown>> {
  const bytes = toBytes(row.data);
  const value = toValue(codec, bytes);
  const data = withData ? bytes : undefined;
  return isPromise(value)
    ? value.then((value) => entryOf(value, row, data))
    : entryOf(value, row, data);
}

function entryOf(
  value: unknown,
  { freshFor, took }: Row,
  data: Uint8Array | undefined,
): Entry<unknown> {
  const isEnding = typeof freshFor === "number" && freshFor !== Infinity;
  const isKnown = typeof took === "number" && took > 0 && took < Infinity;
  if (!isEnding && !isKnown) return data === undefined ? { value } : { value, data };
  // What is no number is no time for which it is fresh.
  return {
    value,
    ...data && { data },
    freshFor: isEnding ? freshFor || 0 : undefined,
    took: isKnown ? took : undefined,
  };
}

/** The value of what a backend has kept, or a promise of it. The error quotes nothing of it: a parser's own message does. */
export function toValue(codec: Codec, data: unknown): unknown {
  const bytes = toBytes(data);
  const fail = (error: unknown) => {
    const reason = `the codec can't decode the stored value${whyOf(error)}`;
    throw new Refusal(reason, { corrupt: true });
  };
  try {
    const value = codec.decode(bytes);
    return isPromise(value) ? value.then((value) => value, fail) : value;
  } catch (error) {
    return fail(error);
  }
}

/** What a backend has kept as bytes. */
function toBytes(data: unknown): Uint8Array {
  const bytes = typeof data === "string" ? utf8.encode(data) : data;
  if (isBytes(bytes)) return bytes;
  throw new Refusal("the stored value is neither text nor bytes", { corrupt: true });
}

const utf8 = new TextEncoder();

/** Text or bytes as bytes. */
export function bytesOf(data: string | Uint8Array): Uint8Array {
  return typeof data === "string" ? utf8.encode(data) : data;
}

/** By its tag: a program's bytes may be of another realm than this library's. */
function isBytes(data: unknown): data is Uint8Array {
  return data instanceof Uint8Array ||
    Object.prototype.toString.call(data) === "[object Uint8Array]";
}
