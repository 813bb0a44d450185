import { Deferred, Effect } from "effect";
import type { Client } from "memjs-types";
import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import {
  memcachedAdapter,
  type MemcachedAdapterOptions,
  type MemcachedClient,
  memcachedLeases,
} from "../../../adapters/memcached.ts";
import { Cache, isAdapterError } from "../../../mod.ts";
import type { Leader } from "../../../src/store/store.ts";
import { conformance, type Gaps } from "../../conformance/mod.ts";
import { damageOf } from "./damage.ts";
import { countMemcached, memcachedUrl, openMemcached } from "./clients.ts";
import type { StartedServer } from "../../servers/server.ts";
import { sideBySide } from "../../support/side_by_side.ts";
import { damageFor, reversed } from "../../support/reversed.ts";
import { connect, fieldOf, itemOf, newKey, run, skip, spied, start } from "./fixture.ts";
import {
  assertLeaseAlone,
  assertMeet,
  assertRefused,
  assertUnstored,
} from "../../support/adapter_cases.ts";

describe("memcached: the suite", () => {
  let other: StartedServer;
  before(async () => void (skip || (other = await start())));

  const suite = (
    name: string,
    servers: () => string,
    options: Omit<MemcachedAdapterOptions, "client"> = {},
    gaps: Gaps = {},
  ) => {
    const open = Effect.suspend(() => Effect.promise(() => openMemcached(servers())));
    const close = (client: Client) => Effect.sync(() => client.close());
    const use = <A>(run: (client: Client) => Promise<A>) =>
      Effect.acquireUseRelease(open, (client) => Effect.promise(() => run(client)), close);
    const item = (key: string) => `${options.keyPrefix ?? ""}${key}`;
    return conformance({
      open: Effect.map(
        Effect.acquireRelease(open, close),
        (client) => memcachedAdapter({ client, ...options }),
      ),
      granularity: 1000,
      gaps: { push: "memcached has none", ...gaps },
      damage: damageFor(
        options.codec,
        damageOf(
          () => servers().split(",").map((server) => Number(server.split(":").at(-1))),
          item,
        ),
      ),
      leftovers: (key) =>
        use(async (client) => {
          const { value } = await client.get(item(key));
          return value === null ? [] : [String(value)];
        }),
      values: options.codec ? [[null, "é"]] : [],
    }).map((each) => ({ ...each, name: `${name}: ${each.name}` }));
  };

  sideBySide([
    ...suite("one server", () => memcachedUrl!),
    ...suite("two servers, every option", () => `${memcachedUrl},${other.url}`, {
      keyPrefix: "app:",
      codec: reversed,
    }, { clocks: "what one server shows is enough" }),
  ], { skip, atOnce: 20 });
});

describe("memcached", { skip }, () => {
  it("has the client of memjs fit its types", async () => {
    const fits = (client: MemcachedClient) => client;
    const client: Client = await connect();
    assert.equal(fits(client), client);
  });

  it("needs one command for a hit, three for a miss, and four for who waits once", async () => {
    const clientOf = async () =>
      Cache.make({ adapter: memcachedAdapter({ client: await connect() }), waitMax: "1 minute" });
    const [one, two] = [await clientOf(), await clientOf()];
    const seen = await countMemcached(memcachedUrl!);
    const key = newKey();
    await run(one.getOrSet(key, () => Effect.succeed("value")));
    assert.deepEqual(await seen.take(), ["get", "set", "set"]);
    await run(two.getOrSet(key, () => Effect.succeed("other")));
    assert.deepEqual(await seen.take(), ["get"]);

    const key2 = newKey();
    const done = await run(Deferred.make<string>());
    const leading = run(one.getOrSet(key2, () => Deferred.await(done)));
    while (await fieldOf(key2, "f") === undefined) await sleep(5);
    await seen.take();
    const following = run(
      two.getOrSet(key2, () => Effect.succeed("other"), { waitStrategy: () => 500 }),
    );
    await sleep(200);
    await run(Deferred.succeed(done, "value"));
    assert.equal((await following).value, "value");
    await leading;
    // One of those that set is the leader's.
    assert.deepEqual(await seen.take(), ["get", "get", "get", "set", "set"]);
  });

  it("needs one command for a renewal, and one for a release", async () => {
    const store = memcachedAdapter({ client: await connect() });
    const key = newKey();
    await run(store.acquire(key, "a", 5000));
    const seen = await countMemcached(memcachedUrl!);
    assert.equal(await run(store.renew(key, "a", 5000)), true);
    assert.equal(await run(store.renew(key, "a", 5000)), true);
    assert.deepEqual(await seen.take(), ["set", "set"]);
    await run(store.release(key, "a", "cancelled"));
    assert.deepEqual(await seen.take(), ["delete"]);
  });

  it("remembers how a lease ended when the next one is cancelled", async () => {
    const store = memcachedAdapter({ client: await connect() });
    for (const outcome of ["failed", "uncached"] as const) {
      const key = newKey();
      await run(store.acquire(key, "a", 5000));
      await run(store.release(key, "a", outcome));
      await run(store.acquire(key, "b", 5000));
      await run(store.release(key, "b", "cancelled"));
      const answer = await run(store.acquire(key, "c", 5000, { waitedFor: "a" }));
      if (outcome === "uncached") assert.deepEqual(answer, { _tag: "Ended", outcome });
      else {
        const { _tag, remaining, after } = answer as Leader;
        assert.deepEqual([_tag, remaining, after], ["Leader", 5000, outcome]);
      }
    }
  });

  it("remembers the leases of so many owners, and looks for those of others", async () => {
    // A busy machine takes a while for so many.
    const store = memcachedAdapter({ client: await connect(memcachedUrl, { timeout: 60 }) });
    const keys = Array.from({ length: 10_001 }, newKey);
    for (let i = 0; i < keys.length; i += 500) {
      await run(Effect.forEach(
        keys.slice(i, i + 500),
        (key) => store.acquire(key, "a", 600_000),
        { concurrency: "unbounded" },
      ));
    }
    const seen = await countMemcached(memcachedUrl!);
    assert.equal(await run(store.fill(keys[0]!, "a", "value", { freshFor: 1000 })), true);
    assert.deepEqual(await seen.take(), ["get", "set"]);
    assert.equal(await run(store.fill(keys.at(-1)!, "a", "value", { freshFor: 1000 })), true);
    assert.deepEqual(await seen.take(), ["set"]);
  });

  it("makes a store of its own each time, as callers meet by it", async () => {
    const client = await connect();
    assert.notEqual(memcachedAdapter({ client }), memcachedAdapter({ client }));
  });

  it("relies on fields that memjs keeps to itself, and says which one is missing", async () => {
    const client = await connect();
    const store = memcachedAdapter({ client });
    const key = newKey();
    await run(store.set(key, "value", { freshFor: 5000 }));
    const [server] = client.servers as unknown as Record<string, unknown>[];
    assert.ok(server!._socket);
    assert.ok(server!.responseBuffer);
    assert.equal(typeof server!.error, "function");
    for (const field of ["_socket", "responseBuffer", "error"]) {
      const without = new Proxy(server!, {
        get: (of, name) => name === field ? undefined : of[name as string],
      });
      const other = { ...spied(client), server: () => without };
      const error = await run(Effect.flip(memcachedAdapter({ client: other }).get(key)));
      assert.match(error.message, new RegExp(`keeps no \`${field}\` of a server; use memjs 1.3`));
    }
  });

  it("has the callers of configs that are written out in each call meet", async () => {
    const client = await connect();
    const key = newKey();
    const seen = await countMemcached(memcachedUrl!);
    const config = () => ({ type: "memcached", options: { client, keyPrefix: "herd:" } } as const);
    await assertMeet(config, key);
    assert.deepEqual(await seen.take(), ["get", "set", "set"]);
    assert.equal(await itemOf(client, `herd:${key}`), "1");
  });

  it("refuses options that it can't use, with their names", async () => {
    const client = await connect();
    const bad: [unknown, RegExp][] = [
      [{}, /`client` must be a memjs client, and is undefined/],
      [{ client: {} }, /`client` must be a memjs client, and is an object/],
      [{ client, keyPrefix: 1 }, /`keyPrefix` must be a string, and is 1/],
      [{ client, keyPrefix: "\ud800" }, /`keyPrefix` must be a string/],
    ];
    await assertRefused("memcached", [memcachedAdapter, memcachedLeases], bad);
  });

  it("fails with a typed error where a value is too large, and keeps the lease", async () => {
    const [one, two] = [await connect(), await connect()].map((client) =>
      memcachedAdapter({ client })
    );
    const key = newKey();
    const large = "x".repeat(2 ** 20);
    const error = await run(Effect.flip(one!.set(key, large)));
    assert.ok(isAdapterError(error));
    assert.match(error.message, /Cannot store the value of .* larger than an item of memcached's/);

    await run(one!.acquire(key, "a", 5000));
    assert.match((await run(Effect.flip(one!.fill(key, "a", large)))).message, /larger than/);
    assert.equal((await run(two!.acquire(key, "b", 5000)))._tag, "Follower");
    await run(one!.release(key, "a", "uncached"));
    assert.equal((await run(two!.acquire(key, "b", 5000, { waitedFor: "a" })))._tag, "Ended");

    const cache = Cache.make({ adapter: one! });
    const stored = await run(Effect.flip(cache.set(key, large)));
    assert.equal(stored._tag, "CACHE_SET_FAILED");
    await assertUnstored(one!, newKey(), { value: large, message: /larger than an item/ });
  });

  it("keeps leases alone, for entries that are elsewhere", async () => {
    const [one, two] = [await connect(), await connect()];
    const key = newKey();
    // What else lies under the key in memcached is none of their business.
    await one.set(key, "foreign", {});
    await assertLeaseAlone([one, two].map((client) => memcachedLeases({ client })), key);
    // Nor does the entry of a key that is called so stand in the way.
    await run(memcachedAdapter({ client: one! }).set(`lease:${key}2`, "entry"));
    await assertLeaseAlone([one, two].map((client) => memcachedLeases({ client })), `${key}2`);
    assert.equal(await itemOf(one, key), "foreign");
    assert.equal(await itemOf(one, `lease:${key}`), null);
  });
});
