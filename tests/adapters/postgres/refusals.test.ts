import { Effect } from "effect";
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { postgresAdapter } from "../../../adapters/postgres.ts";
import { Cache, type CacheLockingError, type Store } from "../../../mod.ts";
import { startPostgresServer, startStandby } from "../../servers/postgres.ts";
import type { StartedServer } from "../../servers/server.ts";
import { skipWithout, variable } from "../../support/address.ts";
import { operationsOn } from "../../support/adapter_cases.ts";
import { until } from "../../support/until.ts";
import { newTable, type PostgresClients, postgresClients } from "./clients.ts";
import { admin, connect, run, skip, table } from "./fixture.ts";

describe("refusals of postgres", { skip }, () => {
  it("of a role without a right are named by the first acquire, before anybody fetches", async () => {
    const name = table();
    const rights = ["select", "insert", "update", "delete"];
    await run(postgresAdapter({ sql: admin, table: name }).get("a"));
    for (const missing of rights) {
      const role = newTable();
      await admin`create role ${admin(role)} login`;
      for (const right of rights.filter((right) => right !== missing)) {
        await admin.unsafe(`grant ${right} on ${name} to ${role}`);
      }
      const store = postgresAdapter({ sql: connect({ user: role }), table: name });
      const error = await run(Effect.flip(store.acquire("a", "me", 1000)));
      assert.match(
        error.message,
        /permission denied for table \w+; the adapter needs SELECT, INSERT, UPDATE and DELETE on "\w+"$/,
      );
      let fetches = 0;
      const fetcher = () => Effect.sync(() => ++fetches);
      const failed = await run(Effect.flip(Cache.getOrSet({ adapter: store, key: "a", fetcher })));
      assert.match(failed.message, /the adapter needs SELECT, INSERT, UPDATE and DELETE/, missing);
      assert.equal(fetches, 0);
      await admin.unsafe(`revoke all on ${name} from ${role}`);
      await admin.unsafe(`grant select, insert, update, delete on ${name} to ${role}`);
      const cached = Cache.getOrSet({ adapter: store, key: missing, fetcher });
      assert.equal((await run(cached)).value, 1);
      await admin.unsafe(`drop owned by ${role}`);
      await admin`drop role ${admin(role)}`;
    }
  });

  it("of Bun's client are made at once", () => {
    const sql = connect();
    const bun = Object.assign(() => {}, {
      unsafe: () => {},
      listen: () => {},
      beginDistributed: () => {},
    }) as never;
    const message = (option: string) => new RegExp(`\`${option}\` must be .*, and is Bun's SQL$`);
    assert.throws(() => postgresAdapter({ sql: bun }), {
      name: "TypeError",
      message: message("sql"),
    });
    assert.throws(
      () => postgresAdapter({ sql, subscriber: bun }),
      { name: "TypeError", message: message("subscriber") },
    );
  });
});

const noPrograms = skipWithout("POSTGRES_PROGRAMS");

describe("a hot standby of postgres", { skip: noPrograms }, () => {
  let servers: StartedServer[] = [];
  let clients: PostgresClients[] = [];
  before(async () => {
    const programs = variable("POSTGRES_PROGRAMS")!;
    servers = [await startPostgresServer(programs)];
    servers.push(await startStandby(programs, servers[0]!));
    clients = await Promise.all(servers.map(({ url }) => postgresClients(url)));
  });
  after(async () => {
    await Promise.all(clients.map(({ close }) => close()));
    await Promise.all(servers.map(({ stop }) => stop()));
  });

  it("is named as one, whether the table is there or not", async () => {
    const [primary, standby] = clients.map(({ connect }) => connect());
    for (const made of [false, true]) {
      if (made) {
        await run(postgresAdapter({ sql: primary! }).set("a", 1));
        await until(async () =>
          (await standby!`select 1 from pg_class where relname = 'cache_locking'`).length > 0
        );
      }
      for (const operation of operationsOn(postgresAdapter({ sql: standby! }), "a")) {
        const { message } = await run(Effect.flip(operation as Effect.Effect<unknown, Error>));
        assert.match(
          message,
          /the server is a hot standby, or read-only; connect to the primary \(/,
        );
      }
    }
  });
});

describe("connections of postgres that were just ended", { skip }, () => {
  const cut: Record<string, (pid: number) => Promise<unknown>> = {
    "by `idle_session_timeout`": () => Promise.resolve(),
    "by an administrator": (pid) => admin`select pg_terminate_backend(${pid})`,
  };
  for (const [how, end] of Object.entries(cut)) {
    it(`${how} cost nobody a failure`, async () => {
      const errors: CacheLockingError[] = [];
      const onError = (error: CacheLockingError) => Effect.sync(() => void errors.push(error));
      const fetcher = () => Effect.succeed(1);
      const name = table();
      const idle = how.includes("idle") ? 300 : 0;
      type Ask = (store: Store<unknown>) => Effect.Effect<unknown, Error>;
      const operations: [string, Ask][] = [
        ["get", (store) => store.get("a")],
        ["acquire", (store) => store.acquire("a", "me", 60_000)],
        ["renew", (store) => store.renew("a", "me", 60_000)],
        ["fill", (store) => store.fill("a", "me", "value")],
        ["set", (store) => store.set("a", "other")],
        ["delete", (store) => store.delete("a")],
        ["miss", (adapter) => Cache.getOrSet({ adapter, key: "b", fetcher, hooks: { onError } })],
      ];
      await run(postgresAdapter({ sql: admin, table: name }).get("a"));
      for (const [operation, ask] of operations) {
        // postgres.js connects ever more slowly where its connections are ended again and again.
        const sql = connect({ max: 1, connection: { idle_session_timeout: idle } as never });
        const [row] = await sql`select pg_backend_pid() as pid`;
        await end(row!["pid"]);
        // The server ends the connection, and this process can't hear of it yet.
        for (const began = performance.now(); performance.now() - began < idle + 200;);
        const answer = await run(ask(postgresAdapter({ sql, table: name })));
        if (["renew", "fill"].includes(operation)) assert.equal(answer, true, operation);
      }
      assert.deepEqual(errors, []);
    });
  }

  it("after a fill that was made, and whose reply was lost, count it as stored", async () => {
    const name = table();
    const sql = connect();
    await run(postgresAdapter({ sql, table: name }).get("a"));
    let lose = false;
    const losing = {
      listen: () => Promise.reject(new Error("no")),
      unsafe: (...args: Parameters<typeof sql.unsafe>) => ({
        raw: async () => {
          const rows = await sql.unsafe(...args).raw();
          if (!lose) return rows;
          lose = false;
          throw Object.assign(new Error("write CONNECTION_CLOSED"), { code: "CONNECTION_CLOSED" });
        },
      }),
    };
    const store = postgresAdapter({ sql: losing as never, table: name });
    for (const value of ["text", "NUL \0", ""]) {
      await run(store.acquire("a", "me", 60_000));
      lose = true;
      assert.equal(await run(store.fill("a", "me", value)), true);
      assert.equal(await run(store.fill("a", "me", "another")), false);
      await run(store.delete("a"));
      assert.equal(await run(store.fill("a", "me", value)), false);
    }
  });
});
