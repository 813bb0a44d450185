import { Effect } from "effect";
import { setTimeout as sleep } from "node:timers/promises";
import { type PlainOptions, recordedCall, type RecordedProcess } from "./recorded_call.ts";
import { recordedChange } from "./recorded_change.ts";
import { sharedClock } from "./recording.ts";

/** Calls that one process makes without an end, over keys that all processes use at the same time. */
export interface Load {
  /** What the keys begin with. */
  readonly prefix: string;
  /** How many keys are in use at once, and for how long each, in milliseconds. */
  readonly keys: number;
  readonly life: number;
  /** The time between two turns, in milliseconds, and how many callers ask for a key in each. */
  readonly every: number;
  readonly callers: number;
  /** How long a fetch takes, in milliseconds. */
  readonly fetch: number;
  /** In how many of its turns a key is deleted, from 0 to 1. */
  readonly deletes: number;
  readonly options: PlainOptions;
  /** When the source is down, by the clock that all processes share: each fetch that has begun then fails. */
  readonly down?: { readonly from: number; readonly until: number };
}

/** How long the last calls may take, in milliseconds. */
const PATIENCE = 20_000;

/** Begins to call; what it returns stops that, and waits for the calls that are still there, but not for ever. */
export function startLoad(
  process: RecordedProcess,
  { prefix, keys, life, every, callers, fetch, deletes, options, down }: Load,
): () => Promise<void> {
  const open = new Set<Promise<unknown>>();
  const run = (effect: Effect.Effect<unknown>) => {
    const running = Effect.runPromise(effect).finally(() => open.delete(running));
    open.add(running);
  };
  const fetcher = (call: number) =>
    Effect.suspend(() => {
      const at = sharedClock();
      const isDown = down !== undefined && at >= down.from && at < down.until;
      const answer = isDown
        ? Effect.fail({ _tag: "SOURCE_DOWN", call })
        : Effect.succeed(`value of call ${call}`);
      return Effect.flatMap(Effect.sleep(fetch), () => answer);
    });
  const turn = () => {
    const number = Math.floor(Math.random() * keys);
    const key = `${prefix}:${number}:${Math.floor(sharedClock() / life)}`;
    for (let caller = 0; caller < callers; caller++) {
      run(recordedCall(process, { key, options, fetcher }));
    }
    if (Math.random() < deletes) run(recordedChange(process, "delete", key));
  };
  const timer = setInterval(turn, every);
  return async () => {
    clearInterval(timer);
    await Promise.race([Promise.all(open), sleep(PATIENCE, undefined, { ref: false })]);
  };
}
