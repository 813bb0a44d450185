import type { Codec } from "../../mod.ts";

/** Text turned round, as bytes that are no text. */
export const reversed: Codec = {
  encode: (value) =>
    new TextEncoder().encode(JSON.stringify({ value })).reverse().map((byte) => ~byte),
  decode: (bytes) =>
    JSON.parse(new TextDecoder().decode(bytes.map((byte) => ~byte).reverse())).value,
};
