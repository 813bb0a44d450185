import * as Cause from "effect/Cause";
import { isClosed } from "./closing.ts";
import { type Caller, type End, type Flight, flightsFor, openFlight } from "./flight.ts";
import { enter, goOnWith } from "./get_or_set.ts";
import * as Effect from "effect/Effect";
import { getAll } from "./operation.ts";
import { complete, leave, type Signal, type Wake, whenEnded } from "./single_flight.ts";
import { hasMany, MOST_TOGETHER } from "./together.ts";

/** Whether a caller that is to read can do so in one request with others: nobody here works on its key. */
export function canReadTogether({ call, call: { settings }, within }: Caller): boolean {
  return settings.reads && within === undefined && !isClosed(call) &&
    hasMany(settings.store, "get") && flightsFor(call, "leading")?.get(call.key) === undefined;
}

/**
 * Reads for callers of one store, each of another key. Who finds an entry has it, and has had no flight of its own; each of the
 * others takes part in that of its key then. What this returns gives up what isn't read yet.
 */
export function readTogether(callers: readonly Caller[]): () => void {
  const readers: Caller[] = [];
  for (let at = 0; at < callers.length; at += MOST_TOGETHER) {
    const some = callers.slice(at, at + MOST_TOGETHER);
    if (some.length > 1) readers.push(readAll(some));
    else enter(some[0]!, true);
  }
  return () => {
    for (const reader of readers) void leave(reader);
  };
}

/** Reads for some callers in one flight, which others find by each of the keys. Who stands for them all is returned. */
function readAll(callers: readonly Caller[]): Caller {
  const [first] = callers as [Caller];
  const { call, call: { gather, settings } } = first;
  const reader: Caller = {
    ...first,
    woken: (_: Flight, { signal }: Wake<End>) => {
      for (const caller of callers) {
        try {
          if (signal._tag === "Read") goOnWith(caller, signal.answerOf(caller.call.key));
          else if (signal._tag === "Died") caller.resume!(Effect.failCause(signal.cause));
          else enter(caller, true);
        } catch (defect) {
          caller.resume!(Effect.die(defect));
        }
      }
    },
  };
  const flights = flightsFor(call, "leading");
  const flight = openFlight(reader, flights);
  const keys = callers.map(({ call: { key } }) => key);
  for (const key of keys) flights?.set(key, flight);
  whenEnded(flight, gather!.look());
  const end = (signal: Signal<End>) => {
    // Before any is woken: who comes then has a flight of its own.
    for (const key of keys) {
      if (flights?.get(key) === flight) flights.delete(key);
    }
    complete(flight, signal);
  };
  const die = (defect: unknown) => end({ _tag: "Died", cause: Cause.die(defect) });
  flight.die = die;
  const giveUp = getAll(flight, keys, settings.refreshAhead !== undefined, (answers) => {
    const byKey = new Map(keys.map((key, index) => [key, answers[index]]));
    end({ _tag: "Read", answerOf: (key) => byKey.get(key) }); // mutate: read for a key
  });
  const stop = () => {
    giveUp();
    end({ _tag: "Cancelled" });
  };
  if (flight.completed === undefined) flight.stop = stop;
  return reader;
}
