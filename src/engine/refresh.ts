import { isClosed } from "./closing.ts";
import { contend } from "./contend.ts";
import { type Caller, flightsFor, openFlight } from "./flight.ts";
import { newRefresher } from "./refresher.ts";
import { keepQuiet, quietOf } from "./stale.ts";
import { start } from "./start.ts";
import type { Entry } from "../store/store.ts";
import { link, traceOf } from "./tracing.ts";

/**
 * Refreshes the key for nobody, unless this process fetches it already. Those who need it can join. The entry may be fresh
 * still, for so many milliseconds.
 */
export function refresh(caller: Caller, freshFor = 0): void {
  const { call, call: { key, settings } } = caller;
  const flights = flightsFor(call, "leading");
  if (flights?.get(key) !== undefined || isClosed(call)) return;
  const ahead = { ...call, settings: { ...settings, freshBelow: freshFor } };
  const asker = freshFor > 0 ? { ...caller, call: ahead } : caller;
  // Those who can't join it have no need to ask either.
  const quiet = keepQuiet(asker, settings.leaseTtl, false); // mutate: quiet beside a refresh
  const flight = openFlight(newRefresher(asker, quiet), flights);
  flight.refreshes = true;
  const tell = () => link(caller, quiet.trace ??= traceOf(flight));
  const work = () => {
    tell();
    contend(flight);
  };
  start(flight, work); // mutate: refresh
  // The caller may have ended by the time that it works.
  tell();
}

/** Refreshes an entry that was found fresh, unless somebody is known to do so. */
export function refreshAhead(caller: Caller, { freshFor = 0 }: Entry<unknown>): void {
  if (quietOf(caller, -freshFor) === undefined) refresh(caller, freshFor); // mutate: known ahead
}
