import { Cache } from "cache-locking";
import { memoryAdapter } from "cache-locking/memory";
import { Effect } from "effect";

const cache = Cache.make({ adapter: memoryAdapter({ maxEntries: 100 }), cacheTtl: "1 minute" });
const program = cache.getOrSet("user:42", () => Effect.succeed({ name: "Ada" }));
console.log(await Effect.runPromise(program));
