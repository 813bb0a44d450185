import { isClosed } from "./closing.ts";
import { contend } from "./contend.ts";
import { type Caller, flightsFor, openFlight } from "./flight.ts";
import { newRefresher } from "./refresher.ts";
import { keepQuiet, quietReason } from "./stale.ts";
import { start } from "./start.ts";
import type { Entry } from "../store/store.ts";

/**
 * Refreshes the key for nobody, unless this process fetches it already. Those who need it can join. The entry may be fresh
 * still, for so many milliseconds.
 */
export function refresh(caller: Caller, freshFor = 0): void {
  const { call, call: { key, settings } } = caller;
  const flights = flightsFor(call, "leading");
  if (flights?.has(key) || isClosed(call)) return;
  const ahead = { ...call, settings: { ...settings, freshBelow: freshFor } };
  const asker = freshFor > 0 ? { ...caller, call: ahead } : caller;
  // Those who can't join it have no need to ask either.
  const quiet = keepQuiet(asker, settings.leaseTtl, false); // mutate: quiet beside a refresh
  const flight = openFlight(newRefresher(asker, quiet), flights);
  flight.refreshes = true;
  start(flight, contend); // mutate: refresh
}

/** Refreshes an entry that was found fresh, unless somebody is known to do so. */
export function refreshAhead(caller: Caller, { freshFor = 0 }: Entry<unknown>): void {
  if (quietReason(caller, -freshFor) === undefined) refresh(caller, freshFor); // mutate: known ahead
}
