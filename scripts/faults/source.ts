import { setTimeout as sleep } from "node:timers/promises";
import { startCallers } from "../../tests/support/callers.ts";
import type { Load } from "../../tests/support/load.ts";
import { judgeAll, sharedClock, startRecording } from "../../tests/support/recording.ts";
import { storyOf } from "../../tests/simulation/story.ts";
import type { Running } from "../../tests/servers/description.ts";
import type { FaultyBackend } from "./backend.ts";
import { SLACK } from "./run.ts";

/** What is asked of a source that is down for a while. */
export interface SourceExtent {
  readonly processes: number;
  /** How long it is down, and how long it is well before and after, in milliseconds. */
  readonly down: number;
  readonly peace: number;
  readonly load: Load;
  /** How often it may be asked while it is down, by all processes together. */
  readonly most: number;
}

/** What became of the calls while the source was down. */
export interface SourceOutcome {
  readonly calls: number;
  /** Calls without a value. */
  readonly failed: number;
  /** How many of them had a stale value. */
  readonly stale: number;
  /** How often the source was asked, by all processes together. */
  readonly asked: number;
  /** How long the slowest call took, in milliseconds. */
  readonly slowest: number;
  readonly broken: readonly string[];
}

/** Has processes ask for one hot key, whose source goes down meanwhile. The server is well. */
export async function runSourceDown(
  { connection, ports, place }: FaultyBackend,
  running: Running,
  { processes, down, peace, load }: SourceExtent,
): Promise<SourceOutcome> {
  const recording = startRecording();
  const began = sharedClock();
  const own = ports?.(running) ?? [Number(/:(\d+)(?:\/|$)/.exec(running.url)?.[1])];
  const callers = await startCallers(
    processes,
    { connection, place: place(own, own) },
    recording,
  );
  try {
    const from = sharedClock() + peace;
    const loads = callers.map((caller) =>
      caller.load({ ...load, down: { from, until: from + down } })
    );
    await sleep(2 * peace + down);
    await Promise.all(loads.map((each) => each.stop()));
    await Promise.all(callers.map((caller) => caller.end()));
    const histories = recording.histories(SLACK);
    const stories = histories.map(storyOf);
    const isDown = ({ at }: { readonly at: number }) =>
      at >= from - began && at < from + down - began;
    const calls = stories.flatMap((story) => story.calls).filter((call) => isDown(call.began));
    return {
      calls: calls.length,
      failed: calls.filter(({ ended }) => ended?.ending.type !== "value").length,
      stale: calls.filter(({ ended }) =>
        ended?.ending.type === "value" && ended.ending.cache.startsWith("STALE")
      ).length,
      asked: stories.flatMap((story) =>
        story.fetches
      ).filter((fetch) => isDown(fetch.began)).length,
      slowest: Math.round(
        Math.max(0, ...calls.map(({ began, ended }) => (ended?.at ?? Infinity) - began.at)),
      ),
      broken: judgeAll(histories).map(({ promise, what, at }) =>
        `${promise}: ${what}, at ${at.toFixed(0)} ms`
      ),
    };
  } finally {
    await Promise.allSettled(callers.map((caller) => caller.end()));
  }
}
