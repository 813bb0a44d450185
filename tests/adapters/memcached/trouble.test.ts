import { Effect } from "effect";
import type { Client } from "memjs-types";
import assert from "node:assert/strict";
import { createConnection, createServer, type Socket } from "node:net";
import { describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { memcachedAdapter, type MemcachedClient } from "../../../adapters/memcached.ts";
import { Cache } from "../../../mod.ts";
import { assertUnusable } from "../../support/adapter_cases.ts";
import { connect, newKey, port, run, skip, spied, start } from "./fixture.ts";

/** Replaces an item. */
const REPLACE = 0x03;

describe("memcached in trouble of its own", { skip }, () => {
  it("is found again as the leader when the reply was lost", async () => {
    const client = await connect();
    const store = memcachedAdapter({ client: losing(client, 1) });
    const key = newKey();
    assert.equal((await run(store.acquire(key, "a", 5000)))._tag, "Leader");
    assert.equal(await run(store.fill(key, "a", "value")), true);
  });

  it("says that a value is stored when the reply to its fill was lost", async () => {
    const client = await connect();
    const store = memcachedAdapter({ client: losing(client, 1, REPLACE) });
    for (const value of ["value", "another"]) {
      const key = newKey();
      assert.equal((await run(store.acquire(key, "a", 5000)))._tag, "Leader");
      assert.equal(await run(store.fill(key, "a", value)), true);
      assert.deepEqual(await run(store.get(key)), { value });
      assert.equal(await run(store.fill(key, "b", "of a stranger")), false);
    }
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

  it("goes on with the server to which the client fails over", async () => {
    const [down, { url }] = [await start(), await start()];
    await down.stop();
    // Each client finds out for itself that the server is down, by the first key that it had.
    for (const key of Array.from({ length: 8 }, newKey)) {
      const client = await connect(`${down.url},${url}`, { failover: true, retry_delay: 0.01 });
      const store = memcachedAdapter({ client });
      assert.equal((await run(store.acquire(key, "a", 5000)))._tag, "Leader");
      assert.equal(await run(store.fill(key, "a", "value")), true);
      assert.deepEqual((await run(store.get(key)))?.value, "value");
    }
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
    await assertUnusable(adapter, /ECONNREFUSED|refused/, 2000);
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
      assert.deepEqual((await run(store.get(small)))?.value, "value");
      client.close();
      cutting.close();
    }
  });

  it("sends again at once what was under way when the peer closed the connection", async () => {
    let cut = false;
    const closing = createServer((socket) => {
      const upstream = createConnection(port, "127.0.0.1");
      for (const each of [socket, upstream]) each.on("error", () => {});
      socket.on("data", (data) => {
        if (!cut) return void upstream.write(data);
        cut = false;
        socket.end();
      });
      socket.on("close", () => upstream.destroy());
      upstream.on("data", (data) => socket.write(data));
    });
    await new Promise<void>((resolve) => closing.listen(0, "127.0.0.1", resolve));
    const address = closing.address() as { readonly port: number };
    const client = await connect(`127.0.0.1:${address.port}`, { timeout: 10 });
    const store = memcachedAdapter({ client });
    const keys = Array.from({ length: 10 }, newKey);
    for (const key of keys) await run(store.set(key, key));
    for (let round = 0; round < 3; round++) {
      cut = true;
      const got = keys.map((key) => Effect.timeoutOption(store.get(key), 1500));
      const answers = await run(Effect.all(got, { concurrency: "unbounded" }));
      const values = answers.map((answer) => answer._tag === "Some" && answer.value?.value);
      assert.deepEqual(values, keys);
      assert.equal(cut, false);
    }
    client.close();
    closing.close();
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

/** A client to which the first replies, or those to requests of an opcode, are lost. */
function losing(client: Client, replies: number, opcode?: number): MemcachedClient {
  return {
    ...spied(client),
    get seq() {
      return client.seq;
    },
    perform: (key, request, seq, callback, retries) =>
      (client as MemcachedClient).perform(key, request, seq, (error, response) => {
        if ((opcode === undefined || request[1] === opcode) && replies-- > 0) {
          callback(new Error("the reply was lost"), response);
        } else callback(error, response);
      }, retries),
  };
}
