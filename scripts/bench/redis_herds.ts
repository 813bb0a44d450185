import { Redis } from "ioredis";
import { monitor } from "../../tests/adapters/redis/clients.ts";
import { medianOf } from "../../tests/support/percentile.ts";
import type { Bench } from "./compare_rows.ts";
import type { Task } from "./herd_process.ts";
import type { Herd, Measured } from "./measured.ts";
import { startFleet } from "./redis_fleet.ts";

const PEERS: readonly Task["peer"][] = [
  "cacheLocking",
  "asyncCacheDedupe",
  "bentoCache",
  "cachified",
  "cacheable",
  "cacheManager",
  "persistedCache",
  "handWritten",
];
const SIZES = [1, 2, 4, 8, 16];

/** Herds of a cold key in more and more processes, and of one whose source is down. */
export async function benchHerds({ runtime, url, effort: { rounds } }: Bench): Promise<Measured> {
  const observer = new Redis(url!);
  const seen = await monitor(observer);
  const fleet = await startFleet(Math.max(...SIZES), runtime, url!);
  const herdOf = async (
    processes: number,
    task: Omit<Task, "begins" | "key">,
  ): Promise<Herd> => {
    await seen.take();
    const shares = await fleet.run(processes, { ...task, key: crypto.randomUUID() });
    const sum = (of: "fetches" | "failed") => shares.reduce((sum, share) => sum + share[of], 0);
    return {
      name: shares[0]!.name,
      processes,
      callers: task.callers,
      fetch: task.fetch,
      fetches: sum("fetches"),
      sent: (await seen.take()).length,
      slowest: Math.max(...shares.map(({ slowest }) => slowest)),
      failed: sum("failed"),
    };
  };
  const herds = [];
  const failing = [];
  try {
    for (const peer of PEERS) {
      if (peer === "persistedCache" && runtime.effect === 3) continue;
      const well = { peer, callers: 50, fetch: 200, down: false };
      // The first call of a program is slower than all others.
      await herdOf(Math.max(...SIZES), { ...well, fetch: 1 });
      for (const processes of SIZES) {
        herds.push(await median(Math.max(3, rounds / 5), () => herdOf(processes, well)));
      }
      const down = { peer, callers: 25, fetch: 50, down: true };
      failing.push(await median(1, () => herdOf(4, down)));
    }
  } finally {
    await fleet.stop();
    seen.stop();
    observer.disconnect();
  }
  return { herds, failing };
}

/** The medians of several rounds. */
async function median(rounds: number, round: () => Promise<Herd>): Promise<Herd> {
  const all: Herd[] = [];
  while (all.length < rounds) all.push(await round());
  const of = (name: "fetches" | "sent" | "slowest" | "failed") => ({
    [name]: medianOf(all.map((herd) => herd[name])),
  });
  return { ...all[0]!, ...of("fetches"), ...of("sent"), ...of("slowest"), ...of("failed") };
}
