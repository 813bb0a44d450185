/** One of the processes of the demo over Redis. */
import { Effect } from "effect";
import { Redis } from "ioredis";
import process from "node:process";
import { createInterface } from "node:readline";
import { redisAdapter } from "../../adapters/redis.ts";
import { Cache } from "../../mod.ts";
import type { Orders, Request } from "./redis_herds.ts";
import { type GetOrSet, type Got, runHerd } from "./run_herd.ts";

const { url, flags, process: own }: Orders = JSON.parse(process.argv[2]!);
const client = new Redis(url);
const cache = Cache.make({ adapter: redisAdapter({ client }), cacheTtl: "1 minute" });

const kinds: Record<Request["herd"], GetOrSet> = {
  unprotected: (key, fetcher) =>
    Effect.flatMap(
      Effect.promise(() => client.get(`unprotected:${key}`)),
      (value): Effect.Effect<Got, Error> =>
        value !== null ? Effect.succeed({ value, outcome: "HIT" }) : Effect.flatMap(
          fetcher,
          (value) =>
            Effect.as(
              Effect.promise(() => client.set(`unprotected:${key}`, value)),
              { value, outcome: "MISS" },
            ),
        ),
    ),
  protected: (key, fetcher) =>
    Effect.map(
      cache.getOrSet(key, () => fetcher),
      ({ value, meta }) => ({ value, outcome: meta.cache }),
    ),
};

await client.ping();
console.log(JSON.stringify("ready"));
for await (const line of createInterface({ input: process.stdin })) {
  const { herd, begins }: Request = JSON.parse(line);
  const fetched = async () => await client.incr(`fetches:${herd}`) - 1;
  const share = { process: own, processes: flags.processes, begins, fetched };
  console.log(JSON.stringify(await runHerd(flags, kinds[herd], share)));
}
