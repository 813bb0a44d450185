import { type AdapterConfig, Cache, type CacheLockingError, type CacheOutcome } from "cache-locking";
import { memoryAdapter } from "cache-locking/memory";
import { Effect } from "effect";

interface User {
  readonly name: string;
}
class NotFound extends Error {
  readonly _tag = "NotFound";
}

const adapter: AdapterConfig = { type: "memory", options: { maxEntries: 10 } };
const fetcher = ({ key }: { readonly key: string }): Effect.Effect<User, NotFound> =>
  key === "" ? Effect.fail(new NotFound()) : Effect.succeed({ name: key });

export const called: Effect.Effect<
  { readonly value: User; readonly meta: { readonly cache: CacheOutcome } },
  NotFound | CacheLockingError
> = Cache.getOrSet({ adapter, key: "user:42", fetcher, cacheTtl: "5 seconds" });

const cache = Cache.make({ adapter: memoryAdapter({ maxEntries: 10 }) });
export const made: Effect.Effect<User, NotFound | CacheLockingError> = Effect.map(
  cache.getOrSet("user:42", fetcher),
  ({ value }) => value,
);

// @ts-expect-error: the fetcher's error is in the type.
export const wrong: Effect.Effect<unknown, CacheLockingError> = called;
