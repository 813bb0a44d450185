import { Deferred, Effect } from "effect";
import type { Client } from "memjs-types";
import assert from "node:assert/strict";
import { createConnection, createServer, type Socket } from "node:net";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import {
  memcachedAdapter,
  type MemcachedAdapterOptions,
  type MemcachedClient,
  memcachedLeases,
} from "../../../adapters/memcached.ts";
import { Cache, isAdapterError } from "../../../mod.ts";
import { randomToken } from "../../../src/model/token.ts";
import { conformance, type Gaps } from "../../conformance/mod.ts";
import { variable, withoutServer } from "../../support/address.ts";
import { countMemcached, memcachedUrl, openMemcached } from "./clients.ts";
import { askMemcached, startMemcached } from "../../servers/memcached.ts";
import type { StartedServer } from "../../servers/server.ts";
import { sideBySide } from "../../support/side_by_side.ts";
import { reversed } from "../../support/reversed.ts";

const binary = variable("MEMCACHED_SERVER");
const skip = memcachedUrl === undefined
  ? withoutServer("MEMCACHED_URL")
  : binary === undefined
  ? withoutServer("MEMCACHED_SERVER")
  : false;

describe("memcached: the suite", () => {
  let other: StartedServer;
  before(async () => void (skip || (other = await startMemcached(binary!))));
  after(async () => void (skip || await other.stop()));

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
      corrupt: (key) => use((client) => client.set(item(key), "{", {})),
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
  const clients: Client[] = [];
  const servers: StartedServer[] = [];
  const connect = async (servers = memcachedUrl!, options: object = {}) => {
    const client = await openMemcached(servers, options);
    clients.push(client);
    return client;
  };
  const start = async (options: Parameters<typeof startMemcached>[1] = {}) => {
    const server = await startMemcached(binary!, options);
    servers.push(server);
    return server;
  };
  after(async () => {
    for (const client of clients) client.close();
    for (const server of servers) await server.stop();
  });
  const run = Effect.runPromise;
  const newKey = () => `memcached.test:${randomToken()}`;
  const port = Number(memcachedUrl?.split(":").at(-1));
  /** One field of an item as the server has it: its time to live (`t`) or its flags (`f`); undefined without an item. */
  const fieldOf = async (key: string, field: "t" | "f") => {
    const [line] = await askMemcached(port, `mg ${key} ${field}`);
    return line === "EN" ? undefined : Number(line!.replace(/^HD [tf]/, ""));
  };
  const itemOf = async (client: Client, name: string) => {
    const { value } = await client.get(name);
    return value && String(value);
  };

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
      const answer = await run(store.acquire(key, "c", 5000, "a"));
      if (outcome === "uncached") assert.deepEqual(answer, { _tag: "Ended", outcome });
      else assert.deepEqual(answer, { _tag: "Leader", remaining: 5000, after: outcome });
    }
  });

  it("remembers the leases of so many owners, and looks for those of others", async () => {
    const store = memcachedAdapter({ client: await connect() });
    const keys = Array.from({ length: 10_001 }, newKey);
    for (let i = 0; i < keys.length; i += 500) {
      await run(Effect.forEach(
        keys.slice(i, i + 500),
        (key) => store.acquire(key, "a", 5000),
        { concurrency: "unbounded" },
      ));
    }
    const seen = await countMemcached(memcachedUrl!);
    assert.equal(await run(store.fill(keys[0]!, "a", "value", 1000)), true);
    assert.deepEqual(await seen.take(), ["get", "set"]);
    assert.equal(await run(store.fill(keys.at(-1)!, "a", "value", 1000)), true);
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
    await run(store.set(key, "value", 5000));
    const [server] = client.servers as unknown as Record<string, unknown>[];
    assert.ok(server!._socket);
    assert.ok(server!.responseBuffer);
    for (const field of ["_socket", "responseBuffer"]) {
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
    let fetches = 0;
    const herd = Array.from({ length: 50 }, () =>
      Cache.getOrSet({
        adapter: { type: "memcached", options: { client, keyPrefix: "herd:" } },
        key,
        cacheTtl: 1000,
        fetcher: () => Effect.as(Effect.sleep(20), ++fetches),
      }));
    const seen = await countMemcached(memcachedUrl!);
    const results = await run(Effect.all(herd, { concurrency: "unbounded" }));
    assert.deepEqual(new Set(results.map(({ value }) => value)), new Set([1]));
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
    for (const [options, message] of bad) {
      assert.throws(() => memcachedAdapter(options as never), { name: "TypeError", message });
      assert.throws(() => memcachedLeases(options as never), { name: "TypeError", message });
    }
    const none = { adapter: { type: "memcached", options: {} as never }, key: "a" } as const;
    const error = await run(
      Effect.flip(Cache.getOrSet({ ...none, fetcher: () => Effect.succeed(1) })),
    );
    assert.equal(error._tag, "VALIDATION_ERROR");
    assert.match(error.message, /`client` must be given, and is undefined/);
  });

  describe("keys", () => {
    it("are their items' names where every client can use them", async () => {
      const client = await connect();
      const store = memcachedAdapter({ client, keyPrefix: "p:" });
      const key = newKey();
      for (const plain of [key, `${key}~!{}"'\\`, key + "x".repeat(248 - key.length)]) {
        await run(store.set(plain, plain, 5000));
        assert.equal(await itemOf(client, `p:${plain}`), JSON.stringify(plain));
      }
    });

    it("are hashed where they are too long, or have spaces, control characters or Unicode", async () => {
      const client = await connect();
      const store = memcachedAdapter({ client });
      const key = newKey();
      const hash = /^[!-~]{1,185}~[0-9a-f]{64}$/;
      const odd = [" ", "\r\nset a 0 0 1", "\0", "\x7f", "é", "日本".repeat(200), "x".repeat(250)];
      for (const each of odd.map((end) => key + end)) {
        await run(store.set(each, each, 5000));
        const names: string[] = [];
        const spy = { ...spied(client), server: (name: string) => (names.push(name), null) };
        assert.deepEqual(await run(memcachedAdapter({ client: spy }).get(each)), { value: each });
        assert.match(names[0]!, hash);
        assert.equal(names[0]!.startsWith(key), true);
        assert.equal(await itemOf(client, names[0]!), JSON.stringify(each));
        // Who asks for this very name asks for another key.
        assert.equal(await run(store.get(names[0]!)), undefined);
      }
    });

    it("are not asked for where UTF-8 can't carry them", async () => {
      const store = memcachedAdapter({ client: await connect() });
      const error = await run(Effect.flip(store.get("\ud800")));
      assert.match(error.message, /the key must be text that UTF-8 can carry/);
    });
  });

  describe("times to live", () => {
    const secondsLeft = async (key: string) => (await fieldOf(key, "t"))!;
    const DAY = 24 * 60 * 60;

    it("are never over too soon, whatever part of the server's second they begin in", async () => {
      const store = memcachedAdapter({ client: await connect() });
      const live = async (index: number) => {
        await sleep(50 * index);
        const [entry, lease] = [newKey(), newKey()];
        const began = performance.now();
        await run(store.set(entry, "value", 1000));
        await run(store.acquire(lease, "a", 1000));
        for (const key of [entry, lease]) assert.ok(await secondsLeft(key) <= 2);
        await sleep(900);
        const alive = [await run(store.get(entry)), await run(store.renew(lease, "a", 1000))];
        // A slow machine may have come too late.
        if (performance.now() - began < 1000) assert.deepEqual(alive, [{ value: "value" }, true]);
      };
      await Promise.all(Array.from({ length: 20 }, (_, index) => live(index)));
    });

    it("are a date beyond 30 days, for entries", async () => {
      const store = memcachedAdapter({ client: await connect() });
      for (const days of [29, 30, 31, 400, 3650]) {
        const key = newKey();
        await run(store.set(key, "value", days * DAY * 1000));
        const left = await secondsLeft(key);
        assert.ok(Math.abs(left - days * DAY) < 10, `${left} seconds for ${days} days`);
      }
      const key = newKey();
      await run(store.set(key, "value", 36_500 * DAY * 1000));
      assert.ok(await secondsLeft(key) > 70 * 365 * DAY);
      await run(store.set(key, "value"));
      assert.equal(await secondsLeft(key), -1);
    });

    it("are 30 days at most, for leases", async () => {
      const store = memcachedAdapter({ client: await connect() });
      const key = newKey();
      await run(store.acquire(key, "a", 40 * DAY * 1000));
      const left = await secondsLeft(key);
      assert.ok(left > 29 * DAY && left <= 30 * DAY, `${left}`);
    });
  });

  describe("items of others", () => {
    it("are entries if they can be decoded", async () => {
      const client = await connect();
      const store = memcachedAdapter({ client });
      const key = newKey();
      await client.set(key, '{"from":"elsewhere"}', {});
      assert.deepEqual((await run(store.get(key)))?.value, { from: "elsewhere" });
    });

    it("are corrupt if they can't, and nothing of them is told", async () => {
      const client = await connect();
      const store = memcachedAdapter({ client });
      const key = newKey();
      await client.set(key, "secret bytes", {});
      const unreadable = await run(Effect.flip(store.get(key)));
      assert.equal(unreadable.corrupt, true);
      assert.equal(
        unreadable.message,
        `Cannot read the entry of "${key}": the codec can't decode what is stored`,
      );
      assert.equal(unreadable.cause, undefined);
      const unwritable = await run(Effect.flip(store.set(key, { secret: 1n })));
      assert.equal(
        unwritable.message,
        `Cannot store the value of "${key}": the codec can't encode the value`,
      );
    });

    it("are no leases, even with the flags of one", async () => {
      const client = await connect();
      const store = memcachedAdapter({ client });
      for (const text of ["{", "null", "5", "[]", '{"ttl":-1}', '{"owner":"a"}']) {
        const key = newKey();
        await run(store.acquire(key, "a", 5000));
        const flags = await fieldOf(key, "f");
        await askMemcached(port, `set ${key} ${flags} 0 ${text.length}\r\n${text}`);
        const answer = await run(store.acquire(key, "b", 5000));
        assert.equal(answer._tag, text === "{" ? "Leader" : "Hit");
      }
    });
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
    assert.equal((await run(two!.acquire(key, "b", 5000, "a")))._tag, "Ended");

    const cache = Cache.make({ adapter: one! });
    const stored = await run(Effect.flip(cache.set(key, large)));
    assert.equal(stored._tag, "CACHE_SET_FAILED");
    const { value, meta } = await run(
      cache.getOrSet(newKey(), () => Effect.succeed(large), {
        hooks: { onError: ({ _tag }) => Effect.sync(() => assert.equal(_tag, "CACHE_SET_FAILED")) },
      }),
    );
    assert.equal(value, large);
    assert.equal(meta.cache, "MISS-LEADER-NOCACHE");
  });

  it("keeps leases alone, for entries that are elsewhere", async () => {
    const [one, two] = [await connect(), await connect()];
    const key = newKey();
    // What else lies under the key in memcached is none of their business.
    await one.set(key, "foreign", {});
    const entries = new Map<string, unknown>();
    const cache = {
      get: (key: string) => Effect.sync(() => entries.get(key) ?? null),
      set: (key: string, value: unknown) => Effect.sync(() => entries.set(key, value)),
    };
    const clientOf = (client: Client) =>
      Cache.make({ adapter: { cache }, leases: memcachedLeases({ client }) });
    let fetches = 0;
    const fetcher = () => Effect.as(Effect.sleep(50), ++fetches);
    const results = await Promise.all(
      [one, two].map((client) => run(clientOf(client).getOrSet(key, fetcher))),
    );
    assert.deepEqual(results.map(({ value }) => value), [1, 1]);
    assert.equal(await itemOf(one, key), "foreign");
    assert.equal(await itemOf(one, `lease:${key}`), null);
  });

  it("spreads keys over several servers, the same for every client", async () => {
    const both = await Promise.all([start(), start()]);
    const list = both.map(({ url }) => url).join();
    const [one, two] = [await connect(list), await connect(list)].map((client) =>
      memcachedAdapter({ client })
    );
    for (let i = 0; i < 40; i++) {
      const key = newKey();
      assert.equal((await run(one!.acquire(key, "a", 5000)))._tag, "Leader");
      assert.equal((await run(two!.acquire(key, "b", 5000)))._tag, "Follower");
      assert.equal(await run(one!.fill(key, "a", key)), true);
      assert.deepEqual(await run(two!.get(key)), { value: key });
    }
    for (const { port } of both) {
      const items = (await askMemcached(port, "stats")).find((line) => /curr_items/.test(line));
      assert.ok(Number(items?.split(" ").at(-1)) > 5, `${items}`);
    }
  });

  describe("trouble", () => {
    it("is found again as the leader when the reply was lost", async () => {
      const client = await connect();
      const store = memcachedAdapter({ client: losing(client, 1) });
      const key = newKey();
      assert.equal((await run(store.acquire(key, "a", 5000)))._tag, "Leader");
      assert.equal(await run(store.fill(key, "a", "value")), true);
    });

    it("fails when a request fails twice", async () => {
      const store = memcachedAdapter({ client: losing(await connect(), 2) });
      const error = await run(Effect.flip(store.acquire(newKey(), "a", 5000)));
      assert.equal(error.message.endsWith(": the reply was lost"), true);
    });

    it("refuses the fill of a lease that a server forgot that was started again", async () => {
      const server = await start();
      const [one, two] = [await connect(server.url), await connect(server.url)].map((client) =>
        memcachedAdapter({ client })
      );
      assert.equal((await run(one!.acquire("key", "a", 5000)))._tag, "Leader");
      await server.stop();
      await start({ port: server.port });
      await sleep(50);
      // It counts anew: this lease has the same CAS.
      assert.equal((await run(two!.acquire("key", "b", 5000)))._tag, "Leader");
      assert.equal(await run(one!.fill("key", "a", "stale")), false);
      assert.equal(await run(one!.renew("key", "a", 5000)), false);
      await run(one!.release("key", "a", "failed"));
      assert.equal(await run(two!.fill("key", "b", "value")), true);
    });

    it("refuses the fill that was under way when the server was started again", async () => {
      const server = await start();
      const client = await connect(server.url);
      const other = memcachedAdapter({ client: await connect(server.url) });
      const REPLACE = 3;
      let fills = 0;
      const store = memcachedAdapter({
        client: {
          ...spied(client),
          get seq() {
            return client.seq;
          },
          perform(key, request, seq, callback, retries) {
            if (request[1] !== REPLACE || fills++ > 0) {
              return (client as MemcachedClient).perform(key, request, seq, callback, retries);
            }
            server.stop()
              .then(() => start({ port: server.port }))
              .then(() => run(other.acquire("key", "b", 5000)))
              .then(() => callback(new Error("the connection was lost"), undefined as never));
          },
        },
      });
      assert.equal((await run(store.acquire("key", "a", 5000)))._tag, "Leader");
      // The other's lease has the same CAS.
      assert.equal(await run(store.fill("key", "a", "stale")), false);
      assert.equal(fills, 1);
      assert.equal(await run(other.fill("key", "b", "value")), true);
    });

    it("is told of a server without CAS", async () => {
      const { url } = await start({ args: ["-C"] });
      const adapter = memcachedAdapter({ client: await connect(url) });
      const error = await run(Effect.flip(
        Cache.getOrSet({ adapter, key: "key", fetcher: () => Effect.succeed(1) }),
      ));
      assert.equal(error._tag, "LEASE_ACQUIRE_FAILED");
      assert.match(error.message, /memcached runs with `-C`/);
    });

    it("fails soon when the server is down, or bypasses it", async () => {
      const server = await start();
      const adapter = memcachedAdapter({ client: await connect(server.url) });
      await server.stop();
      const call = { adapter, key: "key", fetcher: () => Effect.succeed("value") };
      const error = await run(Effect.flip(Cache.getOrSet(call)));
      assert.equal(error._tag, "CACHE_GET_FAILED");
      assert.match(error.message, /ECONNREFUSED|refused/);
      const { value, meta } = await run(Cache.getOrSet({
        ...call,
        onCacheFailure: "bypass",
        hooks: { onError: () => Effect.void },
      }));
      assert.deepEqual([value, meta.cache], ["value", "BYPASS"]);
    });

    it("goes on when a connection was cut in the midst of a reply", async () => {
      const part = 10_000;
      for (const end of ["resetAndDestroy", "resume"] as const) {
        let cuts = 1;
        const cutting = createServer((socket) => {
          const upstream = createConnection(port, "127.0.0.1");
          for (const each of [socket, upstream]) each.on("error", () => {});
          socket.on("data", (data) => upstream.write(data));
          socket.on("close", () => upstream.destroy());
          upstream.on("data", (data: Uint8Array) => {
            if (data.length < part || cuts-- <= 0) return void socket.write(data);
            upstream.removeAllListeners("data");
            socket.write(data.subarray(0, part), () => setTimeout(() => socket[end](), 50));
          });
        });
        await new Promise<void>((resolve) => cutting.listen(0, "127.0.0.1", resolve));
        const address = cutting.address() as { readonly port: number };
        const client = await connect(`127.0.0.1:${address.port}`, { timeout: 0.2 });
        const store = memcachedAdapter({ client });
        const [large, small] = [newKey(), newKey()];
        await run(store.set(large, "x".repeat(100 * part)));
        await run(store.set(small, "value"));
        assert.equal((await run(store.get(large)))?.value, "x".repeat(100 * part));
        assert.equal(cuts < 1, true);
        assert.deepEqual(await run(store.get(small)), { value: "value" });
        client.close();
        cutting.close();
      }
    });

    it("has nothing sent again of callers that have gone", async () => {
      const SET = 1;
      const opcodes: number[] = [];
      const sockets: Socket[] = [];
      // It ends the first connection without an answer, which memjs doesn't notice, and is deaf on the others.
      const deaf = createServer((socket) => {
        const first = sockets.push(socket) === 1;
        socket.on("error", () => {});
        socket.on("data", (data: Uint8Array) => {
          opcodes.push(data[1]!);
          if (first) socket.end();
        });
      });
      await new Promise<void>((resolve) => deaf.listen(0, "127.0.0.1", resolve));
      const { port } = deaf.address() as { readonly port: number };
      const store = memcachedAdapter({
        client: await connect(`127.0.0.1:${port}`, { timeout: 0.2, retry_delay: 0.05 }),
      });
      const set = await run(Effect.timeoutOption(Effect.exit(store.set("key", "stale")), 100));
      assert.equal(set._tag, "None");
      // It times out, or memjs loses it with the first connection, where only the engine's timeout helps.
      const got = await run(Effect.timeoutOption(Effect.flip(store.get("key")), 1000));
      if (got._tag === "Some") assert.match(got.value.message, /timed out/);
      await sleep(300);
      assert.equal(opcodes.filter((opcode) => opcode === SET).length, 1, `${opcodes}`);
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => deaf.close(resolve));
    });
  });
});

/** A client that does what another does. */
function spied(client: Client): MemcachedClient {
  return {
    get seq() {
      return client.seq;
    },
    incrSeq: () => client.incrSeq(),
    server: (key) => client.server(key),
    perform: (key, request, ...rest) => (client as MemcachedClient).perform(key, request, ...rest),
  };
}

/** A client to which the first replies are lost. */
function losing(client: Client, replies: number): MemcachedClient {
  return {
    ...spied(client),
    get seq() {
      return client.seq;
    },
    perform: (key, request, seq, callback, retries) =>
      (client as MemcachedClient).perform(key, request, seq, (error, response) => {
        if (replies-- > 0) callback(new Error("the reply was lost"), response);
        else callback(error, response);
      }, retries),
  };
}
