import type { Call, Settings } from "./call.ts";
import { calledFlight } from "./circle.ts";
import { isClosed } from "./closing.ts";
import { wallMillis } from "../effect/clock.ts";
import type * as Effect from "effect/Effect";
import type * as Exit from "effect/Exit";
import type { Caller } from "./flight.ts";
import { withContext } from "../effect/fork.ts";
import { gathered, type Gathering, makeGather } from "./gather.ts";
import { enter, newCaller } from "./get_or_set.ts";
import { isElected } from "./election.ts";
import { canReadTogether, readTogether } from "./read_together.ts";
import { refreshAhead } from "./refresh.ts";
import { hitHere } from "./result.ts";
import { sideBySide } from "./side_by_side.ts";
import { leave } from "./single_flight.ts";
import { heardHit, hearing } from "./telling.ts";
import type { GetOrSetResult } from "../model/outcome.ts";

/** How the call for one of many keys ended. */
export type ResultExit = Exit.Exit<GetOrSetResult<unknown>, unknown>;

/** Many keys that are asked for at once. */
export interface Many extends Gathering {
  readonly keys: readonly string[];
  readonly settingsOf: (key: string) => Settings;
}

/**
 * Gets the entries of many keys. Each is a call of its own, as any other for its key; all that is different is that what is to
 * be fetched is fetched together. So no key waits for another: the fetch begins before any wait for other processes.
 */
export function getOrSetMany(
  { keys, settingsOf, ...gathering }: Many,
): Effect.Effect<ResultExit[]> {
  return withContext((context, tracer, clock) => {
    const origin = { context, tracer };
    const callers: Caller[] = [];
    const reading: Caller[] = [];
    let stopReading = () => {};
    const gather = makeGather(clock, callers, gathering);
    const fetcher = () => gathered(calledFlight()!);
    // Nothing is fetched before all have begun.
    const begun = gather.look();
    return sideBySide<GetOrSetResult<unknown>>(context, keys.length, (index, end) => {
      const key = keys[index]!;
      const settings = settingsOf(key);
      const call: Call = { settings, key, fetcher, gather };
      const caller = newCaller(call, clock, origin);
      const aged = settings.refreshAhead !== undefined;
      const entry = isClosed(call)
        ? undefined
        : settings.store.peek?.(key, wallMillis(clock), aged);
      if (entry !== undefined) {
        if (aged && isElected(call, entry)) refreshAhead(caller, entry);
        end(heardHit(call, hitHere(call, entry.value)));
      } else {
        callers.push(caller);
        caller.resume = hearing(call, end);
        if (canReadTogether(caller)) reading.push(caller);
        else enter(caller, settings.reads);
      }
      if (index === keys.length - 1) {
        stopReading = readTogether(reading);
        begun();
      }
      return () => {
        stopReading();
        return leave(caller);
      };
    });
  });
}
