import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { describe, it } from "node:test";
import { jsonCodec } from "../../src/store/codec.ts";

const kinds = {
  "bytes": (bytes: Uint8Array) => bytes,
  "a buffer": (bytes: Uint8Array) => Buffer.from(bytes),
};

for (const [kind, of] of Object.entries(kinds)) {
  describe(`the JSON codec, of ${kind}`, () => {
    const bytesOf = (value: unknown) =>
      of(new TextEncoder().encode(jsonCodec.encode(value) as string));

    for (const value of ["plain", "the replacement character \ufffd itself", "\ufeffafter a BOM"]) {
      it(`reads ${JSON.stringify(value)}`, () => {
        assert.equal(jsonCodec.decode(bytesOf(value)), value);
      });
    }

    it("reads no bytes that are no UTF-8, even where they are JSON once they are replaced", () => {
      const bytes = bytesOf("a?b");
      bytes[bytes.indexOf("?".charCodeAt(0))] = 0xff;
      assert.throws(() => jsonCodec.decode(bytes), TypeError);
    });

    it("reads no JSON behind a byte order mark", () => {
      const bytes = of(new Uint8Array([0xef, 0xbb, 0xbf, 0x31]));
      assert.throws(() => jsonCodec.decode(bytes), SyntaxError);
    });
  });
}
