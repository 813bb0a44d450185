import { Effect, Fiber } from "effect";
import assert from "node:assert/strict";
import { Cache, type CacheLockingError, type GetOrSetResult, type Store } from "../../mod.ts";

/** A call that waits for another's lease. */
export interface Follower {
  readonly key: string;
  readonly fiber: Fiber.Fiber<GetOrSetResult<string>, CacheLockingError>;
  /** Fills as the leader, and asserts that the follower has that value. */
  fill(): Promise<void>;
}

/** Takes the lease of a key in one store, and follows in another, for 20 seconds by default; until it is pushed it looks once a minute. */
export async function follow(
  key: string,
  leader: Store<unknown>,
  follower: Store<unknown>,
  { errors = [], patient = true, waitMax = patient ? 20_000 : 10_000 }: {
    /** Receives what the follower reports. */
    readonly errors?: CacheLockingError[];
    /** Whether it looks so seldom. */
    readonly patient?: boolean;
    /** For how long it follows, in milliseconds. */
    readonly waitMax?: number;
  } = {},
): Promise<Follower> {
  await Effect.runPromise(leader.acquire(key, "leader", 60_000));
  const cache = Cache.make({
    adapter: follower,
    waitMax,
    ...(patient ? { waitStrategy: () => "1 minute" as const } : {}),
    hooks: { onError: (error) => Effect.sync(() => void errors.push(error)) },
  });
  const fiber = Effect.runFork(cache.getOrSet(key, () => Effect.succeed("fallback")));
  return {
    key,
    fiber,
    async fill() {
      await Effect.runPromise(leader.fill(key, "leader", "filled"));
      assert.equal((await Effect.runPromise(Fiber.join(fiber))).value, "filled");
    },
  };
}
