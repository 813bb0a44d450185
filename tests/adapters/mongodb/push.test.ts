import { Effect, Fiber } from "effect";
import type { Collection, MongoClient } from "mongodb";
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { mongodbAdapter, type MongodbCollection } from "../../../adapters/mongodb.ts";
import type { CacheLockingError } from "../../../mod.ts";
import { skipWithout, variable } from "../../support/address.ts";
import { medianOf } from "../../support/percentile.ts";
import { follow } from "../../support/follow.ts";
import { until } from "../../support/until.ts";
import { deployments, newestDriver } from "./clients.ts";
import { openNetwork } from "../../servers/toxiproxy.ts";
import {
  instead,
  nameOf,
  newKey,
  type Opened,
  openIn,
  optionsOf,
  run,
  skipOf,
  type Stored,
} from "./fixture.ts";

/** Leads in one, and follows in the other until it is told to stop. */
const followIn = async (
  leader: MongodbCollection,
  follower: MongodbCollection,
  errors: CacheLockingError[] = [],
  waitMax = 20_000,
) => {
  const [one, two] = [leader, follower].map((collection) => mongodbAdapter({ collection }));
  const following = await follow(newKey(), one!, two!, { errors, waitMax });
  await sleep(300);
  return following;
};
/** How many change streams the server has for a collection. */
const streams = async (client: MongoClient, { namespace }: Collection<Stored>) => {
  const ops = client.db("admin").aggregate([
    { $currentOp: { allUsers: true, idleCursors: true } },
    { $match: { ns: namespace, "cursor.originatingCommand.pipeline": { $exists: true } } },
  ]);
  const cursors = (await ops.toArray()).map(({ cursor }) => String(cursor.cursorId));
  return new Set(cursors).size;
};
const closed = async ({ client, collection }: Opened) => {
  await until(async () => await streams(client, collection) === 0);
};

for (const deployment of deployments) {
  const { name, url, pushless } = deployment;
  const skip = skipOf(deployment) || (pushless ?? false);

  describe(`push of ${name}`, { skip }, () => {
    const open = openIn(url);

    it("comes by one change stream for all keys, which is closed when none is waited for", async () => {
      const [one, two] = [await open("one stream"), await open("one stream")];
      const waits = await Promise.all(
        Array.from({ length: 5 }, () => followIn(one.collection, two.collection)),
      );
      assert.equal(await streams(one.client, one.collection), 1);
      for (const { fill } of waits) await fill();
      const opened = two.take().filter((name) => name === "aggregate");
      assert.equal(opened.length, 1);
      await closed(one);
      await (await followIn(one.collection, two.collection)).fill();
    });

    it("comes within milliseconds of the fill", async () => {
      const [one, two] = [await open("latency"), await open("latency")];
      const [leader, follower] = [mongodbAdapter(optionsOf(one)), mongodbAdapter(optionsOf(two))];
      const latencies: number[] = [];
      for (let round = 0; round < 30; round++) {
        const key = newKey();
        await run(leader.acquire(key, "a", 60_000));
        await run(Effect.scoped(Effect.gen(function* () {
          const watch = yield* follower.watch!(key);
          const filled = leader.fill(key, "a", "value", { freshFor: 60_000 });
          const times = yield* Effect.all(
            [watch!.next, filled].map((each) =>
              Effect.map(each as Effect.Effect<unknown, unknown>, () => performance.now())
            ),
            { concurrency: "unbounded" },
          );
          latencies.push(times[0]! - times[1]!);
        })));
      }
      const median = medianOf(latencies);
      // How soon is told; what is asserted is that nobody waited for a timer.
      console.log(`    # push: ${median.toFixed(1)} ms after the fill, in the median of 30`);
      assert.ok(median < 200, `${median} ms`);
    });

    it("tells of what ends a lease, and not of what begins it or lets it live longer", async () => {
      const { collection, commands } = await open("events");
      const store = mongodbAdapter({ collection, keyPrefix: "first" });
      const woken = (watch: { next: Effect.Effect<void, unknown> }) =>
        Effect.map(Effect.timeoutOption(watch.next, 100), ({ _tag }) => _tag === "Some");
      await run(Effect.scoped(Effect.gen(function* () {
        const key = newKey();
        const watch = (yield* store.watch!(key))!;
        yield* store.acquire(key, "a", 60_000);
        yield* store.renew(key, "a", 60_000);
        yield* store.acquire(key, "b", 60_000);
        yield* store.release(key, "b", "failed");
        assert.equal(yield* woken(watch), false);
        yield* store.release(key, "a", "failed");
        assert.equal(yield* woken(watch), true);
        yield* store.acquire(key, "c", 60_000);
        assert.equal(yield* woken(watch), false);
        yield* store.set(key, "value");
        assert.equal(yield* woken(watch), true);
        yield* mongodbAdapter({ collection, keyPrefix: "other" }).set(key, 1);
        assert.equal(yield* woken(watch), false);
      })));
      assert.ok(commands.length > 0);
    });

    it("tells of the fill of a value as large as a document", async () => {
      const [one, two] = [await open("large"), await open("large")];
      const store = mongodbAdapter(optionsOf(one));
      const key = newKey();
      const value = "x".repeat(16 * 1024 * 1024 - 200);
      await run(store.acquire(key, "a", 60_000));
      await run(Effect.scoped(Effect.gen(function* () {
        const watch = (yield* mongodbAdapter(optionsOf(two)).watch!(key))!;
        yield* store.fill(key, "a", value, { freshFor: 60_000 });
        yield* watch.next;
        yield* store.delete(key);
        yield* watch.next;
      })));
    });

    it("ends with its cursor, and begins with the next wait", async () => {
      const [one, two] = [await open("killed"), await open("killed")];
      const errors: CacheLockingError[] = [];
      const { fiber } = await followIn(one.collection, two.collection, errors);
      await one.client.db("admin").command({ killAllSessions: [] });
      await until(() => errors.length > 0);
      assert.deepEqual(errors.map(({ _tag }) => _tag), ["WAIT_FAILED"]);
      assert.match(errors[0]!.message, /operation was interrupted/);
      await run(Fiber.interrupt(fiber));
      await (await followIn(one.collection, two.collection)).fill();
    });

    it("ends with the collection, and begins with the next wait", async () => {
      const [one, two] = [await open("dropped"), await open("dropped")];
      const errors: CacheLockingError[] = [];
      const { fiber } = await followIn(one.collection, two.collection, errors);
      await one.collection.drop();
      // The lease is gone as well.
      assert.equal((await run(Fiber.join(fiber))).value, "fallback");
      assert.deepEqual(errors.map(({ _tag }) => _tag), ["WAIT_FAILED"]);
      assert.match(errors[0]!.message, /the collection was dropped or renamed/);
      await (await followIn(one.collection, two.collection)).fill();
    });

    it("ends with the client", async () => {
      const [one, two] = [await open("closed"), await open("closed")];
      // It finds out when its waiting time is over.
      const { fiber } = await followIn(one.collection, two.collection, [], 2_000);
      assert.equal(await streams(one.client, one.collection), 1);
      await two.client.close();
      // Its look fails, as everything does now.
      assert.equal((await run(Effect.flip(Fiber.join(fiber))))._tag, "LEASE_ACQUIRE_FAILED");
      const { version } = await newestDriver();
      // Version 6 leaves the cursor to the server, which ends it ten minutes later.
      if (version > 6) await closed(one);
    });

    it("is polled for where change streams are refused, which is said", async () => {
      const [one, two] = [await open("refused"), await open("refused")];
      const watch = () => ({
        on() {},
        tryNext: () => Promise.reject(Object.assign(new Error("not authorized"), { code: 13 })),
        close: () => Promise.resolve(),
      });
      const errors: CacheLockingError[] = [];
      const follower = mongodbAdapter({ collection: instead(two.collection, {}, { watch }) });
      const options = { errors, patient: false };
      const { fill } = await follow(newKey(), mongodbAdapter(optionsOf(one)), follower, options);
      await until(() => errors.length > 0);
      await fill();
      assert.deepEqual(errors.map(({ _tag }) => _tag), ["WAIT_FAILED"]);
      assert.match(errors[0]!.message, /not authorized/);
    });
  });

  const unbroken = skip || skipWithout("TOXIPROXY_URL");
  describe(`push of ${name} over a network that is cut`, { skip: unbroken }, () => {
    const open = openIn(url);

    /** Follows in a client whose network is cut then. */
    const cut = async (name: string) => {
      const network = await openNetwork(variable("TOXIPROXY_URL")!, Number(new URL(url!).port));
      const address = `mongodb://127.0.0.1:${network.port}/?directConnection=true`;
      const [one, two] = [await open(name), await open(name, newestDriver, address)];
      const errors: CacheLockingError[] = [];
      const following = await followIn(one.collection, two.collection, errors);
      await network.cut();
      return { network, errors, commands: two.commands, ...following };
    };

    it("goes on where it was, and has missed nothing", async () => {
      const { network, errors, fill, fiber } = await cut("resumed");
      const filled = fill();
      await sleep(100);
      await network.heal();
      await filled;
      assert.deepEqual(errors, []);
      assert.equal((await run(Fiber.join(fiber))).meta.cache, "MISS-FOLLOWER-HIT");
      await network.close();
    });

    it("asks for no more if nobody waits for it when it is back", async () => {
      const { network, fiber, commands } = await cut("left");
      await run(Fiber.interrupt(fiber));
      await sleep(1200);
      commands.length = 0;
      await network.heal();
      await sleep(1000);
      assert.deepEqual(commands.map(nameOf), []);
      await network.close();
    });
  });
}
