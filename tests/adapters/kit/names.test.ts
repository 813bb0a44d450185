import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { makeNames, type Naming } from "../../../adapters/kit/names.ts";

describe("names", () => {
  it("are the prefix and the key", () => {
    assert.equal(makeNames({ prefix: undefined })("a"), "a");
    assert.equal(makeNames({ prefix: "é:" })("a"), "é:a");
  });

  it("are refused where the key can't be had", () => {
    const nameOf = makeNames({ prefix: "p:", longest: 10, refuse: true, noNul: true });
    assert.equal(nameOf("é".repeat(4)), "p:éééé");
    const bad = {
      "\ud800": "the key must be text that UTF-8 can carry",
      "a\0": "the key must not have a NUL",
      [`${"é".repeat(4)}a`]:
        "the key must have at most 10 bytes with its prefix, and has 11; use its hash",
    };
    for (const [key, message] of Object.entries(bad)) {
      assert.throws(() => nameOf(key), { message });
    }
  });

  it("end in a hash where they would be too long, or look like one that is", () => {
    const nameOf = makeNames({ prefix: "p:", longest: 100 });
    assert.equal(nameOf("a".repeat(98)), `p:${"a".repeat(98)}`);
    const hashed = nameOf("a".repeat(99));
    assert.match(hashed, /^p:a{38}~[0-9a-f]{64}$/);
    assert.match(nameOf("€".repeat(33)), /~[0-9a-f]{64}$/);
    assert.notEqual(makeNames({ prefix: undefined, longest: 200 })(hashed), hashed);
  });

  it("begin with no prefix that can't be one", () => {
    const bad: [Partial<Naming>, string | RegExp][] = [
      [{ prefix: 1 as never }, "`keyPrefix` must be a string, and is 1"],
      [{ prefix: null as never }, "`keyPrefix` must be a string, and is null"],
      [
        { prefix: "abc", longestPrefix: 2, option: "cache.keyPrefix" },
        '`cache.keyPrefix` must be a string of at most 2 characters, and is "abc"',
      ],
      [
        { prefix: "\ud800" },
        '`keyPrefix` must be a string, and must be text that UTF-8 can carry, and is "\\ud800"',
      ],
      [
        { prefix: "\0", noNul: true },
        /^`keyPrefix` must be a string, and must not have a NUL, / as never,
      ],
    ];
    for (const [naming, message] of bad) {
      assert.throws(() => makeNames({ prefix: "", ...naming }), { name: "TypeError", message });
    }
  });
});
