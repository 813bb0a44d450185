import assert from "node:assert/strict";
import { describe } from "node:test";
import { redisAdapter, type RedisClient } from "../../../adapters/redis.ts";
import type { L1Options } from "../../../mod.ts";
import { randomToken } from "../../../src/model/token.ts";
import { withoutServer } from "../../support/address.ts";
import { closing } from "../../support/closing.ts";
import { sideBySide } from "../../support/side_by_side.ts";
import { assertBackAfterCut, assertTold, kept, l1Of, seen } from "../../support/told.ts";
import { ioredisVersions, libraries, openClient, redisClusterUrl } from "./clients.ts";

const skip = redisClusterUrl === undefined ? withoutServer("REDIS_CLUSTER_URL") : false;
const [newest, oldest] = skip ? [] : await ioredisVersions();

describe("changes told by a cluster of redis", () => {
  const closed = closing((client: { disconnect(): void }) => client.disconnect());
  const connect = ({ Cluster } = newest!) =>
    closed(new Cluster([redisClusterUrl!]).on("error", () => {}));
  const storeOf = (client: RedisClient, keyPrefix: string) =>
    redisAdapter({ client, cache: { keyPrefix } });
  /** How a client of each library is opened. */
  const opening: readonly (() => Promise<RedisClient>)[] = [
    () => Promise.resolve(connect()),
    () => Promise.resolve(connect(oldest!)),
    ...libraries.map((library) => async () => {
      const { client, close } = await openClient(library, { url: redisClusterUrl!, cluster: true });
      closed({ disconnect: close });
      return client;
    }),
  ];

  /** So that nothing is seen in time because it was too old. */
  const longer: L1Options<number> = { ttl: 60_000 };
  const newPrefix = () => `cluster.test:${randomToken()}:`;

  sideBySide([
    {
      alone: false,
      name: "have L1s keep what nobody changes, and drop what another process does",
      async run() {
        await Promise.all(opening.map(async (open) => {
          const prefix = newPrefix();
          await assertTold([storeOf(await open(), prefix), storeOf(await open(), prefix)], longer);
        }));
      },
    },

    {
      alone: false,
      name: "tell of keys of all nodes, and are counted on for five seconds",
      async run() {
        const prefix = newPrefix();
        const store = storeOf(connect(), prefix);
        assert.equal(store.changes!.ttl, 5_000);
        const [one, two] = [l1Of(store, longer), l1Of(storeOf(connect(), prefix))];
        const keys = Array.from({ length: 30 }, (_, index) => `${index}`);
        const all = (of: (key: string) => Promise<unknown>) => Promise.all(keys.map(of));
        await all((key) => two.set(key, "old"));
        await all((key) => kept(one, key, "old"));
        await all((key) => two.delete(key));
        await all((key) => seen(one, key, "fetched"));
      },
    },

    {
      alone: false,
      name: "that were missed while connections were cut leave nothing old",
      async run() {
        const admin = connect();
        await admin.get("ready");
        const nodes = admin.nodes("all");
        const prefix = newPrefix();
        await assertBackAfterCut(
          [storeOf(await opening[2]!(), prefix), storeOf(connect(), prefix)],
          async () => {
            const cut = await Promise.all(
              nodes.map((node) => node.client("KILL", "TYPE", "pubsub")),
            );
            return cut.reduce<number>((sum, each) => sum + Number(each), 0);
          },
          longer,
        );
      },
    },
  ], { skip, atOnce: 3 });
});
