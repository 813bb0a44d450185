// Of a program's own Effect; the type of each is checked.
import { Cache } from "cache-locking";
import { Effect } from "effect";

const fetched: Effect.Effect<number, unknown> = Effect.map(
  Cache.getOrSet({ adapter: "memory", key: "user:42", fetcher: () => Effect.succeed(42) }),
  ({ value, meta }) => meta.cache === "MISS-LEADER" ? value : -1,
);

console.log("catchAll" in Effect ? 3 : 4, await Effect.runPromise(fetched));
