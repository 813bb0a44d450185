import { Effect, Fiber } from "effect";
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { Sql } from "postgres";
import { postgresAdapter, type PostgresJsOptions } from "../../../adapters/postgres.ts";
import { Cache, type CacheClient, type CacheLockingError, type Store } from "../../../mod.ts";
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

/** What ends the lease of "a". */
const changes:
  readonly ((store: Store<unknown>, key: string) => Effect.Effect<unknown, unknown>)[] = [
    (store, key) => store.release(key, "a", "failed"),
    (store, key) => store.releaseMany!([[key, "a", "cancelled"]]),
    (store, key) => store.fill(key, "a", "value"),
    (store, key) => store.fillMany!([[key, "a", "value"]]),
    (store, key) => store.set(key, "value"),
    (store, key) => store.expire(key),
    (store, key) => store.delete(key),
  ];

/** A store that can't tell who is there, so that followers don't look each second for a dead leader. */
const unwatched = ({ announce: _, ...store }: Store<unknown>): Store<unknown> => store;

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
    const follower = postgresAdapter({ sql: connect(), table: name });
    await run(store.get(key));
    const heard: string[] = [];
    await connect().listen(`cache_locking "${name}"`, (payload) => heard.push(payload));
    await run(Effect.scoped(Effect.gen(function* () {
      yield* follower.watch!(key);
      for (const change of changes) {
        yield* store.acquire(key, "a", 60_000);
        yield* follower.acquire(key, "b", 60_000);
        yield* change(store, key);
        yield* store.delete(key);
      }
    })));
    const every = Object.keys(changes).length;
    await until(() => heard.length === every);
    const hash = createHash("sha256").update(key).digest("hex");
    assert.deepEqual(heard, Array(every).fill(hash));
  });

  it("tells nobody of what nobody waits for", async () => {
    const name = table();
    const sql = connect();
    const store = postgresAdapter({ sql, table: name });
    const others = [
      postgresAdapter({ sql: connect(), subscriber: false, table: name }),
      postgresAdapter({ sql: connect(), table: name }),
    ];
    const [key, watched] = [newKey(), newKey()];
    await run(store.get(key));
    const heard: string[] = [];
    await connect().listen(`cache_locking "${name}"`, (payload) => heard.push(payload));
    await run(Effect.scoped(Effect.gen(function* () {
      yield* others[1]!.watch!(watched);
      for (const change of changes) {
        yield* store.acquire(key, "a", 60_000);
        // Some look who don't hear, and one who hears of another key.
        for (const other of others) {
          yield* other.acquire(key, "b", 60_000, { waitedFor: "a" });
          yield* other.acquireMany!([[key, "c", 60_000]]);
        }
        yield* change(store, key);
        yield* store.set(key, "value");
        yield* store.expire(key);
        yield* store.delete(key);
      }
    })));
    await sql.notify(`cache_locking "${name}"`, "all was heard");
    await until(() => heard.length > 0);
    assert.deepEqual(heard, ["all was heard"]);
  });

  it("writes once for all who wait for a lease, and wakes those of a lease that another took over", async () => {
    const name = table();
    const [leader, one, two] = [connect(), connect(), connect()].map((sql) =>
      postgresAdapter({ sql, table: name })
    ) as [Store<unknown>, Store<unknown>, Store<unknown>];
    const key = newKey();
    const version = async () => (await admin`select xmin, ctid, followed from ${admin(name)}`)[0]!;
    await run(leader.acquire(key, "a", 60_000));
    await run(Effect.scoped(Effect.gen(function* () {
      const watches = yield* Effect.forEach([one, two], (store) => store.watch!(key));
      const look = (store: Store<unknown>, owner: string) => store.acquire(key, owner, 60_000);
      assert.equal((yield* look(one, "b"))._tag, "Follower");
      const marked = yield* Effect.promise(version);
      assert.equal(marked["followed"], true);
      for (const store of [one, two]) assert.equal((yield* look(store, "c"))._tag, "Follower");
      assert.deepEqual(yield* Effect.promise(version), marked);
      // As if its time was over.
      yield* Effect.promise(() =>
        admin`update ${admin(name)} set lease_until = now() where key = ${key}`
      );
      assert.equal((yield* look(leader, "d"))._tag, "Leader");
      assert.equal(yield* leader.fill(key, "d", "value"), true);
      for (const watch of watches) yield* watch!.next;
      assert.equal((yield* Effect.promise(version))["followed"], false);
    })));
  });

  it("goes by the row under its lock, and not by what a statement saw before", async () => {
    const name = table();
    const [leader, follower] = [connect(), connect()].map((sql) =>
      postgresAdapter({ sql, table: name })
    ) as [Store<unknown>, Store<unknown>];
    const key = newKey();
    const waits = () =>
      until(async () =>
        (await admin`
          select from pg_stat_activity
          where wait_event_type = 'Lock' and query like ${`%"${name}"%`}`).length > 0
      );
    /** Has another change the row while an operation waits for it. */
    const meanwhile = async <A>(change: string, operation: Effect.Effect<A, unknown>) => {
      const [answer] = await admin.begin(async (sql) => {
        await sql.unsafe(`update ${name} set ${change} where key = $1`, [key]);
        const answer = run(operation);
        await waits();
        return [answer] as const;
      });
      return await answer;
    };
    await run(leader.acquire(key, "a", 60_000));
    await run(Effect.scoped(Effect.gen(function* () {
      const watch = yield* follower.watch!(key);
      const ending = `owner = null, text = '"value"', ends = lease_until`;
      const look = follower.acquire(key, "b", 60_000);
      const answer = yield* Effect.promise(() => meanwhile(ending, look));
      assert.equal(answer._tag, "Hit", "what was seen was followed, and it was over");
      yield* leader.delete(key);
      yield* leader.acquire(key, "a", 60_000);
      const fill = leader.fill(key, "a", "value");
      assert.equal(yield* Effect.promise(() => meanwhile("followed = true", fill)), true);
      yield* watch!.next;
    })));
  });

  it("loses no wake-up, whenever the fill comes, in 200 rounds of three processes", async () => {
    const name = table();
    const clients = [connect(), connect(), connect({ prepare: false })].map((sql) =>
      Cache.make({
        adapter: unwatched(postgresAdapter({ sql, table: name })),
        waitMax: "1 minute",
        waitStep: "30 seconds",
        operationTimeout: "30 seconds",
        leaseTtl: "2 minutes",
      })
    );
    const within = (millis: number) => Effect.sleep(millis * Math.random());
    let followed = 0;
    let slowest = 0;
    const round = () => {
      const key = newKey();
      let fetched = 0;
      const fetcher = () =>
        Effect.map(within(25), () => {
          fetched = performance.now();
          return "value";
        });
      const call = (client: CacheClient) =>
        Effect.map(Effect.andThen(within(3), client.getOrSet(key, fetcher)), ({ meta }) => {
          if (meta.cache === "MISS-FOLLOWER-HIT") followed++;
          const late = performance.now() - fetched;
          slowest = Math.max(slowest, late);
          // One that isn't woken looks after 30 s.
          assert.ok(late < 15_000, `the value was there ${late} ms after its fetch`);
        });
      return Effect.all(clients.map(call), { concurrency: "unbounded" });
    };
    await run(Effect.all(Array.from({ length: 200 }, round), { concurrency: 10 }));
    console.log(`    # ${followed} followers, the latest after ${slowest.toFixed(0)} ms`);
    assert.ok(followed > 100, `only ${followed} have followed`);
  });

  it("lets go of the lock of its leaders alone, where another table has one on the connection", async () => {
    const sql = connect();
    const [mine, other] = [table(), table()] as const;
    const [here, there] = [mine, other].map((name) => postgresAdapter({ sql, table: name })) as [
      Store<unknown>,
      Store<unknown>,
    ];
    const announced = async (store: Store<unknown>, name: string) => {
      const key = newKey();
      await run(store.acquire(key, "me", 60_000));
      const letGo = store.announce!(key, "me");
      let lock: string | undefined;
      await until(async () => {
        const [row] = await admin`select present from ${admin(name)} where key = ${key}`;
        lock = row!["present"] ?? undefined;
        return lock !== undefined;
      });
      return { lock: lock!, letGo };
    };
    const isHeld = async (lock: string) =>
      (await admin`
        select from pg_locks
        where locktype = 'advisory' and (classid::int8 << 32) | objid::int8 = ${lock}::int8
      `).length > 0;
    const lasting = await announced(there, other);
    for (const isWatched of [true, false]) {
      const { lock, letGo } = await announced(here, mine);
      const scope = isWatched ? Effect.asVoid(here.watch!(newKey())) : Effect.void;
      await run(Effect.scoped(Effect.andThen(
        scope,
        Effect.promise(async () => {
          letGo();
          here.closeIdle!();
          await until(async () => !await isHeld(lock));
          assert.ok(await isHeld(lasting.lock), `watched: ${isWatched}`);
        }),
      )));
    }
    lasting.letGo();
    there.closeIdle!();
    await until(async () => !await isHeld(lasting.lock));
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
        yield* follower.acquire(key, "b", 60_000);
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
    const sql = { close: stop, unsafe: stop };
    const incomplete: [object, string | undefined][] = [
      [{}, "channels"],
      [{ channels: {}, sql }, "channels"],
      [{ channels: { [channel]: {} }, sql }, "channels"],
      [{ channels: { [channel]: { result } } }, "sql"],
      [{ channels: { [channel]: { result } }, sql: {} }, "sql"],
      [{ channels: { [channel]: { result } }, sql: { close: stop } }, "sql"],
      [{ channels: { [channel]: { result } }, sql }, undefined],
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
