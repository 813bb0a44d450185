import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { makeOwnLeases, type OwnLease } from "../../../adapters/kit/own_leases.ts";

interface Lease {
  readonly owner: string;
  readonly ttl: number;
}

describe("a lease that this process wrote", () => {
  const { signal } = new AbortController();
  const target = { key: "a", name: "a", signal: () => signal };
  const lease: Lease = { owner: "me", ttl: 1000 };
  const pause = () => Promise.resolve();
  const open = () => makeOwnLeases<Lease, string>({ pause });

  /** Overwrites it, and notes what is looked for and which versions are written over. */
  async function overwrite(
    leases: ReturnType<typeof open>,
    found: OwnLease<Lease, string> | boolean = false,
    written: unknown[] = ["next"],
  ) {
    const steps: string[] = [];
    const isDone = await leases.overwrite(target, "me", {
      find() {
        steps.push("find");
        return Promise.resolve(found);
      },
      write({ version }) {
        steps.push(version);
        return Promise.resolve(written.shift());
      },
    });
    return [isDone, ...steps];
  }

  it("is overwritten once its own write has answered, without a look, and is forgotten then", async () => {
    const leases = open();
    let resolve = (_version: string) => {};
    const promise = new Promise<string>((done) => resolve = done);
    leases.note("a", lease, promise);
    assert.deepEqual([leases.ttlOf("a", "me"), leases.ttlOf("a", "other")], [1000, 0]);
    const overwriting = overwrite(leases);
    resolve("1");
    assert.deepEqual(await overwriting, [true, "1"]);
    assert.equal(leases.ttlOf("a", "me"), 0);
    assert.deepEqual(await overwrite(leases, true), [true, "find"]);
    assert.deepEqual(await overwrite(leases, false), [false, "find"]);
  });

  it("is looked for where its write was refused, has failed, or is another's", async () => {
    const leases = open();
    leases.note("a", lease, Promise.resolve(undefined));
    leases.note("b", lease, Promise.resolve("1"));
    leases.note("a", { ...lease, owner: "other" }, Promise.resolve("1"));
    await Promise.resolve();
    assert.equal(leases.ttlOf("a", "me"), 0);
    assert.deepEqual(await overwrite(leases, { lease, version: "2" }), [true, "find", "2"]);
    leases.note("a", lease, Promise.reject(new Error("broken")));
    assert.equal(leases.ttlOf("a", "me"), 1000);
    assert.deepEqual(await overwrite(leases, { lease, version: "2" }), [true, "find", "2"]);
    leases.note("a", lease, Promise.resolve("1"));
    leases.forget("a", "me");
    assert.deepEqual(await overwrite(leases), [false, "find"]);
  });

  it("is looked for again where another version is there", async () => {
    const leases = open();
    leases.note("a", lease, Promise.resolve("1"));
    const found = { lease, version: "2" };
    const steps = await overwrite(leases, found, [undefined, undefined, "next"]);
    assert.deepEqual(steps, [true, "1", "find", "2", "find", "2"]);
    await assert.rejects(overwrite(leases, found, []), /during each of 5 tries/);
  });
});
