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
  /** The one key that is in use in place of those. */
  readonly key?: string;
  /** The time between two turns, in milliseconds, and how many callers ask for a key in each. */
  readonly every: number;
  readonly callers: number;
  /** How long a fetch takes, in milliseconds. */
  readonly fetch: number;
  /** In how many of its turns a key is deleted, from 0 to 1. */
  readonly deletes: number;
  /** In how many of them it is set by hand, likewise; never by default. */
  readonly sets?: number | undefined;
  /** How old an entry may be that its client keeps in an L1, in milliseconds; it has none by default. */
  readonly l1?: number | undefined;
  readonly options: PlainOptions;
  /** In which part of a process's fetches the source fails, from 0 to 1: in each third one, say. Never by default. */
  readonly fails?: number | undefined;
  /** For how long its client shares failures with all processes at first, in milliseconds; not at all by default. */
  readonly shares?: number | undefined;
  /** When the source is down, by the clock that all processes share: each fetch that has begun then fails. */
  readonly down?: { readonly from: number; readonly until: number };
}

/** How long the last calls may take, in milliseconds. */
const PATIENCE = 20_000;

/** Begins to call; what it returns stops that, and waits for the calls that are still there, but not for ever. */
export function startLoad(
  process: RecordedProcess,
  load: Load,
): () => Promise<void> {
  const { prefix, keys, life, every, callers, fetch, deletes, options, shares, down, l1 } = load;
  const { fails = 0, sets = 0 } = load;
  const open = new Set<Promise<unknown>>();
  const run = (effect: Effect.Effect<unknown>) => {
    const running = Effect.runPromise(effect).finally(() => open.delete(running));
    open.add(running);
  };
  let fetches = 0;
  const failed = () => Math.floor(fetches * fails);
  const fetcher = (call: number) =>
    Effect.suspend(() => {
      const before = failed();
      fetches++;
      const at = sharedClock();
      const isDown = down !== undefined && at >= down.from && at < down.until;
      const answer = isDown || failed() > before
        ? Effect.fail({ _tag: "SOURCE_DOWN", call })
        : Effect.succeed(`value of call ${call}`);
      return Effect.flatMap(Effect.sleep(fetch), () => answer);
    });
  const turn = () => {
    const number = Math.floor(Math.random() * keys);
    const key = load.key ?? `${prefix}:${number}:${Math.floor(sharedClock() / life)}`;
    for (let caller = 0; caller < callers; caller++) {
      run(recordedCall(process, { key, options, fetcher, shares, l1 }));
    }
    if (Math.random() < deletes) run(recordedChange(process, "delete", key));
    if (Math.random() < sets) run(recordedChange(process, "set", key));
  };
  const timer = setInterval(turn, every);
  return async () => {
    clearInterval(timer);
    await Promise.race([Promise.all(open), sleep(PATIENCE, undefined, { ref: false })]);
  };
}
