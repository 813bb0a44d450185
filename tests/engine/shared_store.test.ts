import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { memoryAdapter } from "../../adapters/memory.ts";
import { sharedStore } from "../../src/store/shared_store.ts";

/** A client with nothing of its own, as the bindings of Workers are. */
class Binding {
  get(): void {}
}

describe("one store for the same options", () => {
  const binding = new Binding();
  const codec = { encode: () => "", decode: () => 0 };
  const sql = () => {};
  const storeOf = (options: object, adapter = "a") => sharedStore(adapter, options, memoryAdapter);

  it("takes equal data, in any order, and the same objects for the same", () => {
    const store = storeOf({ binding, sql, codec, cache: { keyPrefix: "a" }, table: "t" });
    const again = { table: "t", cache: { keyPrefix: "a" }, codec, sql, binding, other: undefined };
    assert.equal(storeOf(again), store);
  });

  it("takes everything else for another", () => {
    const cache = { keyPrefix: "a" };
    const stores = [
      {},
      { binding },
      { binding: new Binding() },
      { sql },
      { sql: () => {} },
      { binding, sql },
      { binding: sql, sql: binding },
      { binding, codec },
      { binding, codec: { ...codec } },
      { binding, cache },
      { binding, cache: { keyPrefix: "b" } },
      { binding, leases: cache },
      { binding, cache: {} },
      { binding, cache: 1 },
      { binding, cache: "1" },
    ].map((options) => storeOf(options));
    stores.push(storeOf({ binding }, "b"));
    assert.equal(new Set(stores).size, stores.length);
  });

  it("takes an object for no number that stands in its place", () => {
    const object = new Binding();
    const swapped = [storeOf({ a: object, b: 1 }), storeOf({ a: 1, b: object })];
    assert.notEqual(swapped[0], swapped[1]);
  });

  it("keeps no more than the last hundred of the same clients", () => {
    const client = new Binding();
    const ofTenant = (tenant: number) => storeOf({ client, keyPrefix: `${tenant}:` });
    const [first, second] = [ofTenant(0), ofTenant(1)];
    for (let tenant = 2; tenant < 100; tenant++) ofTenant(tenant);
    assert.equal(ofTenant(0), first);
    ofTenant(100);
    assert.equal(ofTenant(0), first, "it was used since");
    assert.notEqual(ofTenant(1), second, "it was used least lately");
  });
});
