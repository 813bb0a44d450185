import { Redis } from "ioredis";
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { monitor } from "../../tests/adapters/redis/clients.ts";
import { l1Defaults } from "../../src/model/defaults.ts";
import { percentile } from "../../tests/support/percentile.ts";
import type { Bench } from "./compare_rows.ts";
import type { L1Job, L1Share, L1Task } from "./l1_process.ts";
import type { Goal, L1Age, L1Backend, Measured } from "./measured.ts";

const PROCESSES = 4;

/** What all of them do: 20,000 reads of 100 keys a second, a write each 50 ms, and one second that isn't measured. */
const load = { keys: 100, rate: 20_000 / PROCESSES, every: 50, warmup: 1000 };

/** For how long an entry is kept, in milliseconds: for what is the default where changes are told. */
const TTL = l1Defaults.toldTtl;

/** Time for all processes to hear of a task, and for the keys to be written first, in milliseconds. */
const NOTICE = 1000;

/** How long before the end the last write comes that is judged, in milliseconds: others have time to read it. */
const LAST = 1000;

/** What is demanded: of the age of what is read, in milliseconds, and of the commands beside those without an L1. */
const demanded = { median: 3, p99: 25, commands: 0.02 };

/** The same in words. */
export const l1Goals =
  `an old value is read for ${demanded.median} ms at most by the median, for ${demanded.p99} ms in 99 of 100 cases, never for longer than \`l1.ttl\`, and at most ${demanded.commands} × as much is sent`;

/** How long an old value is still read in other processes, once a write of it is over, and what reads cost the server. */
export async function benchL1(
  backend: L1Backend,
  { runtime, url, effort }: Bench,
): Promise<Measured> {
  const millis = effort.programs > 1 ? 30_000 : 5000;
  const programs = Array.from(
    { length: PROCESSES },
    () => runtime.start<L1Task, L1Share>("l1", { backend, url: url! } satisfies L1Job),
  );
  await Promise.all(programs.map(({ next }) => next()));
  const run = async (ttl: number | undefined, millis: number) => {
    const begins = Date.now() + NOTICE;
    const prefix = randomUUID();
    const going = Promise.all(programs.map(({ send, next }, index) => {
      send({ ...load, ttl, prefix, millis, begins, writes: index === 0 });
      return next();
    }));
    const commands = backend === "redis" ? countCommands(url!, begins + load.warmup) : undefined;
    const shares = await going;
    const sum = (of: "reads" | "hits" | "failed" | "sent") =>
      shares.reduce((sum, share) => sum + share[of], 0);
    const end = begins + load.warmup + millis - LAST;
    const ages = agesOf(shares, ({ at }) => at >= begins + load.warmup && at < end);
    return {
      reads: sum("reads"),
      hits: sum("hits"),
      failed: sum("failed"),
      sent: commands === undefined ? sum("sent") : await (await commands)(),
      ages,
    };
  };
  try {
    const { reads, hits, failed, sent, ages } = await run(TTL, millis);
    // A server has no easy life then.
    const without = await run(undefined, Math.min(5000, millis));
    const age: L1Age = {
      backend,
      processes: PROCESSES,
      ...load,
      ttl: TTL,
      millis,
      reads,
      hits,
      failed: failed + without.failed,
      sent: 1000 * sent / reads,
      writes: ages.length / (PROCESSES - 1),
      median: percentile(ages, 0.5),
      p99: percentile(ages, 0.99),
      longest: ages.at(-1) ?? Infinity,
      without: { reads: without.reads, sent: 1000 * without.sent / without.reads },
    };
    return { l1: [age], goals: goalsOf(age) };
  } finally {
    await Promise.all(programs.map(({ end }) => end()));
  }
}

/** Begins to count what Redis is sent from a moment on; what comes of it says how much that was. */
async function countCommands(url: string, from: number): Promise<() => Promise<number>> {
  const observer = new Redis(url);
  // ioredis can't bear to begin while much is sent: it begins before the reads.
  await sleep(from - load.warmup - 200 - Date.now());
  const seen = await monitor(observer);
  await sleep(from - Date.now());
  await seen.take();
  return async () => {
    const { length } = await seen.take();
    seen.stop();
    observer.disconnect();
    return length;
  };
}

/**
 * How long each process that didn't write it still read what was there before, from when a write was over until a read
 * began that found the new value, and no later one the old: zero for one that found it before. Ascending.
 */
function agesOf(
  [writer, ...readers]: readonly L1Share[],
  counts: (write: { readonly at: number }) => boolean,
): number[] {
  return readers.flatMap(({ read }) => {
    const found = new Map(read.map(([number, first, last]) => [number, { first, last }]));
    return writer!.written.filter(([, at]) => counts({ at })).map(([number, at]) => {
      const first = found.get(number)?.first ?? Infinity;
      const last = found.get(number - load.keys)?.last ?? 0;
      return Math.max(0, Math.max(first, last) - at);
    });
  }).sort((a, b) => a - b);
}

function goalsOf({ backend, median, p99, longest, ttl, sent, without, failed }: L1Age): Goal[] {
  const millis = (value: number) => `${value.toFixed(1)} ms`;
  const at = `L1 over ${backend}:`;
  const old = `${at} an old value is still read`;
  const share = sent / without.sent;
  return [
    {
      name: `${old} for ${demanded.median} ms at most by the median`,
      met: median <= demanded.median,
      found: millis(median),
    },
    {
      name: `${old} for ${demanded.p99} ms at most in 99 of 100 cases`,
      met: p99 <= demanded.p99,
      found: millis(p99),
    },
    { name: `${old} for \`l1.ttl\` at most`, met: longest <= ttl, found: millis(longest) },
    {
      name: `${at} at most ${demanded.commands} × the commands`,
      met: share <= demanded.commands,
      found: `${share.toFixed(3)} ×`,
    },
    { name: `${at} each read has a value`, met: failed === 0, found: String(failed) },
  ];
}
