import { Effect } from "effect";
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { memoryAdapter } from "../../adapters/memory.ts";
import { Cache, type CallOptions, type Store } from "../../mod.ts";
import { GRACE } from "../../src/model/defaults.ts";
import { processOver } from "../support/process_store.ts";
import { simulate, type Simulation } from "../support/simulation.ts";

const KEY = "user:42";

/** Stores over memory that can tell whether an owner is there; one whose process has died isn't. */
function watchful({ now }: Simulation) {
  const backend = memoryAdapter();
  const began = now();
  /** Who was announced, and who is absent since when. */
  const announced = new Map<string, { missing?: number }>();
  const dead = new Set<string>();
  const events: string[] = [];
  const note = (what: string) => void events.push(`${now() - began} ${what}`);
  const acquire: Store<unknown>["acquire"] = (key, owner, ttl, options) =>
    Effect.gen(function* () {
      const answer = yield* backend.acquire(key, owner, ttl, options);
      if (answer._tag !== "Follower") return answer;
      const leader = announced.get(answer.lease);
      if (leader === undefined) return answer;
      if (!dead.has(answer.lease)) leader.missing = undefined!;
      else if (leader.missing === undefined) leader.missing = now();
      else if (now() - leader.missing >= GRACE) {
        yield* backend.release(key, answer.lease, "cancelled");
        return yield* backend.acquire(key, owner, ttl, options);
      }
      return { ...answer, watched: true };
    });
  /** The store of a process; `die` leaves its owners absent, and lets it do nothing more. */
  const open = (name: string) => {
    const owners = new Set<string>();
    let died = false;
    const looks: number[] = [];
    const own = processOver({
      ...backend,
      acquire: (...asked) => {
        owners.add(asked[1]);
        looks.push(now() - began);
        return acquire(...asked);
      },
      fill: (...asked) => died ? Effect.succeed(false) : backend.fill(...asked),
      renew: (...asked) => died ? Effect.succeed(false) : backend.renew(...asked),
      release: (...asked) => died ? Effect.void : backend.release(...asked),
    });
    const store: Store<unknown> = {
      ...own,
      announce(_key, owner) {
        note(`${name} announced`);
        announced.set(owner, {});
        return () => note(`${name} ended`);
      },
    };
    const die = () => {
      died = true;
      for (const owner of owners) dead.add(owner);
    };
    return { store, die, looks };
  };
  return { open, events };
}

const options: CallOptions<unknown> = { leaseTtl: 30_000, waitMax: 60_000 };
const fetchOf = (millis: number, value = "value") => () => Effect.as(Effect.sleep(millis), value);

describe("a leader whose fetch takes long", () => {
  for (const [fetch, expected] of [[499, []], [800, ["500 a announced", "850 a ended"]]] as const) {
    it(`of ${fetch} ms is ${expected.length ? "" : "not "}announced`, async () => {
      const simulation = simulate();
      const { open, events } = watchful(simulation);
      const { store } = open("a");
      // The lease ends with the fill, which takes its time.
      const fill: Store<unknown>["fill"] = (...asked) => Effect.delay(store.fill(...asked), 50);
      await simulation.run(
        Cache.getOrSet({ adapter: { ...store, fill }, key: KEY, fetcher: fetchOf(fetch) }),
      );
      assert.deepEqual(events, expected);
    });
  }

  it("fetches on where the store can't announce it", async () => {
    const simulation = simulate();
    const adapter: Store<unknown> = {
      ...memoryAdapter(),
      announce() {
        throw new Error("not today");
      },
    };
    const { value } = await simulation.run(
      Cache.getOrSet({ adapter, key: KEY, fetcher: fetchOf(1000) }),
    );
    assert.equal(value, "value");
  });
});

describe("followers of a leader that dies", () => {
  /** A leader dies after so long, if it does; what a follower's call took, and when it looked. */
  const followed = async (dies: number | undefined, more: CallOptions<unknown> = {}) => {
    const simulation = simulate();
    const { now } = simulation;
    const began = now();
    const { open } = watchful(simulation);
    const [leader, follower] = [open("a"), open("b")];
    const took = await simulation.run(Effect.scoped(Effect.gen(function* () {
      const scope = yield* Effect.scope;
      const leading = Cache.getOrSet({
        adapter: leader.store,
        key: KEY,
        fetcher: fetchOf(6000, "first"),
        ...options,
      });
      yield* Effect.forkIn(leading, scope);
      yield* Effect.sleep(1);
      if (dies !== undefined) {
        yield* Effect.forkIn(Effect.map(Effect.sleep(dies - 1), leader.die), scope);
      }
      const { value } = yield* Cache.getOrSet({
        adapter: follower.store,
        key: KEY,
        fetcher: fetchOf(100, "second"),
        ...options,
        ...more,
      });
      assert.equal(value, dies === undefined ? "first" : "second");
      return now() - began;
    })));
    return { took, looks: follower.looks };
  };

  for (const waitStep of [250, 10_000]) {
    it(`take over 1 to 1.5 s later, with looks of each ${waitStep} ms otherwise`, async () => {
      const { took } = await followed(2000, { waitStep, waitStrategy: () => waitStep });
      assert.ok(took > 2000 + GRACE + 100 - 1 && took <= 2000 + 1500 + 100 + 1, `${took} ms`);
    });
  }

  it("look once a second until it is announced, and then each 250 ms, and wait for one that lives", async () => {
    const { took, looks } = await followed(undefined, { waitStrategy: () => "1 minute" });
    assert.ok(took >= 6000 && took < 6010, `${took} ms`);
    const pauses = looks.slice(1).map((look, index) => look - looks[index]!);
    // The watch stands, a second, 250 ms each, and the push of the fill.
    assert.ok(pauses.slice(1, -1).every((pause) => pause >= 240 && pause <= 1001), `${pauses}`);
    assert.ok(looks.length >= 20 && looks.length <= 26, `${pauses}`);
  });
});
