import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { lastingMap, lastingSet } from "../../src/engine/lasting.ts";

describe("what lasts, and is emptied again and again", () => {
  it("is a map", () => {
    const map = lastingMap<string, number>();
    for (const many of [1, 30, 3]) {
      for (let item = 0; item < many; item++) map.set(`${item}`, item);
      assert.equal(map.size(), many);
      assert.equal(map.get("0"), 0);
      for (let item = 0; item < many; item++) assert.equal(map.delete(`${item}`), true);
      assert.equal(map.delete("0"), false);
      assert.equal(map.size(), 0);
      assert.equal(map.get("0"), undefined);
    }
  });

  it("is a set, which may lose what it has while it is gone through", () => {
    const set = lastingSet<number>();
    for (const many of [1, 30, 3]) {
      for (let item = 0; item < many; item++) set.add(item);
      assert.deepEqual([...set], Array.from({ length: many }, (_, item) => item));
      let seen = 0;
      for (const item of set) {
        assert.equal(set.has(item), true);
        assert.equal(set.delete(item), true);
        seen++;
      }
      assert.equal(seen, many);
      assert.equal(set.size(), 0);
      assert.deepEqual([...set], []);
    }
  });
});
