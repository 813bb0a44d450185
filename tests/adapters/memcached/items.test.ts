import { Effect } from "effect";
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { memcachedAdapter } from "../../../adapters/memcached.ts";
import { askMemcached } from "../../servers/memcached.ts";
import { assertTextUntold } from "../../support/adapter_cases.ts";
import { connect, fieldOf, itemOf, newKey, port, run, skip, spied, start } from "./fixture.ts";

describe("keys of memcached", { skip }, () => {
  it("are their items' names where every client can use them", async () => {
    const client = await connect();
    const store = memcachedAdapter({ client, keyPrefix: "p:" });
    const key = newKey();
    for (const plain of [key, `${key}~!{}"'\\`, key + "x".repeat(248 - key.length)]) {
      await run(store.set(plain, plain, { freshFor: 5000 }));
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
      await run(store.set(each, each, { freshFor: 5000 }));
      const names: string[] = [];
      const spy = { ...spied(client), server: (name: string) => (names.push(name), null) };
      assert.deepEqual((await run(memcachedAdapter({ client: spy }).get(each)))?.value, each);
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
      assert.deepEqual((await run(two!.get(key)))?.value, key);
    }
    for (const { port } of both) {
      const items = (await askMemcached(port, "stats")).find((line) => /curr_items/.test(line));
      assert.ok(Number(items?.split(" ").at(-1)) > 5, `${items}`);
    }
  });
});

describe("times to live of memcached", { skip }, () => {
  const secondsLeft = async (key: string) => (await fieldOf(key, "t"))!;
  const DAY = 24 * 60 * 60;

  it("are never over too soon, whatever part of the server's second they begin in", async () => {
    const store = memcachedAdapter({ client: await connect() });
    const live = async (index: number) => {
      await sleep(50 * index);
      const [entry, lease] = [newKey(), newKey()];
      const began = performance.now();
      await run(store.set(entry, "value", { freshFor: 1000 }));
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
      await run(store.set(key, "value", { freshFor: days * DAY * 1000 }));
      const left = await secondsLeft(key);
      assert.ok(Math.abs(left - days * DAY) < 10, `${left} seconds for ${days} days`);
    }
    const key = newKey();
    await run(store.set(key, "value", { freshFor: 36_500 * DAY * 1000 }));
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

describe("items of others in memcached", { skip }, () => {
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
    await assertTextUntold(store, key);
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
      assert.equal(answer._tag, "Leader");
    }
  });
});
