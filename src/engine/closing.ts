import * as Effect from "effect/Effect";
import { callback } from "../effect/callback.ts";
import { deadline } from "../effect/deadline.ts";
import { withContext } from "../effect/fork.ts";
import { quoted } from "../model/describe.ts";
import { type CacheLockingError, cacheLockingError } from "../model/errors.ts";
import type { Keyed, Settings } from "./call.ts";
import { type ClientState, tellIdle } from "./client_state.ts";
import type { Caller, End, Flight } from "./flight.ts";
import { stopNow, wait, type Waiter, wakeSome, whenEnded } from "./single_flight.ts";

/** What a client's call fails with once the client is closed. */
export function closedError(key: string): CacheLockingError {
  const message = `Cannot use ${quoted(key)}: the client is closed`;
  return cacheLockingError("CLOSED", message, { key, phase: "close" });
}

/** Whether the client of a call is closed. */
export function isClosed({ settings: { client } }: Keyed): boolean {
  return client?.closed === true; // mutate: closed
}

/** Fails a caller whose client is closed. Returns whether it has. */
export function failsAsClosed({ call, call: { key }, resume }: Caller): boolean {
  if (!isClosed(call)) return false;
  resume!(Effect.fail(closedError(key)));
  return true;
}

/** Has a caller wait in a flight that may be another client's, until a time of the monotonic clock at most. */
export function join(flight: Flight, caller: Caller, until: number): void {
  const { client } = caller.call.settings;
  const isForeign = client !== undefined && client !== flight.call.settings.client;
  if (isForeign && !client.flights.has(flight)) {
    client.flights.add(flight); // mutate: calls elsewhere
    whenEnded(flight, () => client.flights.delete(flight));
  }
  wait(flight, caller, until, caller.failuresLeft);
}

/**
 * Closes a client, once: its calls fail, its fetches are stopped, and their leases are let go of. A value that is being
 * stored is handed out before. It ends once all this has, and after `operationTimeout` at the latest: a fetch that can't be
 * interrupted isn't waited for.
 */
export function closing({ client, store, operationTimeout }: Settings): Effect.Effect<void> {
  let waiting: (() => void)[] | undefined;
  let isOver = false;
  return withContext((_context, _tracer, clock) =>
    callback((resume) => {
      const tell = () => resume(Effect.void);
      if (isOver) return tell();
      if (waiting !== undefined) return void waiting.push(tell);
      const all = waiting = [tell];
      const end = () => {
        client!.idle = undefined;
        isOver = true;
        cancel();
        store.closeIdle?.();
        for (const each of all) each();
      };
      const cancel = deadline(clock, operationTimeout, end); // mutate: closed in time
      stopAll(client!);
      client!.idle = end;
      tellIdle(client!);
    })
  );
}

function stopAll(client: ClientState): void {
  client.closed = true;
  const isOwn = (waiter: Waiter<End>) =>
    "call" in waiter && (waiter as Caller).call.settings.client === client;
  for (const each of client.flights) {
    const flight = each as Flight;
    const isForeign = flight.call.settings.client !== client;
    if (isForeign) client.flights.delete(flight);
    else if (flight.known === undefined) stopNow(flight); // mutate: stopped
    wakeSome(flight, isOwn); // mutate: calls under way
  }
}
