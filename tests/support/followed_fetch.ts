import { Deferred, Effect } from "effect";
import { setTimeout as sleep } from "node:timers/promises";
import type { CacheClient } from "../../mod.ts";

/** One client fetches a key for so long, in milliseconds, and another waits for it. Resolves with how long both took. */
export async function followedFetch(
  [leader, follower]: readonly [leader: CacheClient, follower: CacheClient],
  key: string,
  millis: number,
): Promise<number> {
  const value = await Effect.runPromise(Deferred.make<string>());
  const began = performance.now();
  let begun!: () => void;
  const fetching = new Promise<void>((resolve) => begun = resolve);
  const fetcher = () => Effect.suspend(() => (begun(), Deferred.await(value)));
  const leading = Effect.runPromise(leader.getOrSet(key, fetcher));
  await fetching;
  const following = Effect.runPromise(follower.getOrSet(key, () => Effect.succeed("")));
  await sleep(millis);
  await Effect.runPromise(Deferred.succeed(value, "value"));
  const took = performance.now() - began;
  await Promise.all([leading, following]);
  return took;
}
