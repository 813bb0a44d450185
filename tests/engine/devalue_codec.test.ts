import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { describe, it } from "node:test";
import { type Codec, jsonCodec } from "../../src/store/codec.ts";
import { devalueCodec } from "../../src/store/devalue_codec.ts";
import { skipDevalue } from "../support/devalue.ts";

const again = (value: unknown) =>
  devalueCodec.decode(new TextEncoder().encode(devalueCodec.encode(value) as string));

describe("the devalue codec", { skip: skipDevalue }, () => {
  const kept: Record<string, unknown> = {
    "a date": new Date(0),
    "a map": new Map<unknown, unknown>([["a", new Set([1n])], [{ b: 1 }, undefined]]),
    "a bigint": 2n ** 70n,
    "bytes": new Uint8Array([0, 255]),
    "floats": new Float64Array([0.5, -0]),
    "undefined": undefined,
    "undefined in an array": [undefined, null],
    "NaN, -0 and the infinities": [Number.NaN, -0, Infinity, -Infinity],
    "an expression": /a"b/g,
    "null": null,
    "text": "…",
  };
  for (const [name, value] of Object.entries(kept)) {
    it(`keeps ${name}`, () => assert.deepEqual(again(value), value));
  }

  it("keeps cycles, and what is there twice", () => {
    const cycle: Record<string, unknown> = { name: "cycle" };
    cycle.self = cycle;
    const [first, second] = again([cycle, cycle]) as Record<string, unknown>[];
    assert.equal(first, second);
    assert.equal(first!.self, first);
  });

  it("keeps of a view its own bytes alone", () => {
    const message = new Uint8Array(100_000).fill(7);
    message.set([1, 2, 3, 4], 8);
    for (
      const view of [
        message.subarray(8, 12),
        Buffer.from(message.buffer, 8, 4),
        new DataView(message.buffer, 8, 4),
        new Uint16Array(message.buffer, 8, 2),
      ]
    ) {
      assert.ok(devalueCodec.encode(view).length < 100);
      const { view: kept } = again({ view }) as { view: ArrayBufferView };
      assert.deepEqual([...new Uint8Array(kept.buffer)], [1, 2, 3, 4]);
    }
    const buffer = again(Buffer.from("bytes"));
    assert.deepEqual(buffer, new TextEncoder().encode("bytes"));
  });

  it("says what it can't keep and where, and holds none of it", () => {
    const value = { secret: "secret value", list: [() => {}] };
    assert.throws(() => devalueCodec.encode(value), (error: Error) => {
      assert.equal(error.message, "Cannot stringify a function at .list[0]");
      assert.deepEqual(Object.keys(error), []);
      return true;
    });
  });

  it("reads nothing that is no UTF-8, and nothing that is JSON, nor does JSON's read it", () => {
    const bytes = (codec: Codec, value: unknown) =>
      new TextEncoder().encode(codec.encode(value) as string);
    assert.throws(() => devalueCodec.decode(new Uint8Array([0xff])), TypeError);
    for (const value of [[1, 2], "text", -1, undefined]) {
      assert.throws(() => devalueCodec.decode(bytes(jsonCodec, value)), TypeError);
      assert.throws(() => jsonCodec.decode(bytes(devalueCodec, value)), SyntaxError);
    }
  });
});
