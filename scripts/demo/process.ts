/** One of the processes of the demo. */
import { Effect } from "effect";
import process from "node:process";
import { Cache } from "../../mod.ts";
import { answer, beginning, messages } from "../../tests/support/worker.ts";
import type { Answer, Orders, Request } from "./process_herds.ts";
import { type GetOrSet, type Got, optionsOf, prepare, runHerd, through } from "./run_herd.ts";
import type { OpenShared, Shared } from "./shared.ts";

const orders: Orders = beginning();
const { flags, process: own } = orders;
const say: (told: Answer) => void = answer;

async function connect(): Promise<Shared> {
  const { open }: { readonly open: OpenShared } = flags.adapter === "redis"
    ? await import("./over_redis.ts")
    : await import("./over_sqlite.ts");
  try {
    return await open(orders);
  } catch (error) {
    say({ failure: (error as Error).message });
    process.exit(1);
  }
}

const { store, get, set, add, close } = await connect();
const cache = Cache.make({ adapter: store, ...optionsOf(flags) });
const kinds: Record<Request["herd"], GetOrSet> = {
  unprotected: (key, fetcher) =>
    Effect.flatMap(
      Effect.promise(() => get(key)),
      (value): Effect.Effect<Got, Error> =>
        value !== null ? Effect.succeed({ value, outcome: "HIT" }) : Effect.flatMap(
          fetcher,
          (value) => Effect.as(Effect.promise(() => set(key, value)), { value, outcome: "MISS" }),
        ),
    ),
  protected: through(cache),
};

say({ ready: true });
for await (const { herd, begins } of messages<Request>()) {
  const fetched = async () => await add(`fetches:${herd}`) - 1;
  if (herd === "protected" && own === 0) await prepare(cache, flags);
  const share = { process: own, processes: flags.processes, begins, fetched };
  say({ share: await runHerd(flags, kinds[herd], share) });
}
close();
