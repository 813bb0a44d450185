import { run } from "./background.ts";
import type { FetchContext, FetchExit, Leave } from "./call.ts";
import { callFor, contextFor } from "./circle.ts";
import { callUserCode, causeOf, runUserCode, type UserCode, userCodeError } from "./user_code.ts";
import { causeKind } from "../effect/cause.ts";
import { monotonicMillis } from "../effect/clock.ts";
import { deadline } from "../effect/deadline.ts";
import * as Cause from "effect/Cause";
import * as Effect from "effect/Effect";
import * as Exit from "effect/Exit";
import { nothing } from "../effect/nothing.ts";
import { type End, type Flight, holdsProcess, longestFetch } from "./flight.ts";
import type { CacheLockingError } from "../model/errors.ts";
import { interruptNoWait } from "../effect/fork.ts";
import { whenEnded } from "./single_flight.ts";
import { traced } from "./tracing.ts";

/** How it goes on after a fetch: with a value, or with the end of a flight that has none. */
export interface Fetched {
  onValue(value: unknown): void;
  onEnd(end: End): void;
}

/**
 * Runs the call's fetcher for its flight, in a fiber of its own unless its value is there at once. What the fetcher throws
 * is a `FETCHER_FAILED`; its own errors stay as they are. Only the fetcher itself can be stopped: to stop it once the value
 * is there comes too late. It has a scope of its own, which ends with it.
 *
 * After `fetchTimeout` it is told to stop, and nobody waits until it has: it has failed, and what it ends with is dropped.
 */
export function fetch(flight: Flight, { onValue: next, onEnd: end }: Fetched): void {
  const { call, call: { settings: { fetchTimeout, counters, observer } }, clock } = flight;
  if (flight.cancelled) return end({ _tag: "Cancelled" }); // mutate: fetch
  let began = observer === undefined ? 0 : monotonicMillis(clock);
  const told = (error: unknown) =>
    observer?.fetch(call.key, { took: monotonicMillis(clock) - began, error });
  const onValue = observer === undefined ? next : (value: unknown) => {
    told(undefined);
    next(value);
  };
  const onEnd = (ended: End) => {
    if (ended._tag === "FetchFailed") {
      counters.failedFetches++;
      told(Cause.squash(ended.cause));
    }
    end(ended);
  };
  const code: UserCode = { what: "the fetcher", key: call.key, phase: "fetch" };
  let isOver = false;
  let cancelTimeout: (() => unknown) | undefined = undefined;
  const over = () => {
    isOver = true;
    cancelTimeout?.();
    flight.stop = undefined;
  };
  const ended = (exit: FetchExit) => {
    if (isOver) return; // mutate: late end
    over();
    if (exit._tag === "Success") onValue(exit.value);
    else onEnd(endOf(flight, causeOf(code, exit.cause)));
  };
  const limit = () => {
    if (fetchTimeout === Infinity) return;
    cancelTimeout = deadline(clock, fetchTimeout, expire, holdsProcess(flight)); // mutate: fetch timeout
  };
  const expire = () => {
    const problem = `did not end within \`fetchTimeout\`, ${fetchTimeout} ms`;
    const error = flight.overdue = userCodeError("FETCHER_FAILED", code, problem);
    flight.onCancel?.(); // mutate: signal of the timeout
    giveUp(flight.cancelled ? { _tag: "Cancelled" } : failedBy(error)); // mutate: timed out
  };
  if (call.gather !== undefined) {
    const begins = () => {
      began = monotonicMillis(clock);
      limit();
    };
    flight.fetchBegins = begins;
  }
  const leave = begin(flight, code, ended);
  if (isOver) return;
  const stop = (now = false) => {
    if (now) giveUp({ _tag: "Cancelled" }); // mutate: stopped at once
    else leave(cancelled);
  };
  const cancelled = () => {
    if (isOver) return;
    over();
    onEnd({ _tag: "Cancelled" });
  };
  const giveUp = (ended: End) => {
    over();
    leave(nothing); // mutate: overdue
    onEnd(ended);
  };
  flight.stop = stop;
  if (call.gather === undefined) limit();
}

/** Begins a fetch, and goes on with its end, at once or later. What this returns interrupts it. */
function begin(flight: Flight, code: UserCode, ended: (exit: FetchExit) => void): Leave {
  const { call, call: { gather }, hasSpans, clock } = flight;
  const setBusy = () => flight.busyUntil ??= monotonicMillis(clock) + longestFetch(call);
  if (gather !== undefined && !hasSpans) {
    setBusy();
    return gather.fetch(flight, ended);
  }
  // Its span's fiber may be a while in coming to the fetcher.
  const looked = gather?.look(); // mutate: look in a span
  if (looked !== undefined) whenEnded(flight, looked);
  const fetcher = () => {
    const fetching = callFor(flight, call.fetcher, new Context(flight));
    looked?.();
    return fetching;
  };
  const fetching = hasSpans
    ? traced(flight, "fetch", runUserCode(code, fetcher), fetched)
    : callUserCode(code, fetcher);
  if (Exit.isExit(fetching) && fetching._tag === "Success") {
    ended(fetching);
    return nothing;
  }
  setBusy();
  const effect = Effect.scoped(Effect.interruptible(fetching));
  const fiber = run(flight, effect, ended, contextFor(flight));
  // Its end tells that it was interrupted.
  return () => interruptNoWait(fiber);
}

const fetched = () => "fetched";

function failedBy(error: CacheLockingError): End {
  return { _tag: "FetchFailed", cause: Cause.fail(error) };
}

/** How a flight ends whose fetch failed: without a result if it was interrupted because the last caller has left. */
function endOf(flight: Flight, cause: Cause.Cause<unknown>): End {
  return flight.cancelled && causeKind(cause) === "Interrupt"
    ? { _tag: "Cancelled" }
    : { _tag: "FetchFailed", cause };
}

/** What the fetcher receives. Its signal is made when it is first read: most fetchers don't. */
class Context implements FetchContext {
  // A class, as an object with a getter of its own takes 50 times as long to make.
  readonly key: string;
  readonly #flight: Flight;
  #controller: AbortController | undefined;

  constructor(flight: Flight) {
    this.key = flight.key;
    this.#flight = flight;
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      const flight = this.#flight;
      const controller = this.#controller = new AbortController();
      const abort = () => controller.abort(flight.overdue);
      flight.onCancel = abort;
      // The last caller may have left just before, and the fetch may go on after its time.
      if (flight.cancelled || flight.overdue !== undefined) abort();
    }
    return this.#controller.signal;
  }
}
