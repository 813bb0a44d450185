import { Effect } from "effect";
import assert from "node:assert/strict";
import { Cache, type Store } from "../../mod.ts";

/** For how long strangers push at least, in milliseconds. */
const FLOOD = 1500;

/**
 * Asserts that a follower looks at its strategy's pace, however often others push for its key, and finds the value soon
 * after its fill.
 */
export async function assertPaced(
  { leader, follower, key, push }: {
    readonly leader: Store<unknown>;
    readonly follower: Store<unknown>;
    readonly key: string;
    /** Pushes once, as a stranger can. */
    readonly push: () => PromiseLike<unknown>;
  },
): Promise<void> {
  await Effect.runPromise(leader.acquire(key, "leads", 60_000));
  let looks = 0;
  const counted: Store<unknown> = {
    ...follower,
    acquire: (...asked) => Effect.suspend(() => (looks++, follower.acquire(...asked))),
  };
  const fetcher = () => Effect.succeed("own");
  const following = Effect.runPromise(
    Cache.getOrSet({ adapter: counted, key, fetcher, waitMax: 60_000 }),
  );
  let pushes = 0;
  const began = performance.now();
  for (; performance.now() - began < FLOOD || pushes <= 100; pushes++) await push();
  const took = performance.now() - began;
  const seen = looks;
  await Effect.runPromise(leader.fill(key, "leads", "value", { freshFor: 60_000 }));
  const { value } = await following;
  assert.equal(value, "value");
  // By the default strategy, pauses grow to 250 ms, half of which chance may take off.
  assert.ok(seen <= 12 + took / 125, `${seen} looks for ${pushes} pushes`);
}
