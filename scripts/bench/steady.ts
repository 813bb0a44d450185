import { Redis } from "ioredis";
import { monitor } from "../../tests/adapters/redis/clients.ts";
import { percentile } from "../../tests/support/percentile.ts";
import type { Bench } from "./compare_rows.ts";
import type { Measured, Steady } from "./measured.ts";
import type { SteadyShare, SteadyTask } from "./steady_process.ts";

const PEERS: readonly SteadyTask["peer"][] = [
  "steadyStale",
  "steadyPlain",
  "steadyBento",
  "steadyCachified",
];

const PROCESSES = 4;

/** What each process does: 500 calls a second, of which the first second is not measured. */
const load = { rate: 500, fetch: 200, warmup: 1000 };

/** Time for all processes to hear of a task, in milliseconds. */
const NOTICE = 500;

/** One hot key that lives for a second, under steady load from several processes over Redis. */
export async function benchSteady({ runtime, url, effort }: Bench): Promise<Measured> {
  const millis = effort.programs > 1 ? 30_000 : 10_000;
  const observer = new Redis(url!);
  const programs = Array.from(
    { length: PROCESSES },
    () => runtime.start<SteadyTask, SteadyShare>("steady", { url }),
  );
  await Promise.all(programs.map(({ next }) => next()));
  const run = async (peer: SteadyTask["peer"]): Promise<Steady> => {
    const key = crypto.randomUUID();
    const begins = Date.now() + NOTICE;
    const going = Promise.all(programs.map(({ send, next }) => {
      send({ ...load, peer, key, millis, begins });
      return next();
    }));
    const measuredFrom = begins + load.warmup - Date.now();
    await new Promise((resolve) => setTimeout(resolve, measuredFrom));
    const seen = await monitor(observer);
    const shares = await going;
    const sent = (await seen.take()).length;
    seen.stop();
    const sum = (of: "calls" | "failed" | "fetches") =>
      shares.reduce((sum, share) => sum + share[of], 0);
    const took = shares.flatMap(({ took }) => took).sort((a, b) => a - b);
    return {
      name: shares[0]!.name,
      processes: PROCESSES,
      rate: load.rate,
      fetch: load.fetch,
      millis,
      calls: sum("calls"),
      failed: sum("failed"),
      fetches: sum("fetches"),
      sent,
      median: percentile(took, 0.5),
      p99: percentile(took, 0.99),
      slowest: took.at(-1)!,
    };
  };
  try {
    const steady: Steady[] = [];
    for (const peer of PEERS) steady.push(await run(peer));
    return { steady };
  } finally {
    await Promise.all(programs.map(({ end }) => end()));
    observer.disconnect();
  }
}
