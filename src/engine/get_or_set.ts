import { type FiberContext, withContext } from "../effect/fork.ts";
import type { Call } from "./call.ts";
import { machineClock, monotonicMillis, wallMillis, wholeMillis } from "../effect/clock.ts";
import * as Cause from "effect/Cause";
import type * as Clock from "effect/Clock";
import { closedError, failsAsClosed, isClosed, join } from "./closing.ts";
import { contend } from "./contend.ts";
import * as Duration from "effect/Duration";
import * as Effect from "effect/Effect";
import type * as Tracer from "effect/Tracer";
import { isElected } from "./election.ts";
import { isAdapterError } from "../model/errors.ts";
import { type Entry, isFresh } from "../store/store.ts";
import { failsInCircle, fetchOf } from "./circle.ts";
import { shareFailures } from "./failures.ts";
import { fetchAlone } from "./fetch_alone.ts";
import {
  type Caller,
  type End,
  type Flight,
  flightsFor,
  longestFetch,
  openFlight,
  type ReadAnswer,
  type Result,
} from "./flight.ts";
import { read, readBeside, readFailed } from "./read.ts";
import { start, waitIn } from "./start.ts";
import { refresh, refreshAhead } from "./refresh.ts";
import {
  after,
  hit,
  hitHere,
  outOfFailures,
  resultFor,
  staleResult,
  waitedOf,
  whyStale,
} from "./result.ts";
import { abortedError, untilAborted } from "./signal.ts";
import { complete, isBusy, leave, type Signal, type Wake } from "./single_flight.ts";
import { beginSoftTimeout } from "./soft_timeout.ts";
import { quietOf, type Stale, staleness, staleOf } from "./stale.ts";
import { heard, heardHit, hearing } from "./telling.ts";
import { inOwnSpan, keepsSpans, link, traceOf } from "./tracing.ts";

/**
 * Gets the entry, or has one caller of all fetch and fill it.
 *
 * What is in this process is found here. Any other call takes part in a flight, which all concurrent calls for the key
 * share: it reads, acquires the lease, then leads or follows; its end is each caller's result, by its own part in it.
 */
export function getOrSet(call: Call): Result {
  const { key, settings, settings: { store, signal, freshBelow } } = call;
  return Effect.clockWith((clock) => {
    if (signal?.aborted) return Effect.fail(abortedError(key, signal));
    if (isClosed(call)) return Effect.fail(closedError(key));
    const aged = settings.refreshAhead !== undefined;
    const entry = freshBelow > 0 ? undefined : store.peek?.(key, wallMillis(clock), aged);
    if (entry !== undefined) {
      const found = heardHit(call, hitHere(call, entry.value));
      return aged && isElected(call, entry) ? andRefresh(call, clock, entry, found) : found;
    }
    const missed = heard(
      call,
      withContext((context, tracer) =>
        joinOrStart(newCaller(call, clock, { context, tracer }), call.settings.reads)
      ),
    );
    return signal === undefined ? missed : untilAborted(key, signal, missed);
  });
}

/**
 * The same for a caller without a fiber, on the machine's clock, of what isn't in this process. It calls back with the
 * result, or with an effect that goes on to it. What it returns makes the caller leave that has not been called back.
 */
export function startCall(call: Call, resume: (result: Result) => void): () => void {
  const caller = newCaller(call, machineClock, outside());
  caller.resume = hearing(call, resume);
  enter(caller, call.settings.reads);
  return () => void leave(caller);
}

/** A hit in this process, whose entry is refreshed before its time ends. */
function andRefresh(call: Call, clock: Clock.Clock, entry: Entry<unknown>, found: Result): Result {
  return withContext((context, tracer) => {
    refreshAhead(newCaller(call, clock, { context, tracer }), entry);
    return found;
  });
}

/** The same for a caller without a fiber. */
export function startRefresh(call: Call, entry: Entry<unknown>): void {
  refreshAhead(newCaller(call, machineClock, outside()), entry);
}

/** What fibers run with that are started outside of all others. */
let outsideFibers: Origin | undefined;
const outside = () => outsideFibers ??= Effect.runSync(anyContext);
const anyContext = withContext((context, tracer) => Effect.succeed({ context, tracer }));

/** What a caller has of its fiber. */
export interface Origin {
  readonly context: FiberContext;
  readonly tracer: Tracer.Tracer;
}

/** A caller that has gone through nothing yet. */
export function newCaller(
  call: Call,
  clock: Clock.Clock,
  { context, tracer }: Origin,
): Caller {
  return {
    flight: undefined,
    group: undefined,
    index: 0,
    woken,
    call,
    resume: undefined,
    clock,
    context,
    within: fetchOf(context),
    failuresLeft: call.settings.maxFailures,
    span: keepsSpans(tracer) ? "missing" : "none",
    waitingSince: undefined,
    wokenAt: undefined,
    waited: undefined,
    leaseUntil: undefined,
    lastFailure: undefined,
    softUntil: undefined,
    stale: undefined,
    failed: undefined,
  };
}

/** Joins the key's flight, for `waitMax` at most, or starts one. */
function joinOrStart(caller: Caller, needsRead = false): Result {
  return waitIn(caller, () => enter(caller, needsRead));
}

/** Has the caller take part in the key's flight, until it is resumed. */
export function enter(caller: Caller, needsRead: boolean): void {
  if (failsAsClosed(caller)) return;
  const { call: { key, settings }, clock } = caller;
  const flights = flightsFor(caller.call, "leading");
  const current = flights?.get(key);
  const beside = needsRead && current !== undefined && mayHaveOld(caller, current);
  if (caller.within !== undefined && failsInCircle(caller, beside ? undefined : current)) return;
  if (beside) return readBeside(caller);
  if (current === undefined) {
    const flight = openFlight(caller, flights);
    return needsRead ? read(flight) : start(flight, contend);
  }
  if (current.hasSpans && caller.span === "missing") {
    return caller.resume!(inOwnSpan(caller, joinOrStart));
  }
  const until = (caller.waitingSince ??= wholeMillis(clock)) + settings.waitMax; // mutate: joined until
  link(caller, traceOf(current)); // mutate: link to a flight
  join(current, caller, until);
}

/** Goes on with what was read for the caller: has it, or takes part in the key's flight. */
export function goOnWith(caller: Caller, answer: ReadAnswer): void {
  const { call, clock } = caller;
  if (isAdapterError(answer)) {
    const flights = flightsFor(call, "leading");
    if (flights?.get(call.key) !== undefined) return enter(caller, false);
    return readFailed(openFlight(caller, flights), answer);
  }
  if (answer === undefined) {
    caller.stale = null;
    return enter(caller, false);
  }
  const { value, freshFor = 0 } = answer;
  if (!isFresh(answer)) { // mutate: stale of many
    caller.stale = { _tag: "Stale", value, staleFor: -freshFor, at: monotonicMillis(clock) };
    return caller.resume!(haveStale(caller, caller.stale));
  }
  caller.resume!(hit(call, value));
  if (isElected(call, answer)) refreshAhead(caller, answer);
}

/** Whether there may be a value that the caller may have, while a flight fetches another. */
function mayHaveOld({ call: { settings } }: Caller, { works, cold, call }: Flight): boolean {
  const { staleWhileRevalidate, staleIfError, softTimeout } = settings;
  const isStale = staleWhileRevalidate > 0 || (softTimeout < Infinity && staleIfError > 0); // mutate: read beside
  const isFresh = call.settings.freshBelow > 0; // mutate: read beside a refresh
  return works && !cold && (isStale || isFresh);
}

/** The wait has ended: joins what this process fetches, or fetches without the lease. */
function fallBack(caller: Caller): Result {
  const { call, clock } = caller;
  return waitIn(caller, () => {
    // Asked as it runs: with Effect 3 it continues later, and the flight that it left may fetch by then.
    if (leads(caller)) return enter(caller, false);
    if (failsAsClosed(caller)) return;
    const flights = flightsFor(call, "fallingBack");
    const current = flights?.get(call.key);
    if (failsInCircle(caller, current)) return;
    if (current !== undefined && isBusy(current)) { // mutate: shared fallback
      link(caller, traceOf(current));
      return join(current, caller, current.busyUntil!); // mutate: fallback until
    }
    const flight = openFlight(caller, flights);
    flight.fallsBack = true;
    flight.busyUntil = monotonicMillis(clock) + longestFetch(call);
    start(flight, () => fetchAlone(flight, "fallback", (end) => complete<End>(flight, end)));
  });
}

/** Whether this process fetches what the caller asks for, in a flight that the caller can join. */
function leads({ call }: Caller): boolean {
  const current = flightsFor(call, "leading")?.get(call.key);
  return current !== undefined && isBusy(current);
}

/** Continues a caller that is woken in a flight. */
function woken(this: Caller, flight: Flight, { signal, at, failuresLeft }: Wake<End>): void {
  this.wokenAt = at;
  this.within?.nested?.delete(this);
  this.failuresLeft = Math.min(this.failuresLeft, failuresLeft);
  this.resume!(settle(flight, this, signal));
}

/** What a flight's end, or the end of the wait for it, means for one caller: its result, its failure, or another try. */
function settle(
  flight: Flight,
  caller: Caller,
  signal: Signal<End>,
): Result {
  const first = caller === flight.first;
  const again: (caller: Caller, needsRead?: boolean) => Result = flight.fallsBack
    ? fallBack
    : joinOrStart;
  if (first && flight.hookFailure !== undefined) return Effect.failCause(flight.hookFailure);
  const { failed, call: { settings } } = caller;
  if (signal._tag === "Value") {
    const isOld = signal.source === "hit" && settings.freshBelow > 0 && !first;
    return isOld ? again(caller) : resultFor(flight, caller, signal); // mutate: joined a hit
  }
  if (signal._tag === "Stale") caller.stale = signal;
  if (failed !== undefined || flight.cold) caller.stale ??= null;
  if (failed !== undefined) {
    caller.failed = undefined;
    return settle(failed.flight, caller, failed.signal);
  }
  caller.leaseUntil = flight.leaseUntil ?? caller.leaseUntil;
  const instead = settings.staleIfError > 0 && signal._tag !== "Stale"
    ? staleInstead(flight, caller, signal)
    : undefined;
  if (instead !== undefined) return instead;
  switch (signal._tag) {
    case "Stale":
      return haveStale(caller, signal);
    case "FetchFailed":
      if (first || (signal.shared && shareFailures(settings, flight.call.settings))) { // mutate: own error
        return Effect.failCause(signal.cause);
      }
      caller.lastFailure = Cause.squash(signal.cause);
      return --caller.failuresLeft > 0 ? again(caller) : Effect.fail(outOfFailures(caller)); // mutate: failure here
    case "Failed":
      return first || (signal.scope === "all" && !caller.call.settings.bypass) // mutate: failed for all
        ? Effect.fail(signal.error)
        : again(caller);
    case "FallBack":
    case "Uncached":
    case "OutOfTime":
      if (caller.waited !== undefined || leads(caller)) return fallBack(caller);
      caller.waited = waitedOf(caller) ?? 0;
      return after(
        caller.call,
        "onFollowerWait",
        () => [{
          key: caller.call.key,
          leaseUntil: caller.leaseUntil ?? 0,
          waited: Duration.millis(caller.waited!),
          outcome: "FALLBACK",
        }],
        Effect.suspend(() => fallBack(caller)),
      );
    case "Read":
      return settings.freshBelow > 0 // mutate: joined a read
        ? again(caller)
        : waitIn(caller, () => goOnWith(caller, signal.answerOf(caller.call.key)));
    case "SharedFailure":
      return first || shareFailures(settings, flight.call.settings)
        ? Effect.fail(signal.error) // mutate: failure of another
        : again(caller);
    case "OutOfFailures":
      return Effect.fail(outOfFailures(caller));
    case "Cancelled": {
      const { reads, staleFor } = settings;
      // Who had only joined has read nothing yet that it may have in place of a fresh value.
      const isUnread = reads && staleFor !== undefined && caller.stale === undefined; // mutate: read anew
      return again(caller, isUnread && flight.works && flight.completed !== undefined);
    }
    case "Quiet":
      return again(caller);
    case "Died":
      return first || flight.works ? Effect.failCause(signal.cause) : again(caller);
  }
}

/** What a stale value means for a caller: it has it and sees to its refresh, or goes on to a fresh one. */
function haveStale(caller: Caller, stale: Stale): Result {
  const staleFor = staleness(stale, caller.clock);
  const quiet = quietOf(caller, staleFor);
  const isEnough = staleFor < caller.call.settings.staleWhileRevalidate; // mutate: stale while revalidate
  if (isEnough || (quiet?.failed && staleOf(caller) !== undefined)) {
    return inOwnSpan(caller, () => {
      if (isEnough && quiet === undefined) refresh(caller);
      else link(caller, quiet?.trace);
      return staleResult(caller, stale, { reason: isEnough ? "refreshing" : "failed" });
    });
  }
  beginSoftTimeout(caller);
  return joinOrStart(caller);
}

/** What a caller has instead of a failure, if it may have a stale value: if it hasn't read one, it reads now. */
function staleInstead(flight: Flight, caller: Caller, signal: Signal<End>): Result | undefined {
  const why = whyStale(flight, caller, signal);
  if (why === undefined) return undefined;
  const stale = staleOf(caller);
  if (stale !== undefined) return staleResult(caller, stale, why); // mutate: stale instead
  if (caller.stale !== undefined) return undefined;
  caller.failed = { flight, signal };
  return waitIn(caller, () => readBeside(caller));
}
