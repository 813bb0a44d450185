import { Effect } from "effect";
import type { Redis } from "ioredis";
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { redisAdapter, type RedisClient } from "../../../adapters/redis.ts";
import { createCache } from "../../../promise.ts";
import { assertBackAfterCut, assertTold, found, kept, l1Of } from "../../support/told.ts";
import { until } from "../../support/until.ts";
import { libraries, openClient, redisUrl } from "./clients.ts";
import { closed, connect, newKey, oldest, skip } from "./fixture.ts";

describe("changes told by redis", { skip }, () => {
  const storeOf = (client: RedisClient, keyPrefix: string) =>
    redisAdapter({ client, cache: { keyPrefix } });
  const cacheOf = (client: RedisClient, keyPrefix: string) => l1Of(storeOf(client, keyPrefix));
  /** How a client of each library is opened. */
  const opening: readonly (() => Promise<RedisClient>)[] = [
    () => Promise.resolve(connect()),
    () => Promise.resolve(connect({}, oldest!)),
    ...libraries.map((library) => async () => {
      const { client, close } = await openClient(library, { url: redisUrl! });
      closed({ disconnect: close });
      return client;
    }),
  ];

  it("have L1s keep what nobody changes, and drop what another process does", async () => {
    await Promise.all(opening.map(async (open) => {
      const prefix = newKey();
      await assertTold([storeOf(await open(), prefix), storeOf(await open(), prefix)]);
    }));
  });

  it("that were missed while the connection was cut leave nothing old", async () => {
    const [prefix, admin] = [newKey(), connect()];
    await assertBackAfterCut(
      [storeOf(connect(), prefix), storeOf(connect(), prefix)],
      async () => Number(await admin.client("KILL", "TYPE", "pubsub")),
    );
  });

  it("are told again once a client that was closed is connected again", async () => {
    const [prefix, client] = [newKey(), connect()];
    const [one, two] = [cacheOf(client, prefix), cacheOf(connect(), prefix)];
    await two.set("a", "old");
    await kept(one, "a", "old");
    client.disconnect();
    await until(() => client.status === "end");
    // The line has found by then that there is none.
    await sleep(500);
    await assert.rejects(one.getOrSet("b", () => Promise.resolve("never stored")));
    await two.set("a", "new");
    await client.connect();
    await kept(one, "a", "new");
  });

  it("are counted beside the lease of a key of the same name", async () => {
    const [prefix, key] = [newKey(), "~changes"];
    const [store, other] = [storeOf(connect(), prefix), storeOf(connect(), prefix)];
    const run = <A>(effect: Effect.Effect<A, unknown, unknown>) =>
      Effect.runPromise(effect as Effect.Effect<A>);
    const one = l1Of(store);
    await one.set("a", "old");
    await kept(one, "a", "old");
    assert.equal((await run(store.acquire(key, "dead", 300)))._tag, "Leader");
    await sleep(2_000);
    assert.equal((await run(other.acquire(key, "next", 300)))._tag, "Leader");
    assert.equal((await found(one, "a"))[1], "l1");
  });

  it("are missed where all is flushed by hand, which is found out", async () => {
    const [prefix, admin] = [newKey(), connect()];
    const one = cacheOf(connect(), prefix);
    await one.set("a", "old");
    await kept(one, "a", "old");
    await admin.del(`${prefix}a`, `lease:{${prefix}~changes}`);
    await until(async () => (await found(one, "a"))[0] === "fetched");
  });

  it("are no fills of cold keys", async () => {
    const [prefix, subscriber] = [newKey(), connect()];
    const one = cacheOf(connect(), prefix);
    await one.set("a", "old");
    await kept(one, "a", "old");
    const heard: string[] = [];
    // Those without a hash say only that one is heard.
    subscriber.on("message", (_, text: string) => text.split(" ").length === 3 && heard.push(text));
    await subscriber.subscribe(`lease:{${prefix}~changes}`);
    const two = cacheOf(connect(), prefix);
    for (const key of ["b", "c", "d"]) await two.getOrSet(key, () => Promise.resolve("cold"));
    await two.set("a", "new");
    await until(() => Promise.resolve(heard.length > 0));
    assert.equal(heard.length, 1);
  });

  it("are told to nobody, and counted by nobody, without an L1", async () => {
    const prefix = newKey();
    const admin: Redis = connect();
    const cache = createCache({
      adapter: redisAdapter({ client: connect(), cache: { keyPrefix: prefix } }),
    });
    await cache.set("a", "value");
    await cache.delete("a");
    assert.equal(await admin.exists(`lease:{${prefix}~changes}`), 0);
  });
});
