import { describe } from "../model/describe.ts";

/**
 * Turns values into text or bytes, and back. `decode` receives the bytes of the result of `encode`. It throws for bytes
 * that it can't read: such an entry is reported, and is a miss. The messages of what it throws are repeated in errors:
 * they should say why, and quote no value.
 *
 * Keep a codec in a constant: calls with different codecs don't share a flight.
 */
export interface Codec {
  /** Turns a value into text or bytes; throws for a value that it can't keep. */
  encode(value: unknown): string | Uint8Array;
  /**
   * Turns bytes into the value, or into a promise of it. Where it is a promise, the caller that fetched has its value as it was
   * fetched.
   */
  decode(bytes: Uint8Array): unknown;
}

const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });
const strict = new TextDecoder("utf-8", { ignoreBOM: true, fatal: true });

/**
 * JSON, and the empty text for `undefined`. Values come back as JSON keeps them: a `Date` as text, a `Map` as `{}`, an
 * `undefined` in an array as `null`.
 */
export const jsonCodec: Codec = {
  encode(value) {
    if (value === undefined) return "";
    const json = JSON.stringify(value);
    if (json === undefined) throw new TypeError(`JSON has no ${typeof value}`);
    return json;
  },
  decode(bytes) {
    if (bytes.length === 0) return undefined;
    // A `Buffer` reads itself faster than a decoder reads it, above all in Deno.
    const json = "utf8Slice" in bytes ? bytes.toString() : utf8.decode(bytes);
    // What a lenient decoder can't read it replaces. The strict one takes some three times as long in Deno.
    const text = json.includes("\ufffd") ? strict.decode(bytes) : json;
    try {
      return JSON.parse(text);
    } catch {
      throw new SyntaxError("it is no JSON");
    }
  },
};

/** The codec of the option, or JSON without it; throws a `TypeError` for a value that is no codec. */
export function codecOf(codec: Codec | undefined): Codec {
  if (codec === undefined) return jsonCodec;
  if (typeof codec?.encode === "function" && typeof codec.decode === "function") return codec;
  throw new TypeError(`\`codec\` must have \`encode\` and \`decode\`, and is ${describe(codec)}`);
}

/** Why a codec threw, by its own message: after a colon, and without anything that the message quotes. */
export function whyOf(error: unknown): string {
  try {
    return `: ${(error as Error).message.replace(/(["'`])[^]*\1/g, "…")}`;
  } catch {
    return ""; // What it threw has no message.
  }
}
