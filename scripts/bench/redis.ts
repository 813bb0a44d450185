import { Redis } from "ioredis";
import { monitor } from "../../tests/adapters/redis/clients.ts";
import { redis } from "../../tests/servers/redis.ts";
import { type Goal, ratioGoal } from "./goals.ts";
import { type Effort, medianOf } from "./measure.ts";
import type { Comparison, FailingHerd, Measured } from "./measured.ts";
import { startFleet, type Task } from "./redis_fleet.ts";
import { compareHits } from "./redis_hits.ts";

/** Times hits on a real Redis and counts what herds of several processes cost, beside other ways to have them. */
export async function benchRedis(effort: Effort): Promise<Measured> {
  const server = await redis.start();
  try {
    const hits = await benchHits(server.url, effort);
    return { servers: [server.version], ...hits, ...await benchHerds(server.url, effort) };
  } finally {
    await server.stop();
  }
}

async function benchHits(url: string, effort: Effort): Promise<Measured> {
  const others = ["asyncCacheDedupe", "bentoCache", "persistedCacheAlone"] as const;
  const alone: Comparison = {
    title: "Redis: a hit, one caller",
    timings: await compareHits("bare", ["bareInEffect", "cacheLocking", ...others], {
      url,
      callers: 1,
      effort,
    }),
  };
  const many: Comparison = {
    title: "Redis: a hit, 64 callers of one key",
    timings: await compareHits("asyncCacheDedupeInEffect", ["cacheLocking", ...others, "bare"], {
      url,
      callers: 64,
      effort,
    }),
  };
  const goals: Goal[] = [
    ratioGoal("redis, a hit", "cache-locking", alone, 1 / 1.15),
    ratioGoal("redis, 64 callers of a hot key", "cache-locking", many, 0.5),
  ];
  return { comparisons: [alone, many], goals };
}

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
async function benchHerds(url: string, { rounds }: Effort): Promise<Measured> {
  const observer = new Redis(url);
  const seen = await monitor(observer);
  const fleet = await startFleet(Math.max(...SIZES), url);
  const herdOf = async (
    processes: number,
    task: Omit<Task, "begins" | "key">,
  ): Promise<FailingHerd> => {
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
async function median(rounds: number, round: () => Promise<FailingHerd>): Promise<FailingHerd> {
  const all: FailingHerd[] = [];
  while (all.length < rounds) all.push(await round());
  const of = (name: "fetches" | "sent" | "slowest" | "failed") =>
    medianOf(all.map((herd) => herd[name]));
  return {
    ...all[0]!,
    fetches: of("fetches"),
    sent: of("sent"),
    slowest: of("slowest"),
    failed: of("failed"),
  };
}
