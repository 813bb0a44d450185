import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { redisAdapter, type RedisClient } from "../../../adapters/redis.ts";
import type { L1Options } from "../../../mod.ts";
import type { PromiseCache } from "../../../promise.ts";
import { PASSWORD } from "../../conformance/told.ts";
import { withoutServer } from "../../support/address.ts";
import { sideBySide } from "../../support/side_by_side.ts";
import { assertTold, found, kept, l1Of, seen } from "../../support/told.ts";
import { until } from "../../support/until.ts";
import { libraries, openClient, redisClusterUrl, redisUrl } from "./clients.ts";
import { closed, connect, newest, newKey, oldest, skip } from "./fixture.ts";

/** The server tells, and nothing is seen in time because it was too old. */
const tracking: L1Options<number> = { tracking: true, ttl: 60_000 };

describe("changes told by the server of redis itself", () => {
  const storeOf = (client: RedisClient, keyPrefix: string) =>
    redisAdapter({ client, cache: { keyPrefix } });
  /** How a client of each library is opened, and what it puts before names. */
  const opening: readonly (readonly [ofClient: string, open: () => Promise<RedisClient>])[] = [
    ["app:", () => Promise.resolve(connect({ keyPrefix: "app:" }))],
    ["", () => Promise.resolve(connect({}, oldest!))],
    ...libraries.map((library) =>
      ["", async () => {
        const { client, close } = await openClient(library, { url: redisUrl! });
        closed({ disconnect: close });
        return client;
      }] as const
    ),
  ];
  /** A cache of a client of each library, with the name that its key `é,a` has in the server. */
  const open = () =>
    Promise.all(opening.map(async ([ofClient, open]) => {
      const prefix = newKey();
      return [l1Of(storeOf(await open(), prefix), tracking), `${ofClient}${prefix}${key}`] as const;
    }));
  const key = "é,a";
  const each = (name: string, run: () => Promise<void>) => ({ name, run, alone: false });

  sideBySide([
    each("have L1s drop what another process changes", async () => {
      const prefix = newKey();
      const stores = [storeOf(connect(), prefix), storeOf(connect(), prefix)] as const;
      await assertTold(stores, tracking);
    }),

    each("are those by hand, too, of each key or of all", async () => {
      const admin = connect({ db: 9 });
      await Promise.all((await open()).map(async ([one, name]) => {
        const here = connect();
        const keptAgain = () => until(async () => (await found(one, key))[1] === "l1");
        await here.set(name, '"old"');
        await kept(one, key, "old");
        await here.set(name, '"new"');
        await seen(one, key, "new");
        for (const end of ["expires", "is deleted"]) {
          await keptAgain();
          await (end === "expires" ? here.pexpire(name, 1) : here.del(name));
          await seen(one, key, "fetched");
          await here.set(name, '"new"');
          await seen(one, key, "new");
        }
        await keptAgain();
        // The server doesn't say of which database all was flushed.
        await admin.flushdb();
        await until(async () => (await found(one, key))[1] === undefined);
      }));
    }),

    each("that were missed while the connection was cut leave nothing old", async () => {
      const admin = connect();
      const all = await open();
      const each = <A>(run: (cache: PromiseCache, name: string) => Promise<A>) =>
        Promise.all(all.map(([cache, name]) => run(cache, name)));
      await each((_, name) => admin.set(name, '"old"'));
      await each((one) => kept(one, key, "old"));
      const cut = admin.client("KILL", "TYPE", "pubsub");
      await each((_, name) => admin.set(name, '"new"'));
      assert.ok(Number(await cut) >= all.length);
      await each((one) => seen(one, key, "new"));
      await each((one) => kept(one, key, "new"));
      await each((_, name) => admin.set(name, '"newer"'));
      await each((one) => seen(one, key, "newer"));
    }),
    each("are none to a user who may not ask for them, whose L1 goes by time alone", async () => {
      const [prefix, admin, username] = [newKey(), connect(), newKey()];
      const rights = ["reset", "on", `>${PASSWORD}`, "~*", "&*", "+@all", "-client|tracking"];
      await admin.acl("SETUSER", username, ...rights);
      const client = connect({ username, password: PASSWORD });
      const one = l1Of(storeOf(client, prefix), tracking);
      await admin.set(prefix + key, '"old"');
      await kept(one, key, "old");
      await admin.set(prefix + key, '"new"');
      assert.deepEqual(await found(one, key), ["old", "l1"]);
      client.disconnect();
      await admin.acl("DELUSER", username);
    }),
  ], { skip, atOnce: 4 });

  it("aren't to be had in a cluster", {
    skip: redisClusterUrl === undefined && withoutServer("REDIS_CLUSTER_URL"),
  }, () => {
    const { Cluster } = newest!;
    const client = closed(new Cluster([redisClusterUrl!]).on("error", () => {}));
    assert.throws(() => l1Of(redisAdapter({ client }), tracking), {
      code: "VALIDATION_ERROR",
      message: /^Cannot use the option `l1.tracking`: it must be left out, as redis tells/,
    });
  });
});
