import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { it } from "node:test";
import { sha256, sha256InScript } from "../../../adapters/kit/sha256.ts";

it("hashes texts of every length as others do", () => {
  for (let length = 0; length < 200; length++) {
    for (const character of ["a", "\0", "é", "🦊"]) {
      const text = character.repeat(length) + length;
      const expected = createHash("sha256").update(text).digest("hex");
      assert.deepEqual([sha256(text), sha256InScript(text)], [expected, expected], text);
    }
  }
  assert.equal(
    sha256InScript("abc"),
    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
  );
});
