import * as Cause from "effect/Cause";
import * as Duration from "effect/Duration";
import * as Effect from "effect/Effect";
import * as Exit from "effect/Exit";
import { causeKind } from "../effect/cause.ts";
import { type Channel, diagnosticsChannel } from "../effect/runtime.ts";
import { CacheOutcome } from "../model/cache_outcome.ts";
import { noHooks } from "../model/hooks.ts";
import type { CallEnd, ObservedEvent } from "../model/metrics.ts";
import type { GetOrSetResult } from "../model/outcome.ts";
import type { Keyed, Settings } from "./call.ts";
import type { Result } from "./flight.ts";

/** Where each call is told of to who subscribes, in runtimes that have such channels. */
const channel: Channel | undefined = diagnosticsChannel("cache-locking:call");

const HIT: CallEnd = {
  outcome: CacheOutcome.HIT,
  waited: undefined,
  error: undefined,
  calls: 1,
};

const HIT_IN_L1: CallEnd = { ...HIT, tier: "l1" };

/** Whether anybody is told of the calls. */
export function isHeard({ observer }: Settings): boolean {
  return observer !== undefined || (channel !== undefined && channel.hasSubscribers);
}

/** Tells who listens of calls that have ended. */
export function tell(key: string, { name, store, observer }: Settings, end: CallEnd): void {
  observer?.call(key, end);
  if (!channel?.hasSubscribers) return;
  const { calls, ...told } = end;
  const message = { name, adapter: store.name, key, ...told };
  for (let call = 0; call < calls; call++) channel.publish(message);
}

/** Tells who listens of a hit in this process. */
export function tellHit(key: string, settings: Settings): void {
  if (isHeard(settings)) tell(key, settings, settings.store.tier === "l1" ? HIT_IN_L1 : HIT);
}

/** The result of a hit in this process, of which those are told who listen. */
export function heardHit(call: Keyed, result: Result): Result {
  const { key, settings } = call;
  if (!isHeard(settings)) return result;
  if (settings.hooks !== noHooks) return heard(call, result);
  tellHit(key, settings);
  return result;
}

/** A call's result, of which those are told who listen. */
export function heard({ key, settings }: Keyed, result: Result): Result {
  if (!isHeard(settings)) return result;
  const told = (exit: Exit.Exit<GetOrSetResult<unknown>, unknown>): void => {
    if (exit._tag === "Success") return tell(key, settings, endOf(exit.value));
    if (causeKind(exit.cause) === "Interrupt") return;
    const error = Cause.squash(exit.cause);
    tell(key, settings, { outcome: undefined, waited: undefined, error, calls: 1 });
  };
  if (!Exit.isExit(result)) return Effect.onExit(result, (exit) => Effect.sync(() => told(exit)));
  told(result as never);
  return result;
}

/** What takes a call's result, and tells those who listen of it. */
export function hearing(call: Keyed, resume: (result: Result) => void): (result: Result) => void {
  return isHeard(call.settings) ? (result) => resume(heard(call, result)) : resume;
}

function endOf({ meta: { cache, waited, tier } }: GetOrSetResult<unknown>): CallEnd {
  if (cache === CacheOutcome.HIT) return tier === undefined ? HIT : HIT_IN_L1;
  return {
    outcome: cache,
    waited: waited && Duration.toMillis(waited),
    error: undefined,
    calls: 1,
  };
}

/** Counts what has happened, and tells the observer. */
export function count(
  { key, settings: { counters, observer } }: Keyed,
  event: ObservedEvent,
): void {
  counters[event]++;
  observer?.event(key, event);
}
