/** One of the processes of the demo over Redis. */
import { Effect } from "effect";
import { Redis } from "ioredis";
import process from "node:process";
import { redisAdapter } from "../../adapters/redis.ts";
import { Cache } from "../../mod.ts";
import { answer, beginning, messages } from "../../tests/support/worker.ts";
import type { Answer, Orders, Request } from "./redis_herds.ts";
import { type GetOrSet, type Got, runHerd, through } from "./run_herd.ts";

const { url, prefix, flags, process: own }: Orders = beginning();
const MINUTE = 60;
const client = new Redis(url, { lazyConnect: true, retryStrategy: null });
let failure: string | undefined;
client.on("error", ({ message }) => failure = message);
const cache = Cache.make({
  adapter: redisAdapter({
    client,
    cache: { keyPrefix: `${prefix}cache:` },
    leases: { keyPrefix: `${prefix}lease:` },
  }),
  cacheTtl: "1 minute",
});

const kinds: Record<Request["herd"], GetOrSet> = {
  unprotected: (key, fetcher) =>
    Effect.flatMap(
      Effect.promise(() => client.get(`${prefix}unprotected:${key}`)),
      (value): Effect.Effect<Got, Error> =>
        value !== null ? Effect.succeed({ value, outcome: "HIT" }) : Effect.flatMap(
          fetcher,
          (value) =>
            Effect.as(
              Effect.promise(() => client.set(`${prefix}unprotected:${key}`, value, "EX", MINUTE)),
              { value, outcome: "MISS" },
            ),
        ),
    ),
  protected: through(cache),
};

const say: (told: Answer) => void = answer;

/** How many fetches all processes have begun before this one. */
async function countFetch(herd: Request["herd"]): Promise<number> {
  const key = `${prefix}fetches:${herd}`;
  const fetches = await client.incr(key);
  await client.expire(key, MINUTE);
  return fetches - 1;
}

try {
  await client.connect();
  say({ ready: true });
} catch (error) {
  say({ failure: failure ?? (error as Error).message });
  process.exit(1);
}
for await (const { herd, begins } of messages<Request>()) {
  const fetched = () => countFetch(herd);
  const share = { process: own, processes: flags.processes, begins, fetched };
  say({ share: await runHerd(flags, kinds[herd], share) });
}
client.disconnect();
