import { Effect } from "effect";
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { redisAdapter } from "../../../adapters/redis.ts";
import { Cache } from "../../../mod.ts";
import { followedFetch } from "../../support/followed_fetch.ts";
import { unlessLate } from "../../support/unless_late.ts";
import { connect, monitored, nameOf, newKey, run, skip } from "./fixture.ts";

/** After how long a leader is announced, and how often a follower then looks, in milliseconds. */
const [ANNOUNCED_AFTER, LOOKS_EVERY] = [500, 250];

describe("the commands of a fetch over Redis", { skip }, () => {
  /** Those of a client whose fetch takes so long, and of another that waits for it; and how long that took. */
  const commandsOf = async (millis: number, { announced = true } = {}) => {
    const [leader, follower] = [connect(), connect()].map((client) => {
      const adapter = redisAdapter({ client });
      const { announce: _, ...without } = adapter;
      return Cache.make({ adapter: announced ? adapter : without });
    });
    // The scripts are known.
    for (const cache of [leader!, follower!]) {
      await run(cache.getOrSet(newKey(), () => Effect.succeed("")));
    }
    const seen = await monitored(connect());
    const took = await followedFetch([leader!, follower!], newKey(), millis);
    const commands = (await seen.take()).map(nameOf).filter((name) => name !== "unsubscribe");
    seen.stop();
    return { took, commands: commands.sort() };
  };

  it("are the same as without dead leaders, if it is short", () =>
    unlessLate(async () => {
      const { took, commands } = await commandsOf(300);
      assert.ok(took < ANNOUNCED_AFTER, `${took} ms`);
      assert.deepEqual(commands, (await commandsOf(300, { announced: false })).commands);
    }));

  it("are one more per process and quarter of a second at most, if it is long", () =>
    unlessLate(async () => {
      const { commands: short } = await commandsOf(300, { announced: false });
      const { took, commands } = await commandsOf(3000);
      // What the leader is announced by, and the looks of the one follower.
      const most = short.length + 2 + Math.floor(took / LOOKS_EVERY);
      assert.ok(commands.length <= most, `${commands.length} commands in ${took} ms: ${commands}`);
      assert.ok(commands.length > short.length + 2, `${commands}`);
      console.log(
        `    # ${commands.length} commands in ${took.toFixed(0)} ms, ${short.length} if short`,
      );
    }));
});

describe("the commands of many keys over Redis", { skip }, () => {
  const ttls = { plain: {}, stale: { staleWhileRevalidate: "1 hour" } } as const;
  /** Those of five batches, of which the second and the third find all, and the others nothing. */
  const commandsOf = async (options: typeof ttls[keyof typeof ttls]) => {
    const cache = Cache.make({ adapter: redisAdapter({ client: connect() }), ...options });
    const batch = (keys: readonly string[]) =>
      run(
        cache.getOrSetAll(
          keys,
          ({ keys }) => Effect.succeed(new Map(keys.map((key) => [key, key]))),
        ),
      );
    // The scripts are known.
    await batch([newKey(), newKey()]);
    const newKeys = () => Array.from({ length: 100 }, newKey);
    const keys = newKeys();
    const seen = await monitored(connect());
    const turns: (string | undefined)[][] = [];
    for (const asked of [keys, keys, keys, newKeys(), newKeys()]) {
      const values = await batch(asked);
      assert.deepEqual([...values], asked.map((key) => [key, key]));
      turns.push((await seen.take()).map(nameOf));
    }
    seen.stop();
    return turns;
  };

  const cold = ["SCRIPT", "SCRIPT", "SCRIPT"];

  it("are one MGET if all were there before, too", async () => {
    const turns = await commandsOf(ttls.plain);
    assert.deepEqual(turns, [cold, ["SCRIPT"], ["mget"], ["mget", ...cold], cold]);
  });

  it("are one script if they may be stale, and where most are missing", async () => {
    const turns = await commandsOf(ttls.stale);
    assert.deepEqual(turns, [cold, ["SCRIPT"], ["SCRIPT"], cold, cold]);
  });
});
