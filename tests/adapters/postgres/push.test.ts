import { Effect, Fiber } from "effect";
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { Sql } from "postgres";
import { postgresAdapter, type PostgresAdapterOptions } from "../../../adapters/postgres.ts";
import { Cache, type CacheLockingError, type Store } from "../../../mod.ts";
import { forkDetached } from "../../../src/effect/fork.ts";
import { medianOf } from "../../support/percentile.ts";
import { admin, connect, newKey, run, skip, table } from "./fixture.ts";

const channelOf = (table: string) => `listen "cache_locking ""${table}"""`;
/** The connections that listen to a table's channel. */
const listeners = async (table: string) =>
  (await admin`select pid from pg_stat_activity where query = ${channelOf(table)}`)
    .map(({ pid }) => pid as number);
/** Leads in one, and follows in the other until it is told to stop; it listens by then, or has an error more. */
const follow = async (
  leader: Store<unknown>,
  options: PostgresAdapterOptions,
  errors: CacheLockingError[] = [],
) => {
  const key = newKey();
  await run(leader.acquire(key, "leader", 60_000));
  const cache = Cache.make({
    adapter: postgresAdapter(options),
    waitStrategy: () => "1 minute",
    waitMax: "20 seconds",
    hooks: { onError: (error) => Effect.sync(() => void errors.push(error)) },
  });
  const known = errors.length;
  const fiber = Effect.runFork(cache.getOrSet(key, () => Effect.succeed("fallback")));
  await until(async () => errors.length > known || (await listeners(options.table!)).length > 0);
  const filled = async () => {
    await run(leader.fill(key, "leader", "filled"));
    return (await run(Fiber.join(fiber))).value;
  };
  return { key, fiber, filled };
};
const until = async (condition: () => Promise<boolean>) => {
  for (let i = 0; i < 250 && !await condition(); i++) await sleep(20);
  assert.ok(await condition());
};

const closed = async (table: string) => {
  await until(async () => (await listeners(table)).length === 0);
  // postgres.js opens again what it thinks that it has lost.
  await sleep(300);
  assert.deepEqual(await listeners(table), []);
};

describe("push of postgres", { skip }, () => {
  it("wakes a follower within milliseconds of the fill", async () => {
    const name = table();
    const leader = postgresAdapter({ sql: connect(), table: name });
    const follower = postgresAdapter({ sql: connect(), table: name });
    const late: number[] = [];
    for (let round = 0; round < 50; round++) {
      const key = newKey();
      await run(leader.acquire(key, "a", 60_000));
      await run(Effect.scoped(Effect.gen(function* () {
        const watch = yield* follower.watch!(key);
        const began = performance.now();
        const filling = yield* forkDetached(leader.fill(key, "a", round));
        yield* watch!.next;
        assert.equal((yield* follower.acquire(key, "b", 60_000))._tag, "Hit");
        late.push(performance.now() - began);
        yield* Fiber.join(filling);
      })));
    }
    const median = medianOf(late);
    console.log(`    # the value is there ${median.toFixed(1)} ms after its fill was begun`);
  });

  it("opens one connection for all keys and stores, and closes it when none is waited for", async () => {
    const name = table();
    const sql = connect();
    const leader = postgresAdapter({ sql: connect(), table: name });
    const prefixed = postgresAdapter({ sql: connect(), table: name, keyPrefix: "a:" });
    const waits = await Promise.all([
      ...Array.from({ length: 4 }, () => follow(leader, { sql, table: name })),
      ...Array.from({ length: 4 }, () => follow(prefixed, { sql, table: name, keyPrefix: "a:" })),
    ]);
    assert.equal((await listeners(name)).length, 1);
    for (const { filled } of waits) assert.equal(await filled(), "filled");
    await closed(name);
    // And opens it again.
    const { filled } = await follow(leader, { sql, table: name });
    assert.equal((await listeners(name)).length, 1);
    assert.equal(await filled(), "filled");
    await closed(name);
  });

  it("listens again when the connection was cut, and closes it as well", async () => {
    const name = table();
    const sql = connect();
    const leader = postgresAdapter({ sql: connect(), table: name });
    const errors: CacheLockingError[] = [];
    const { filled } = await follow(leader, { sql, table: name }, errors);
    const missed = await follow(leader, { sql, table: name }, errors);
    const [pid] = await listeners(name);
    await admin`select pg_terminate_backend(${pid!})`;
    // What is filled while nobody listens is found once somebody does again.
    assert.equal(await missed.filled(), "filled");
    await until(async () => (await listeners(name)).some((other) => other !== pid));
    assert.equal(await filled(), "filled");
    assert.deepEqual(errors, []);
    await closed(name);
  });

  it("leaves alone what else the client listens to", async () => {
    const name = table();
    const sql = connect();
    const leader = postgresAdapter({ sql: connect(), table: name });
    const heard: string[] = [];
    const { state: { pid } } = await sql.listen(`${name} too`, (payload) => heard.push(payload));
    const { filled } = await follow(leader, { sql, table: name });
    assert.equal(await filled(), "filled");
    await sleep(1300);
    await sql.notify(`${name} too`, "heard");
    await until(() => Promise.resolve(heard.length === 1));
    const [row] = await admin`select query from pg_stat_activity where pid = ${pid}`;
    assert.match(row?.["query"], /^unlisten/);
  });

  it("uses the subscriber that it was given", async () => {
    const name = table();
    const subscriber = connect({ connection: { application_name: `${name}!` } });
    const leader = postgresAdapter({ sql: connect(), table: name });
    const { filled } = await follow(leader, { sql: connect(), subscriber, table: name });
    const [pid] = await listeners(name);
    const [row] = await admin`select application_name from pg_stat_activity where pid = ${pid!}`;
    assert.equal(row?.["application_name"], `${name}!`);
    assert.equal(await filled(), "filled");
  });

  /** A subscriber that can't listen, until it relents. */
  const refusing = () => {
    let refuse = true;
    const listen = new Proxy(connect().listen, {
      apply: (listen, _, args: Parameters<Sql["listen"]>) =>
        refuse ? Promise.reject(new Error("no LISTEN here")) : listen(...args),
    });
    const subscriber = { listen };
    return { subscriber, relent: () => void (refuse = false) };
  };

  it("needs fields of postgres.js that it documents nowhere, and names one that is missing", async () => {
    let stopped = 0;
    const result = Promise.resolve();
    const stop = () => Promise.resolve(void stopped++);
    const channel = `cache_locking "${table()}"`;
    const incomplete: [object, string | undefined][] = [
      [{}, "channels"],
      [{ channels: {}, sql: { close: stop } }, "channels"],
      [{ channels: { [channel]: {} }, sql: { close: stop } }, "channels"],
      [{ channels: { [channel]: { result } } }, "sql"],
      [{ channels: { [channel]: { result } }, sql: {} }, "sql"],
      [{ channels: { [channel]: { result } }, sql: { close: stop } }, undefined],
    ];
    for (const [fields, missing] of incomplete) {
      stopped = 0;
      const listen = () => Promise.resolve({ unlisten: stop });
      const subscriber = { listen: Object.assign(listen, fields) };
      const name = channel.split('"')[1]!;
      const store = postgresAdapter({ sql: connect(), subscriber, table: name });
      const watching = run(Effect.scoped(store.watch!("a")));
      if (missing === undefined) {
        await watching;
      } else {
        const message = new RegExp(`\`listen.${missing}\` is missing, which postgres.js 3.4 has`);
        await assert.rejects(watching, message);
        assert.equal(stopped, 1);
      }
    }
  });

  it("polls where it can't listen, says so, and listens once it can", async () => {
    const name = table();
    const { subscriber, relent } = refusing();
    const leader = postgresAdapter({ sql: connect(), table: name });
    const options = { sql: connect(), subscriber, table: name };
    const errors: CacheLockingError[] = [];
    const polling = await follow(leader, options, errors);
    await run(Fiber.interrupt(polling.fiber));
    assert.deepEqual(errors.map(({ _tag }) => _tag), ["WAIT_FAILED"]);
    assert.match(errors[0]!.message, /no LISTEN here/);
    relent();
    await sleep(1100);
    const { filled } = await follow(leader, options, errors);
    assert.equal(await filled(), "filled");
    assert.equal(errors.length, 1);
  });

  it("listens once it can though somebody waits all the time", async () => {
    const name = table();
    const { subscriber, relent } = refusing();
    const leader = postgresAdapter({ sql: connect(), table: name });
    const options = { sql: connect(), subscriber, table: name };
    const refusals: CacheLockingError[] = [];
    const polling = await follow(leader, options, refusals);
    await until(() => Promise.resolve(refusals.length === 1));
    relent();
    await sleep(1100);
    const errors: CacheLockingError[] = [];
    const { filled } = await follow(leader, options, errors);
    assert.equal(await filled(), "filled");
    assert.deepEqual(errors, []);
    await run(Fiber.interrupt(polling.fiber));
  });
});
