import { Effect } from "effect";
import type { ClusterOptions, Redis } from "ioredis";
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { redisAdapter, redisLeases } from "../../../adapters/redis.ts";
import type { Store } from "../../../mod.ts";
import { randomToken } from "../../../src/model/token.ts";
import { conformance } from "../../conformance/mod.ts";
import { variable, withoutServer } from "../../support/address.ts";
import { follow } from "../../support/follow.ts";
import { damageOf } from "./damage.ts";
import { ioredisVersions, opened, redisClusterUrl } from "./clients.ts";
import { startRedisCluster } from "../../servers/redis.ts";
import { until } from "../../support/until.ts";
import { sideBySide } from "../../support/side_by_side.ts";

const skip = redisClusterUrl === undefined ? withoutServer("REDIS_CLUSTER_URL") : false;
const [newest, oldest] = skip ? [] : await ioredisVersions();

describe("redis cluster: the suite", () => {
  let admin: InstanceType<NonNullable<typeof newest>["Cluster"]>;
  before(() => void (skip || (admin = new newest!.Cluster([redisClusterUrl!]))));
  after(() => void (skip || admin.disconnect()));

  const suite = (
    name: string,
    options: ClusterOptions,
    adapter: Omit<Parameters<typeof redisAdapter>[0], "client">,
    prefix: string,
    ioredis = newest,
  ) =>
    describe(`${name}, ioredis ${ioredis?.version}`, () => {
      const open = opened(() => new ioredis!.Cluster([redisClusterUrl!], options));
      const cases = conformance({
        open: Effect.map(open, (client) => redisAdapter({ client, ...adapter })),
        mortal: Effect.map(open, (client) => ({
          store: redisAdapter({ client, ...adapter }),
          die: () => client.disconnect(),
        })),
        damage: damageOf(() => admin, {
          entry: (key) => prefix + key,
          lease: (key) => prefix === "" ? `lease:{${key}}` : `app:locks:{cache}:${key}:`,
        }),
        leftovers: (key) =>
          Effect.promise(async () => {
            const ends = [key, `${key}}`, `${key}:`];
            const scans = admin.nodes("master").map((node) => node.keys(`*${key}*`));
            return (await Promise.all(scans)).flat().filter((name) =>
              ends.some((end) => name.endsWith(end))
            );
          }),
      });
      sideBySide(cases, { skip, atOnce: 4 });
    });

  suite("keys without hash tags", {}, {}, "");
  suite(
    "keys with hash tags, every option",
    { keyPrefix: "app:", enableAutoPipelining: true, scaleReads: "all" },
    { cache: { keyPrefix: "{cache}:" }, leases: { keyPrefix: "locks:" } },
    "app:{cache}:",
    oldest,
  );
});

describe("redis cluster", { skip }, () => {
  let client: InstanceType<NonNullable<typeof newest>["Cluster"]>;
  before(() => {
    client = new newest!.Cluster([redisClusterUrl!]);
  });
  after(() => client.disconnect());
  const run = Effect.runPromise;

  it("has the lease of every key in the slot of its entry, and one lease for one key", async () => {
    const pieces = ["", "a", "{", "}", "{}", "{a}", "é", ":", "1"];
    const keys = pieces.flatMap((a) => pieces.flatMap((b) => pieces.map((c) => a + b + c)));
    const taken = new Map<string, string>();
    for (const keyPrefix of ["", "app:", "{app}:"]) {
      for (const cache of [undefined, { keyPrefix: "cache:" }, { keyPrefix: "a}b{:" }]) {
        const names: [entry: string, lease: string][] = [];
        const recorder = {
          options: { keyPrefix },
          isCluster: true,
          getBuffer: () => Promise.resolve(null),
          mgetBuffer: () => Promise.resolve([]),
          pttl: () => Promise.resolve(-2),
          defineCommand(this: Record<string, unknown>, name: string) {
            this[`${name}Buffer`] ??= () => assert.fail();
          },
          on: () => {},
          removeListener: () => {},
          duplicate: () => assert.fail(),
          cacheLocking1_deleteBuffer: (lease: string, entry: string) => {
            names.push([keyPrefix + entry, keyPrefix + lease]);
            return Promise.resolve(1);
          },
        };
        const store = redisAdapter({ client: recorder, cache });
        for (const key of new Set(keys)) if (key !== "") await run(store.delete(key));
        // And keys that are named as the leases of those.
        for (const [, lease] of [...names]) await run(store.delete(lease.slice(keyPrefix.length)));
        for (const [entry, lease] of names) {
          const slots = await Promise.all(
            [entry, lease].map((name) => client.cluster("KEYSLOT", name)),
          );
          assert.equal(slots[0], slots[1], `${entry} and ${lease}`);
          assert.equal(taken.get(lease) ?? entry, entry, `${lease} of two entries`);
          taken.set(lease, entry);
        }
        assert.equal(names.length, 2 * (new Set(keys).size - 1));
      }
    }
  });

  it("keeps leases alone", async () => {
    const leases = redisLeases({ client });
    for (const key of ["a", "b", "{a}b", "a}b", "{}"]) {
      const own = key + randomToken();
      assert.equal((await run(leases.acquire(own, "a", 1000))).role, "leader");
      assert.equal((await run(leases.acquire(own, "b", 1000))).role, "follower");
      await run(leases.release(own, "a"));
      assert.equal((await run(leases.acquire(own, "b", 1000))).role, "leader");
      await run(leases.release(own, "b"));
    }
  });

  it("wakes by sharded pub/sub, also after its connections were cut", async () => {
    for (const ioredis of [newest!, oldest!]) {
      const [one, two] = [0, 1].map(() => new ioredis.Cluster([redisClusterUrl!]));
      const store = redisAdapter({ client: one! });
      for (const cut of [false, true]) {
        // Some for each node.
        const waits = await Promise.all(Array.from({ length: 9 }, () => followIn(store, two!)));
        assert.deepEqual(await onEachNode((node) => node.pubsub("CHANNELS")), []);
        const channels = () => onEachNode((node) => node.pubsub("SHARDCHANNELS"));
        const names = waits.map(({ key }) => `lease:{${key}}`).sort();
        assert.deepEqual((await channels()).sort(), names);
        if (cut) {
          await onEachNode(async (node) => [await node.client("KILL", "TYPE", "pubsub")]);
          await until(async () => `${(await channels()).sort()}` === `${names}`);
        }
        for (const { fill } of waits) await fill();
        await until(async () => (await channels()).length === 0);
      }
      one!.disconnect();
      two!.disconnect();
    }
  });

  it("opens another connection in place of one that has lost its subscribers for good", async () => {
    const two = new newest!.Cluster([redisClusterUrl!]);
    const opened: ReturnType<typeof two.duplicate>[] = [];
    const duplicate = two.duplicate.bind(two);
    two.duplicate = (...given) => {
      opened.push(duplicate(...given));
      return opened.at(-1)!;
    };
    const store = redisAdapter({ client: two });
    const watch = (key: string) => run(Effect.exit(Effect.scoped(store.watch!(key))));
    assert.equal((await watch("a"))._tag, "Success");
    // As a reset leaves it that comes while they connect.
    const [{ shardedSubscribers }] = opened as unknown as [
      { shardedSubscribers: { stop(): void; isResetting: boolean } },
    ];
    shardedSubscribers.isResetting = true;
    shardedSubscribers.stop();
    assert.equal((await watch("b"))._tag, "Failure");
    assert.equal((await watch("c"))._tag, "Success");
    assert.equal(opened.length, 2);
    await until(() => /end|close/.test(opened[0]!.status));
    two.disconnect();
  });

  const binary = variable("REDIS_SERVER");
  const noBinary = binary === undefined ? withoutServer("REDIS_SERVER") : false;
  it("wakes by the pub/sub that there is where it isn't sharded", { skip: noBinary }, async () => {
    const missing = ["SPUBLISH", "SSUBSCRIBE"].flatMap((name) => ["--rename-command", name, ""]);
    const cluster = await startRedisCluster(binary!, { args: missing });
    const [one, two] = [0, 1].map(() => new newest!.Cluster([cluster.url]));
    try {
      const store = redisAdapter({ client: one! });
      for (let i = 0; i < 5; i++) {
        await (await followIn(store, two!)).fill();
      }
    } finally {
      one!.disconnect();
      two!.disconnect();
      await cluster.stop();
    }
  });

  /** Leads in one, and follows in the other until it is pushed. */
  async function followIn(leader: Store<unknown>, follower: typeof client) {
    const key = `redis.cluster:${randomToken()}`;
    const following = await follow(key, leader, redisAdapter({ client: follower }));
    await sleep(300);
    return following;
  }

  async function onEachNode<A>(ask: (node: Redis) => Promise<A[]> | Promise<unknown>) {
    const replies = await Promise.all(client.nodes("master").map(ask));
    return replies.flat() as A[];
  }
});
