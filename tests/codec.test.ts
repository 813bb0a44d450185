import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { jsonCodec } from "../src/codec.ts";

describe("the JSON codec", () => {
  const bytesOf = (value: unknown) => new TextEncoder().encode(jsonCodec.encode(value) as string);

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
    assert.throws(() => jsonCodec.decode(new Uint8Array([0xef, 0xbb, 0xbf, 0x31])), SyntaxError);
  });
});
