import assert from "node:assert/strict";
import process from "node:process";
import { describe, it } from "node:test";
import { redisNames } from "../../../adapters/redis/names.ts";

const pieces = ["", "a", "{", "}", "{a}", "lease:", ":", "#", "1", "~"];
const words = pieces.flatMap((a) => pieces.flatMap((b) => pieces.map((c) => a + b + c)));

describe("the names of redis", () => {
  it("give no entry the name of a lease, and no two entries the same", () => {
    const prefixes = ["", "app:", "{app}:"].flatMap((ofClient) => [
      ...["", "lease:", "{a}"].flatMap((ofEntries) =>
        ["lease:", ""].map((ofLeases) => ({ ofClient, ofEntries, ofLeases }))
      ),
      ...ofClient === "" ? [{ ofClient, ofEntries: "{a}", ofLeases: "{a}" }] : [],
    ]);
    for (const each of prefixes) {
      const { entryOf, leaseOf } = redisNames(each);
      const plain = [...new Set(words)].map((word) => each.ofEntries + word);
      const asLeases = plain.map(leaseOf).filter((name) => name.startsWith(each.ofEntries));
      const names = [...plain, ...asLeases.flatMap((name) => [name, `${name}~`, `${name}~~`])];
      const nameOf = new Map<string, string>();
      for (const name of names) {
        const entry = entryOf(name);
        assert.equal(nameOf.get(entry) ?? name, name, `${entry} of two keys`);
        nameOf.set(entry, name);
      }
      assert.equal([...nameOf].some(([entry, name]) => entry !== name), asLeases.length > 0);
      for (const entry of nameOf.keys()) {
        assert.ok(!nameOf.has(leaseOf(entry)), `${leaseOf(entry)} is an entry and a lease`);
      }
    }
  });

  it("leave a key as it is that is not named as a lease", () => {
    const { entryOf } = redisNames({ ofClient: "", ofEntries: "", ofLeases: "lease:" });
    const plain = [
      "user:42",
      "{user}:42",
      "{a}",
      "lease:42",
      "lease:42:",
      "lease:",
      "lease:a}",
      "a~",
    ];
    for (const name of plain) assert.equal(entryOf(name), name);
    assert.equal(entryOf("lease:{user:42}"), "lease:{user:42}~");
    assert.equal(entryOf("lease:{user:42}~"), "lease:{user:42}~~");
  });

  it("are found for the longest key in a moment", () => {
    const { entryOf } = redisNames({ ofClient: "", ofEntries: "", ofLeases: "lease:" });
    const name = `lease:${"~".repeat(60_000)}}`;
    const { user } = process.cpuUsage();
    assert.equal(entryOf(name), name);
    assert.ok(process.cpuUsage().user - user < 1_000_000);
  });
});
