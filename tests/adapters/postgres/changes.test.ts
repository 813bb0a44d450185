import { Effect } from "effect";
import assert from "node:assert/strict";
import { type AddressInfo, createConnection, createServer, type Socket } from "node:net";
import { after, describe, it } from "node:test";
import type { QueryArrayConfig } from "pg-types";
import { postgresAdapter, type PostgresLeasesOptions } from "../../../adapters/postgres.ts";
import { postgresChanges } from "../../../adapters/postgres/changes.ts";
import type { Heard } from "../../../adapters/kit/push.ts";
import {
  CHANGES,
  LOCKS,
  locksOf,
  PRESENCE,
  type Session,
  topicsOn,
} from "../../../adapters/postgres/session.ts";
import type { ChangesListener, Store } from "../../../src/store/store.ts";
import { skipWithout, variable } from "../../support/address.ts";
import { assertBackAfterCut, assertTold, kept, l1Of, notingIn, seen } from "../../support/told.ts";
import { until } from "../../support/until.ts";
import {
  hangUp,
  newTable,
  openPool,
  pgbouncerUrl,
  postgresClients,
  postgresUrl,
} from "./clients.ts";
import { admin, newKey, run, skip, table } from "./fixture.ts";

const opened: PostgresLeasesOptions[] = [];
const proxies: (() => void)[] = [];
after(() => {
  opened.forEach(hangUp);
  proxies.forEach((close) => close());
});

/** How a client of each library is opened; over its subscriber it listens. */
const libraries: Record<string, (url: string) => Promise<PostgresLeasesOptions>> = {
  "postgres.js": async (url) => {
    const { default: postgres } = await import("postgres");
    const options = { max: 2, prepare: url === postgresUrl, fetch_types: false, onnotice() {} };
    return { sql: postgres(url, options) };
  },
  "pg": async (url) => ({ pool: await openPool(url, { max: 2 }) }),
};
type Open = (typeof libraries)[string];

async function storeOf(open: Open, name: string, url = postgresUrl!): Promise<Store<unknown>> {
  const client = await open(url);
  opened.push(client);
  return postgresAdapter({ ...client, table: name });
}

const byEach = (test: (open: Open) => Promise<void>) => async () => {
  await Promise.all(Object.values(libraries).map(test));
};

const channelOf = (name: string) => `cache_locking "${name}"`;

/** What is told of changes of a table. */
async function telling(name: string): Promise<string[]> {
  const told: string[] = [];
  await admin.listen(channelOf(name), (text) => void (/^~\d/.test(text) && told.push(text)));
  return told;
}

/** Those who hear changes of a table, or are about to. */
const hearers = (name: string, granted = true) => {
  const first = BigInt(locksOf(channelOf(name)));
  const [high, low] = [first >> 32n, first & 0xffff_ffffn].map(String);
  return admin<{ pid: number }[]>`
    select pid from pg_locks
    where locktype = 'advisory' and classid = ${high!}::oid and objid >= ${low!}::oid
    and objid < ${String(BigInt(low!) + BigInt(LOCKS))}::oid
    and mode = 'ShareLock' and granted = ${granted} group by pid`;
};

/** Hears changes until what it returns is called. */
function listen(store: Store<unknown>) {
  const heard = { stands: false, isNone: false };
  const listener: ChangesListener = {
    changed() {},
    missed() {},
    stands: (time) => void (heard.stands = time !== undefined),
    none: () => void (heard.isNone = true),
  };
  return { heard, leave: store.changes!.listen(listener) };
}

describe("changes told by postgres", { skip }, () => {
  it(
    "have L1s keep what nobody changes, and drop what another process does",
    byEach(async (open) => {
      const name = table();
      await assertTold([await storeOf(open, name), await storeOf(open, name)]);
    }),
  );

  it(
    "that were missed while the connection was cut leave nothing old",
    byEach(async (open) => {
      const name = table();
      const cut = async () => {
        const pids = await hearers(name);
        for (const { pid } of pids) await admin`select pg_terminate_backend(${pid})`;
        return pids.length;
      };
      await assertBackAfterCut([await storeOf(open, name), await storeOf(open, name)], cut);
    }),
  );

  it(
    "that come over a connection that has gone silent are seen, too",
    byEach(async (open) => {
      const name = table();
      const { url, silence } = await proxied();
      const { sql, pool } = await open(url);
      const subscriber = (sql ?? pool) as never;
      opened.push({ sql, pool } as PostgresLeasesOptions);
      const client = await open(postgresUrl!);
      opened.push(client);
      const one = l1Of(postgresAdapter({ ...client, subscriber, table: name }));
      const two = l1Of(await storeOf(open, name));
      await two.set("a", "old");
      await kept(one, "a", "old");
      silence();
      await two.set("a", "new");
      await seen(one, "a", "new");
    }),
  );

  it("are those of fresh entries alone, and each is told of once", async () => {
    const name = table();
    const store = await storeOf(libraries["pg"]!, name);
    const { heard, leave } = listen(await storeOf(libraries["postgres.js"]!, name));
    await until(() => heard.stands);
    const told = await telling(name);
    const key = newKey();
    const lease = (key: string) => store.acquire(key, "a", 60_000, { freshBelow: Infinity });
    const fill = (key: string) => store.fill(key, "a", 1, { freshFor: 60_000, staleFor: 60_000 });
    const fillMany = (key: string) => store.fillMany!([[key, "a", 1, { freshFor: 60_000 }]]);
    const lifetimes = {
      fresh: { freshFor: 60_000 },
      stale: { freshFor: 0.001, staleFor: 60_000 },
      over: { freshFor: 0.001 },
      nothing: undefined,
    };
    const changes: [string, (key: string) => Effect.Effect<unknown, unknown>][] = [
      ["set", (key) => store.set(key, 2, { freshFor: 60_000 })],
      ["expire", store.expire],
      ["delete", store.delete],
      ["fill", (key) => Effect.flatMap(lease(key), () => fill(key))],
      ["fill of many", (key) => Effect.flatMap(lease(key), () => fillMany(key))],
      ["release", (key) => Effect.flatMap(lease(key), () => store.release(key, "a", "failed"))],
    ];
    for (const [what, change] of changes) {
      for (const [age, lifetime] of Object.entries(lifetimes)) {
        told.splice(0);
        const isOver = () => told.includes("~0");
        const own = `${key}:${what}:${age}`;
        if (lifetime !== undefined) await run(store.set(own, 1, lifetime));
        assert.deepEqual(told, []);
        await run(change(own));
        await admin.notify(channelOf(name), "~0");
        await until(isOver);
        const expected = age === "fresh" && what !== "release"
          ? [`~${store.changes!.hashOf(own)}`, "~0"]
          : ["~0"];
        assert.deepEqual(told, expected, `${what} of ${age}`);
      }
    }
    leave();
  });

  it("are told to nobody where nobody has an L1", async () => {
    const name = table();
    const store = await storeOf(libraries["pg"]!, name);
    const { heard, leave } = listen(store);
    await until(() => heard.stands);
    const told = await telling(name);
    const change = async () => {
      await run(store.set("a", 1));
      await run(store.set("a", 2));
      await run(store.delete("a"));
    };
    await change();
    await until(() => told.length === 2);
    leave();
    store.closeIdle!();
    await until(async () => (await hearers(name)).length === 0);
    await change();
    await admin.notify(channelOf(name), "~0");
    await until(() => told.length > 2);
    assert.deepEqual(told.slice(2), ["~0"]);
  });

  it("are told of by other prefixes and clients of one row, too", async () => {
    const name = table();
    const client = await libraries["pg"]!(postgresUrl!);
    opened.push(client);
    const [one, two] = ["a", "a:b"].map((keyPrefix) =>
      postgresAdapter({ ...client, table: name, keyPrefix })
    );
    assert.equal(one!.changes!.hashOf(":bc"), two!.changes!.hashOf("c"));
  });

  it("stand once all is committed that wasn't told of", async () => {
    const name = table();
    const store = await storeOf(libraries["pg"]!, name);
    await run(store.set("a", 1));
    let commit = () => {};
    const changing = admin.begin(async (sql) => {
      await sql`select pg_advisory_xact_lock(${locksOf(channelOf(name))}::int8 + 7)`;
      await new Promise<void>((resolve) => commit = resolve);
    });
    const { heard, leave } = listen(store);
    await until(async () => (await hearers(name, false)).length > 0);
    assert.deepEqual(heard, { stands: false, isNone: false });
    commit();
    await changing;
    await until(() => heard.stands);
    leave();
  });

  it("don't stand where the locks of those who hear them are in nobody's way", async () => {
    const name = table();
    const pool = await openPool(postgresUrl!, { max: 2 });
    opened.push({ pool });
    const asked: string[] = [];
    const own: typeof pool = Object.assign(Object.create(pool), {
      query(query: QueryArrayConfig) {
        asked.push(query.text);
        const text = query.text.replace("not pg_try_advisory_xact_lock", "0 = ");
        return pool.query({ ...query, text });
      },
    });
    const store = postgresAdapter({ pool: own, subscriber: pool, table: name });
    const { heard, leave } = listen(store);
    await until(() => asked.some((text) => text.includes("pg_try_advisory_xact_lock")));
    await admin`select pg_sleep(0.2)`;
    assert.deepEqual(heard, { stands: false, isNone: false });
    leave();
  });

  it("are heard by nobody without a subscriber", async () => {
    const client = await libraries["pg"]!(postgresUrl!);
    opened.push(client);
    const store = postgresAdapter({ ...client, subscriber: false, table: table() });
    assert.equal(store.changes, undefined);
  });
});

describe("changes behind a pooler of Postgres in transaction mode", {
  skip: skipWithout("PGBOUNCER_URL", "PGBOUNCER_POSTGRES_URL"),
}, () => {
  it("aren't heard, which is found out, and are told of to others", async () => {
    const url = variable("PGBOUNCER_POSTGRES_URL")!;
    const { connect, close } = await postgresClients(url);
    await Promise.all(
      Object.values(libraries).map(async (open) => {
        const name = newTable();
        const store = await storeOf(open, name, pgbouncerUrl!);
        const { heard, leave } = listen(store);
        await until(() => heard.isNone);
        assert.equal(heard.stands, false);
        leave();
        const told: string[] = [];
        const sql = connect({ max: 1 });
        await sql.listen(channelOf(name), (text) => void (/^~\d/.test(text) && told.push(text)));
        const direct = postgresAdapter({ sql, table: name });
        const { heard: others, leave: quit } = listen(direct);
        await until(() => others.stands);
        for (const value of [1, 2]) await run(store.set("a", value));
        await until(() => told.length === 1);
        quit();
        await sql`drop table ${sql(name)}`;
      }),
    );
    await close();
  });
});

describe("a line of changes of postgres", () => {
  /** A line whose push and server are played. */
  const world = () => {
    let hear: Heard | undefined;
    let stand = () => {};
    const session: Session = { lock: undefined, heard: () => Promise.resolve() };
    const sent: string[] = [];
    const later: (() => void)[] = [];
    const { listen } = postgresChanges({
      channel: "channel",
      session,
      push: {
        hold(_, stands, heard) {
          hear = heard;
          stand = stands;
          return () => void (hear = undefined);
        },
      },
      query: (_, [, payload]) => Promise.resolve(void sent.push(String(payload))).then(() => []),
    }, (_, then) => {
      later.push(then);
      return () => void later.splice(later.indexOf(then), 1);
    });
    const told: string[] = [];
    const leave = listen(notingIn(told));
    const settled = () => new Promise((resolve) => setTimeout(resolve, 0));
    return {
      session,
      sent,
      told,
      leave,
      settled,
      stand: () => stand(),
      hear: () => hear,
      pass: () => later.splice(0).forEach((then) => then()),
    };
  };

  it("stands once a message of another connection was heard, and then by its own word", async () => {
    const { sent, told, session, settled, stand, hear, pass, leave } = world();
    stand();
    await settled();
    assert.equal(sent.length, 1);
    assert.ok(!told.includes("stands"));
    hear()!.message("=of another process");
    await settled();
    assert.ok(!told.includes("stands"));
    hear()!.message(sent[0]!.slice(1));
    await settled();
    assert.equal(told.pop(), "stands");
    hear()!.message("5");
    assert.equal(told.pop(), "changed 5");
    pass();
    await settled();
    assert.equal(told.pop(), "stands");
    assert.equal(sent.length, 1);
    told.splice(0);
    for (const heard of [() => Promise.reject(new Error("another connection")), undefined]) {
      session.heard = heard;
      pass();
      await settled();
      assert.deepEqual(told, []);
    }
    leave();
  });

  it("is tried again later where there was none, and holds nothing meanwhile", async () => {
    const { told, settled, hear, pass, leave } = world();
    hear()!.none();
    assert.equal(hear(), undefined);
    assert.deepEqual(told, ["none"]);
    pass();
    await settled();
    assert.notEqual(hear(), undefined);
    leave();
    assert.equal(hear(), undefined);
  });
});

describe("the session of a line of changes of postgres", () => {
  const world = () => {
    const session: Session = { lock: undefined, heard: undefined };
    const connection = { pid: "1", locks: 0 };
    const send = (statement: string) => {
      if (statement.includes("pg_advisory_lock_shared")) connection.locks++;
      if (statement.includes("pg_advisory_unlock_shared")) connection.locks--;
      return Promise.resolve([[new TextEncoder().encode(connection.pid)]]);
    };
    return { session, connection, open: () => topicsOn(session, "channel", send) };
  };

  it("isn't believed once it is another's", async () => {
    const { session, connection, open } = world();
    const { subscribe } = open();
    await subscribe(CHANGES);
    await session.heard!();
    connection.pid = "2";
    await assert.rejects(session.heard!(), /the connection for LISTEN is another/);
    await subscribe(CHANGES);
    await session.heard!();
  });

  it("lets go of its locks where the connection stays, also of those that come late", async () => {
    const { session, connection, open } = world();
    const { subscribe, unsubscribe } = open();
    await subscribe(CHANGES);
    unsubscribe(["another topic"]);
    assert.notEqual(session.heard, undefined);
    assert.equal(connection.locks, 1);
    unsubscribe([CHANGES]);
    assert.deepEqual([session.heard, connection.locks], [undefined, 0]);
    const subscribing = subscribe(CHANGES);
    unsubscribe([CHANGES]);
    await subscribing;
    assert.deepEqual([session.heard, connection.locks], [undefined, 0]);
  });

  it("stays that of the next connection when the one before is closed", async () => {
    const { session, open } = world();
    const [before, next] = [open(), open()];
    for (const topic of [CHANGES, PRESENCE]) await before.subscribe(topic);
    for (const topic of [CHANGES, PRESENCE]) await next.subscribe(topic);
    const { lock, heard } = session;
    before.leave();
    assert.deepEqual(session, { lock, heard });
    next.leave();
    assert.deepEqual(session, { lock: undefined, heard: undefined });
  });
});

/** The server, by way of a proxy that can fall silent: nothing that it sends arrives any more. */
async function proxied(): Promise<{ readonly url: string; readonly silence: () => void }> {
  const url = new URL(postgresUrl!);
  const [port, host] = [Number(url.port || 5432), url.hostname];
  const sockets: Socket[] = [];
  let isSilent = false;
  const server = createServer((client) => {
    const upstream = createConnection(port, host);
    sockets.push(client, upstream);
    for (const socket of [client, upstream]) socket.on("error", () => {});
    client.on("close", () => upstream.destroy());
    upstream.on("close", () => client.destroy());
    client.on("data", (data) => void upstream.write(data));
    upstream.on("data", (data) => void (isSilent || client.write(data)));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  proxies.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  url.hostname = "127.0.0.1";
  url.port = String((server.address() as AddressInfo).port);
  return { url: url.href, silence: () => void (isSilent = true) };
}
