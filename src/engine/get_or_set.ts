import { inBackground, reportAnd, run } from "./background.ts";
import type { Call } from "./call.ts";
import { machineClock, monotonicMillis, wallMillis, wholeMillis } from "../effect/clock.ts";
import { deadline } from "../effect/deadline.ts";
import * as Cause from "effect/Cause";
import type * as Clock from "effect/Clock";
import * as Duration from "effect/Duration";
import * as Effect from "effect/Effect";
import type * as Tracer from "effect/Tracer";
import { callback } from "../effect/callback.ts";
import { failsInCircle, fetchOf } from "./circle.ts";
import { fetch } from "./fetch.ts";
import {
  type Caller,
  type End,
  type Flight,
  flightsFor,
  longestFetch,
  type Result,
} from "./flight.ts";
import { type FiberContext, withContext } from "../effect/fork.ts";
import { follow, type Following, type Unanswered, waitLeft } from "./follow.ts";
import { lead, release } from "./lead.ts";
import { operate, phaseError } from "./operation.ts";
import { newRefresher } from "./refresh.ts";
import {
  after,
  asStored,
  hit,
  outOfFailures,
  resultFor,
  staleResult,
  waitedOf,
  whyStale,
} from "./result.ts";
import { keepQuiet, quietReason, type Stale, staleness, staleOf } from "./stale.ts";
import { abortedError, untilAborted } from "./signal.ts";
import {
  complete,
  countFailure,
  type FlightTable,
  isBusy,
  leave,
  notBusy,
  rejoin,
  type Signal,
  wait,
  type Waiter,
  type Wake,
  whenEnded,
} from "./single_flight.ts";
import { type Acquired, type Follower, isFresh, type Leader } from "../store/store.ts";
import { randomToken } from "../model/token.ts";
import { inOwnSpan, keepsSpans } from "./tracing.ts";

/**
 * Gets the entry, or has one caller of all fetch and fill it.
 *
 * What is in this process is found here. Any other call takes part in a flight, which all concurrent calls for the key
 * share: it reads, acquires the lease, then leads or follows; its end is each caller's result, by its own part in it.
 */
export function getOrSet(call: Call): Result {
  const { key, settings: { store, signal } } = call;
  return Effect.clockWith((clock) => {
    if (signal?.aborted) return Effect.fail(abortedError(key, signal));
    const entry = store.peek?.(key, wallMillis(clock));
    if (entry !== undefined) return hit(call, entry.value);
    const missed = withContext((context, tracer) =>
      joinOrStart(newCaller(call, clock, { context, tracer }), call.settings.reads)
    );
    return signal === undefined ? missed : untilAborted(key, signal, missed);
  });
}

/**
 * The same for a caller without a fiber, on the machine's clock, of what isn't in this process. It calls back with the
 * result, or with an effect that goes on to it. What it returns makes the caller leave that has not been called back.
 */
export function startCall(call: Call, resume: (result: Result) => void): () => void {
  const caller = newCaller(call, machineClock, outsideFibers ??= Effect.runSync(anyContext));
  caller.resume = resume;
  enter(caller, call.settings.reads);
  return () => void leave(caller);
}

/** What fibers run with that are started outside of all others. */
let outsideFibers: Origin | undefined;
const anyContext = withContext((context, tracer) => Effect.succeed({ context, tracer }));

/** What a caller has of its fiber. */
interface Origin {
  readonly context: FiberContext;
  readonly tracer: Tracer.Tracer;
}

/** A caller that has gone through nothing yet. */
function newCaller(
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
    stale: undefined,
    failed: undefined,
  };
}

/** Waits in the flight that `enter` enters, and leaves it if it is interrupted. */
function waitIn(caller: Caller, enter: () => void): Result {
  return callback((resume) => {
    caller.resume = resume;
    enter();
    return Effect.suspend(() => leave(caller));
  });
}

/** Joins the key's flight, for `waitMax` at most, or starts one. */
function joinOrStart(caller: Caller, needsRead = false): Result {
  return waitIn(caller, () => enter(caller, needsRead));
}

function enter(caller: Caller, needsRead: boolean): void {
  const { call: { key, settings }, clock } = caller;
  const flights = flightsFor(caller.call, "leading");
  const current = flights?.get(key);
  // Who may have a stale value doesn't wait for a fetch, unless there is none.
  const beside = needsRead && current?.works && !current.cold && settings.staleWhileRevalidate > 0; // mutate: read beside
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
  wait(current, caller, until, caller.failuresLeft);
}

/** A new flight with its first caller, in a table that others find it by, or alone. */
function openFlight(first: Caller, table: Map<string, Flight> | undefined): Flight {
  const { call, call: { key }, clock, context } = first;
  const flight: Flight = {
    key,
    table: table as FlightTable<End> | undefined,
    clock,
    first,
    call,
    context,
    waiting: 1,
    groups: [],
    cancelled: false,
    goesOn: false,
    onCancel: undefined,
    stop: undefined,
    ended: undefined,
    busyUntil: undefined,
    known: undefined,
    handedOut: undefined,
    completed: undefined,
    shared: undefined,
    fallsBack: false,
    refreshes: false,
    cold: first.stale === null,
    leaseUntil: undefined,
    hookFailure: undefined,
    overdue: undefined,
    nested: undefined,
    works: false,
    hasSpans: false,
    die,
  };
  first.flight = flight;
  table?.set(key, flight);
  return flight;
}

function die(this: Flight, defect: unknown): void {
  complete(this, { _tag: "Died", cause: Cause.die(defect) });
}

/** Joins who reads the key beside a flight that fetches it, or reads it. Who finds nothing joins that flight. */
function readBeside(caller: Caller): void {
  const flights = flightsFor(caller.call, "reading");
  const current = flights?.get(caller.call.key);
  if (current !== undefined) return wait(current, caller, Infinity, caller.failuresLeft);
  const flight = openFlight(caller, flights);
  read(flight, () => complete<End>(flight, { _tag: "Cancelled" }));
}

/** Reads for all who come meanwhile; a miss goes on from there. What is stale ends it, as not all may have that. */
function read(flight: Flight, onMiss?: () => void): void {
  const { call } = flight;
  const goOn = (work: (flight: Flight) => void) => (onMiss ?? (() => start(flight, work)))();
  const giveUp = operate(flight, "get", [], {
    onSuccess(entry) {
      if (entry === undefined) { // mutate: miss
        flight.cold = true;
        return goOn(contend);
      }
      const { value, freshFor = 0 } = entry;
      const at = monotonicMillis(flight.clock);
      complete<End>(
        flight,
        isFresh(entry) // mutate: stale
          ? { _tag: "Value", value, source: "hit", stored: true }
          : { _tag: "Stale", value, staleFor: -freshFor, at },
      );
    },
    onFailure(error) {
      const failure = phaseError(call, error);
      const bypass = call.settings.bypass && failure._tag !== "VALIDATION_ERROR";
      if (!(error.corrupt || bypass)) { // mutate: corrupt entry
        return complete<End>(flight, { _tag: "Failed", error: failure, scope: "all" });
      }
      reportAnd(flight, failure, () => goOn(error.corrupt ? contend : bypassCache));
    },
  });
  const stop = () => {
    giveUp();
    complete<End>(flight, { _tag: "Cancelled" });
  };
  if (!flight.works) flight.stop = stop;
}

/** Has the flight work, in the span of its first caller. */
function start(flight: Flight, work: (flight: Flight) => void): void {
  const { first } = flight;
  if (flight.completed !== undefined) return;
  if (first.span === "missing" && first.flight === flight) {
    const inside = () => waitIn(first, () => start(flight, work));
    return first.resume!(inOwnSpan(first, inside, flight.refreshes));
  }
  flight.context = first.context;
  flight.hasSpans = first.span === "open";
  flight.works = true;
  flight.stop = undefined;
  // Those who have joined its read get their own spans.
  if (flight.hasSpans) rejoin(flight);
  if (flight.call.settings.waitUntil !== undefined) {
    inBackground(flight, (done) => whenEnded(flight, done));
  }
  if (first.wokenAt === undefined) return work(flight);
  // All who were woken with it are there before a fetch that takes no time has ended.
  run(flight, Effect.sleep(0), () => work(flight));
}

/** Acquires the lease and leads, or follows its holder, until there is a value or the wait has ended. */
function contend(flight: Flight): void {
  const { first, clock, call } = flight;
  const { ownerId, leaseTtl } = call.settings;
  const token = randomToken();
  const owner = ownerId === undefined ? token : `${ownerId}:${token}`;
  let mayHold = false;
  const cancel = (done: () => void) =>
    operate(flight, "release", [owner, "cancelled"], { onSuccess: done, onFailure: done });
  /** The reply may be all that was lost: nobody waits for the release, but no lease is left behind. */
  const letGo = () => {
    if (!mayHold) return;
    mayHold = false;
    inBackground(flight, cancel); // mutate: release without an answer
  };
  const look: Following["look"] = (waitedFor, found, within = Infinity, tooLate) => {
    /** Ends what goes on in the background, once nobody waits for the answer. */
    let done: (() => void) | undefined;
    const cancelEnd = deadline(clock, within, () => {
      inBackground(flight, (ended) => done = ended);
      tooLate?.();
    });
    const mayBeQuiet = flight.refreshes || staleOf(first) !== undefined;
    const options = mayBeQuiet ? { waitedFor, backOff: true } : { waitedFor }; // mutate: back off
    operate(flight, "acquire", [owner, leaseTtl, options], {
      onSuccess(acquired) {
        const { _tag } = acquired;
        // A release before the answer might reach the store before the acquire does.
        if (done !== undefined) return _tag === "Leader" ? cancel(done) : done(); // mutate: late lease
        cancelEnd();
        if (_tag === "Leader" || _tag === "Follower") mayHold = false;
        understand(flight, owner, acquired, waitedFor, found);
      },
      onFailure(error) {
        if (done !== undefined) return cancel(done);
        cancelEnd();
        mayHold = true;
        whenEnded(flight, letGo); // mutate: release after a lost look
        found({ _tag: "Unanswered", error: phaseError(call, error), reported: false }); // mutate: failed look
      },
    });
  };
  const next = (answer: Leader | Follower | Unanswered | End): void => {
    switch (answer._tag) {
      case "Leader":
        return lead(flight, owner, answer);
      case "Follower":
        return follow(flight, answer, { look, next });
      case "Unanswered":
        // One failed look of many decides nothing, for who has waited for a lease.
        if (hasFollowed(flight) && waitLeft(first) >= 1) {
          return follow(flight, answer, { look, next });
        }
        letGo();
        return giveUp(flight, answer);
      default:
        return complete<End>(flight, answer);
    }
  };
  if (first.failuresLeft === call.settings.maxFailures) return look(undefined, next);
  // Who is out of time waits for a takeover, and doesn't fetch beside it.
  flight.busyUntil = monotonicMillis(clock) + call.settings.operationTimeout;
  look(undefined, (answer) => {
    if (answer._tag === "Leader") flight.busyUntil = undefined;
    else notBusy(flight);
    if (answer._tag !== "Unanswered") return next(answer);
    // Those whose time is out fetch by then, and it joins them in place of the cache.
    run(flight, Effect.sleep(0), () => next(answer));
  });
}

/** Whether the flight, or its first caller before, has waited for a lease. */
function hasFollowed({ leaseUntil, first }: Flight): boolean {
  return (leaseUntil ?? first.leaseUntil) !== undefined;
}

/** Ends a flight whose last acquire failed. */
function giveUp(flight: Flight, { error, reported }: Unanswered): void {
  const { settings: { bypass, errorBackoff } } = flight.call;
  if (flight.refreshes) keepQuiet(flight, errorBackoff, false);
  if (!bypass || flight.refreshes) {
    // Who joined may have more time.
    const scope = hasFollowed(flight) ? "first" : "all";
    return complete<End>(flight, { _tag: "Failed", error, scope });
  }
  if (reported) return bypassCache(flight);
  reportAnd(flight, error, () => bypassCache(flight));
}

/** What an acquire brought: any answer but a lease, the flight's own or another's, is how the flight ends. */
function understand(
  flight: Flight,
  owner: string,
  acquired: Acquired<unknown>,
  waitedFor: string | undefined,
  next: (answer: Leader | Follower | End) => void,
): void {
  const { first: caller, call } = flight;
  if (acquired._tag === "Hit") {
    const source = waitedFor === undefined ? "hit" : "follower";
    return next({ _tag: "Value", value: acquired.entry.value, source, stored: true });
  }
  if (acquired._tag === "Ended") return next({ _tag: "Uncached" }); // mutate: ended
  if (acquired._tag === "Failed") {
    keepQuiet(flight, acquired.remaining, true);
    return next({ _tag: "Quiet" }); // mutate: quiet end
  }
  if (acquired._tag === "Follower" && flight.refreshes) {
    keepQuiet(flight, acquired.remaining, false); // mutate: quiet loser
    return next({ _tag: "Cancelled" });
  }
  if (acquired.after === "failed") { // mutate: failure elsewhere
    caller.failuresLeft--;
    countFailure(flight); // mutate: failure for those who joined
  }
  if (acquired._tag === "Leader" && caller.waitingSince !== undefined) {
    caller.waited = waitedOf(caller);
  }
  // Who may have a stale value doesn't take over.
  const isEnough = acquired.after === "failed" && staleOf(caller) !== undefined; // mutate: no takeover
  if (caller.failuresLeft > 0 && !isEnough) {
    const { replaced } = acquired as Partial<Leader>;
    if (replaced === undefined) return next(acquired);
    return reportAnd(flight, phaseError(call, replaced), () => next(acquired));
  }
  const end: End = isEnough
    ? { _tag: "Quiet" }
    : { _tag: "Failed", error: outOfFailures(caller), scope: "first" };
  if (acquired._tag === "Follower") return next(end);
  release(flight, { owner, state: "held" }, "cancelled", () => next(end));
}

/** Fetches without a lease, and stores nothing. In place of the cache it joins a fallback of this process. */
function fetchAlone(
  flight: Flight,
  source: "fallback" | "bypass",
  next: (end: End) => void,
): void {
  const { call, key } = flight;
  // Nobody may be left, as its acquire failed.
  if (flight.cancelled) return next({ _tag: "Cancelled" }); // mutate: nobody left
  const current = source === "bypass" ? flightsFor(call, "fallingBack")?.get(key) : undefined;
  if (current !== undefined && isBusy(current)) return share(flight, current, next); // mutate: bypass joins
  fetch(flight, {
    onValue: (value) =>
      next({ _tag: "Value", value: asStored(call, value), source, stored: false }),
    onEnd: next,
  });
}

/** Waits for the value of another flight; fetches if it has none. */
function share(flight: Flight, current: Flight, next: (end: End) => void): void {
  const waiter: Waiter<End> = {
    flight: undefined,
    group: undefined,
    index: 0,
    woken(_, { signal }) {
      flight.stop = undefined;
      if (signal._tag === "Value") {
        return next({ _tag: "Value", value: signal.value, source: "bypass", stored: false });
      }
      if (signal._tag === "FetchFailed") {
        const { first } = flight;
        first.lastFailure = Cause.squash(signal.cause);
        countFailure(flight);
        if (--first.failuresLeft <= 0) {
          return next({ _tag: "Failed", error: outOfFailures(first), scope: "first" });
        }
      }
      fetchAlone(flight, "bypass", next);
    },
  };
  const stop = () => {
    Effect.runFork(leave(waiter));
    complete<End>(flight, { _tag: "Cancelled" });
  };
  flight.stop = stop;
  wait(current, waiter, current.busyUntil!, Infinity);
}

/** Fetches in place of a cache that has failed. */
function bypassCache(flight: Flight): void {
  fetchAlone(flight, "bypass", (end) => complete<End>(flight, end));
}

/** The wait has ended: joins what this process fetches, or fetches without the lease. */
function fallBack(caller: Caller): Result {
  const { call, clock } = caller;
  return waitIn(caller, () => {
    // Asked as it runs: with Effect 3 it continues later, and the flight that it left may fetch by then.
    if (leads(caller)) return enter(caller, false);
    const flights = flightsFor(call, "fallingBack");
    const current = flights?.get(call.key);
    if (failsInCircle(caller, current)) return;
    if (current !== undefined && isBusy(current)) { // mutate: shared fallback
      return wait(current, caller, current.busyUntil!, caller.failuresLeft); // mutate: fallback until
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
  const again = flight.fallsBack ? fallBack : joinOrStart;
  if (first && flight.hookFailure !== undefined) return Effect.failCause(flight.hookFailure);
  if (signal._tag === "Value") return resultFor(flight, caller, signal);
  const { failed, call: { settings } } = caller;
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
      if (first) return Effect.failCause(signal.cause); // mutate: own error
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
    case "OutOfFailures":
      return Effect.fail(outOfFailures(caller));
    case "Cancelled":
    case "Quiet":
      return again(caller);
    case "Died":
      return first || flight.works ? Effect.failCause(signal.cause) : again(caller);
  }
}

/** What a stale value means for a caller: it has it and sees to its refresh, or goes on to a fresh one. */
function haveStale(caller: Caller, stale: Stale): Result {
  const reason = quietReason(caller, stale);
  if (staleness(stale, caller.clock) < caller.call.settings.staleWhileRevalidate) { // mutate: stale while revalidate
    if (reason === undefined) refresh(caller);
    return staleResult(caller, stale, { reason: "refreshing" });
  }
  if (reason === "failed" && staleOf(caller) !== undefined) {
    return staleResult(caller, stale, { reason });
  }
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

/** Refreshes the key for nobody, unless this process fetches it already. Those who need it can join. */
function refresh(caller: Caller): void {
  const { call } = caller;
  const flights = flightsFor(call, "leading");
  if (flights?.has(call.key)) return;
  // Those who can't join it have no need to ask either.
  keepQuiet(caller, call.settings.leaseTtl, false); // mutate: quiet beside a refresh
  const flight = openFlight(newRefresher(caller), flights);
  flight.refreshes = true;
  start(flight, contend); // mutate: refresh
}
