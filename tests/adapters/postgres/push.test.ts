import { Effect, Fiber } from "effect";
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { Sql } from "postgres";
import { postgresAdapter, type PostgresJsOptions } from "../../../adapters/postgres.ts";
import type { CacheLockingError, Store } from "../../../mod.ts";
import { forkDetached } from "../../../src/effect/fork.ts";
import { medianOf } from "../../support/percentile.ts";
import { assertPaced } from "../../support/flood.ts";
import { follow } from "../../support/follow.ts";
import { until } from "../../support/until.ts";
import { admin, connect, newKey, run, skip, table } from "./fixture.ts";

const channelOf = (table: string) => `listen "cache_locking ""${table}"""`;
/** The connections that listen to a table's channel. */
const listeners = async (table: string) =>
  (await admin`select pid from pg_stat_activity where query = ${channelOf(table)}`)
    .map(({ pid }) => pid as number);
/** Leads in one, and follows in the other until it is told to stop; it listens by then, or has an error more. */
const followIn = async (
  leader: Store<unknown>,
  options: PostgresJsOptions,
  errors: CacheLockingError[] = [],
) => {
  const known = errors.length;
  const following = await follow(newKey(), leader, postgresAdapter(options), { errors });
  await until(async () => errors.length > known || (await listeners(options.table!)).length > 0);
  return following;
};

const closed = async (table: string) => {
  await until(async () => (await listeners(table)).length === 0);
  // postgres.js opens again what it thinks that it has lost.
  await sleep(300);
  assert.deepEqual(await listeners(table), []);
};

describe("push of postgres", { skip }, () => {
  it("tells who listens to the channel no key, but a hash", async () => {
    const name = table();
    const store = postgresAdapter({ sql: connect(), table: name });
    const key = newKey();
    await run(store.get(key));
    const heard: string[] = [];
    await connect().listen(`cache_locking "${name}"`, (payload) => heard.push(payload));
    await run(store.acquire(key, "a", 60_000));
    await run(store.release(key, "a", "failed"));
    await run(store.acquire(key, "b", 60_000));
    await run(store.fill(key, "b", "value"));
    await run(store.set(key, "value"));
    await run(store.delete(key));
    await until(() => heard.length === 4);
    const hash = createHash("sha256").update(key).digest("hex");
    assert.deepEqual(heard, Array(4).fill(hash));
  });

  it("is paced, however often a stranger notifies", async () => {
    const name = table();
    const [leader, follower] = [connect(), connect()].map((sql) =>
      postgresAdapter({ sql, table: name })
    ) as [Store<unknown>, Store<unknown>];
    const key = newKey();
    const hash = createHash("sha256").update(key).digest("hex");
    const stranger = connect();
    const push = () => stranger.notify(`cache_locking "${name}"`, hash);
    await assertPaced({ leader, follower, key, push });
  });

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
      ...Array.from({ length: 4 }, () => followIn(leader, { sql, table: name })),
      ...Array.from({ length: 4 }, () => followIn(prefixed, { sql, table: name, keyPrefix: "a:" })),
    ]);
    assert.equal((await listeners(name)).length, 1);
    for (const { fill } of waits) await fill();
    await closed(name);
    // And opens it again.
    const { fill } = await followIn(leader, { sql, table: name });
    assert.equal((await listeners(name)).length, 1);
    await fill();
    await closed(name);
  });

  it("listens again when the connection was cut, and closes it as well", async () => {
    const name = table();
    const sql = connect();
    const leader = postgresAdapter({ sql: connect(), table: name });
    const errors: CacheLockingError[] = [];
    const { fill } = await followIn(leader, { sql, table: name }, errors);
    const missed = await followIn(leader, { sql, table: name }, errors);
    const [pid] = await listeners(name);
    await admin`select pg_terminate_backend(${pid!})`;
    // What is filled while nobody listens is found once somebody does again.
    await missed.fill();
    await until(async () => (await listeners(name)).some((other) => other !== pid));
    await fill();
    assert.deepEqual(errors, []);
    await closed(name);
  });

  it("leaves alone what else the client listens to", async () => {
    const name = table();
    const sql = connect();
    const leader = postgresAdapter({ sql: connect(), table: name });
    const heard: string[] = [];
    const { state: { pid } } = await sql.listen(`${name} too`, (payload) => heard.push(payload));
    const { fill } = await followIn(leader, { sql, table: name });
    await fill();
    await sleep(1300);
    await sql.notify(`${name} too`, "heard");
    await until(() => heard.length === 1);
    const [row] = await admin`select query from pg_stat_activity where pid = ${pid}`;
    assert.match(row?.["query"], /^unlisten/);
  });

  it("uses the subscriber that it was given", async () => {
    const name = table();
    const subscriber = connect({ connection: { application_name: `${name}!` } });
    const leader = postgresAdapter({ sql: connect(), table: name });
    const { fill } = await followIn(leader, { sql: connect(), subscriber, table: name });
    const [pid] = await listeners(name);
    const [row] = await admin`select application_name from pg_stat_activity where pid = ${pid!}`;
    assert.equal(row?.["application_name"], `${name}!`);
    await fill();
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
    const polling = await followIn(leader, options, errors);
    await run(Fiber.interrupt(polling.fiber));
    assert.deepEqual(errors.map(({ _tag }) => _tag), ["WAIT_FAILED"]);
    assert.match(errors[0]!.message, /no LISTEN here/);
    relent();
    await sleep(1100);
    const { fill } = await followIn(leader, options, errors);
    await fill();
    assert.equal(errors.length, 1);
  });

  it("listens once it can though somebody waits all the time", async () => {
    const name = table();
    const { subscriber, relent } = refusing();
    const leader = postgresAdapter({ sql: connect(), table: name });
    const options = { sql: connect(), subscriber, table: name };
    const refusals: CacheLockingError[] = [];
    const polling = await followIn(leader, options, refusals);
    await until(() => refusals.length === 1);
    relent();
    await sleep(1100);
    const errors: CacheLockingError[] = [];
    const { fill } = await followIn(leader, options, errors);
    await fill();
    assert.deepEqual(errors, []);
    await run(Fiber.interrupt(polling.fiber));
  });
});
