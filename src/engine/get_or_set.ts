import { runInBackground } from "./background.ts";
import type { Call } from "./call.ts";
import { monotonicMillis, wallMillis, wholeMillis } from "../effect/clock.ts";
import { Cause, type Clock, Effect } from "../effect/effect.ts";
import { quoted } from "../model/describe.ts";
import { type CacheLockingError, cacheLockingError } from "../model/errors.ts";
import { callback } from "../effect/callback.ts";
import { endOfFetch, fetch } from "./fetch.ts";
import {
  type Caller,
  type End,
  type Flight,
  flightsFor,
  openFlight,
  type Result,
} from "./flight.ts";
import { spawner } from "../effect/fork.ts";
import { follow } from "./follow.ts";
import { lead, release } from "./lead.ts";
import { operate, phaseError } from "./operation.ts";
import { report } from "./report.ts";
import { afterFollowerWait, hit, resultFor, waitedOf } from "./result.ts";
import { abortedError, untilAborted } from "./signal.ts";
import {
  complete,
  countFailure,
  leave,
  runIn,
  type Signal,
  wait,
  type Wake,
} from "./single_flight.ts";
import type { Follower, Leader } from "../store/store.ts";
import { randomToken } from "../model/token.ts";
import { traced, tracedCall, tracedFlight } from "./tracing.ts";

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
    const missed = joinOrStart(newCaller(call, clock), store.peek === undefined);
    return signal === undefined ? missed : untilAborted(key, signal, missed);
  });
}

/** A caller that has gone through nothing yet. */
function newCaller(call: Call, clock: Clock.Clock): Caller {
  return {
    flight: undefined,
    group: undefined,
    index: 0,
    woken,
    call,
    resume: undefined,
    clock,
    failuresLeft: call.settings.maxFailures,
    traced: false,
    waitingSince: undefined,
    wokenAt: undefined,
  };
}

/** Joins the key's flight, or starts one. */
function joinOrStart(caller: Caller, needsRead = false): Result {
  const flights = flightsFor(caller.call, "leading");
  const current = flights?.get(caller.call.key);
  if (current !== undefined) return joinCurrent(current, caller);
  return guarded(caller, () => {
    // Another may have started one meanwhile.
    const current = flights?.get(caller.call.key);
    if (current !== undefined) return joinCurrent(current, caller);
    const flight = openFlight(caller, flights);
    return needsRead ? read(flight) : start(flight, contend);
  });
}

/** Runs what may open a flight: if it ends before the flight does, the caller leaves the flight. */
function guarded(caller: Caller, run: () => Result): Result {
  return Effect.onExit(Effect.suspend(run), () => leave(caller));
}

/** Joins a flight that leads or follows, for `waitMax` at most. */
function joinCurrent(current: Flight, caller: Caller): Result {
  const { call: { settings }, clock } = caller;
  const until = (caller.waitingSince ??= wholeMillis(clock)) + settings.waitMax; // mutate: joined until
  return tracedCall(current, caller, join(current, caller, until));
}

/** Reads for all who come meanwhile, in the first caller's own fiber; a miss goes on from there. */
function read(flight: Flight): Result {
  const { call } = flight.first;
  return Effect.matchEffect(operate(call, "get"), {
    onSuccess: (entry) => {
      if (entry === undefined) return start(flight, contend); // mutate: miss
      complete<End>(flight, { _tag: "Value", value: entry.value, source: "hit", stored: true });
      return hit(call, entry.value);
    },
    onFailure: (error) => {
      const failure = phaseError(call, error);
      const bypass = call.settings.bypass && failure._tag !== "VALIDATION_ERROR";
      if (error.corrupt || bypass) { // mutate: corrupt entry
        return Effect.flatMap(
          report(flight, failure),
          () => start(flight, error.corrupt ? contend : bypassCache),
        );
      }
      complete<End>(flight, { _tag: "Failed", error: failure, scope: "all" });
      return Effect.fail(failure);
    },
  });
}

/** Does a flight's work in a fiber of its own, and waits for its end as its first caller. */
function start(
  flight: Flight,
  body: (flight: Flight) => Effect.Effect<End>,
): Result {
  const { first: caller } = flight;
  const started = Effect.flatMap(spawner, (spawn) => {
    flight.spawn = spawn;
    // All who were woken with it are there before a fetch that takes no time has ended.
    const gathered = caller.wokenAt === undefined
      ? body(flight)
      : Effect.flatMap(Effect.sleep(0), () => body(flight));
    const work = Effect.uninterruptible(gathered); // mutate: uninterruptible
    runIn(flight, runInBackground(flight, work));
    return join(flight, caller, Infinity);
  });
  return tracedFlight(flight, started);
}

/** Acquires the lease and leads, or follows its holder, until there is a value or the wait has ended. */
function contend(flight: Flight): Effect.Effect<End> {
  const { ownerId } = flight.first.call.settings;
  const token = randomToken();
  const owner = ownerId === undefined ? token : `${ownerId}:${token}`;
  const leadIfFree = (answer: Leader | End) =>
    answer._tag === "Leader" ? lead(flight, owner, answer) : Effect.succeed(answer);
  return Effect.flatMap(
    acquire(flight, owner),
    (answer) =>
      answer._tag !== "Follower" ? leadIfFree(answer) : Effect.flatMap(
        follow(flight, answer, (waitedFor) => acquire(flight, owner, waitedFor)),
        leadIfFree,
      ),
  );
}

/** Acquires once; any answer but a lease, the flight's own or another's, is how the flight ends. */
function acquire(
  flight: Flight,
  owner: string,
  waitedFor?: string,
): Effect.Effect<Leader | Follower | End> {
  const { first: caller } = flight;
  const { call } = caller;
  const { bypass, leaseTtl } = call.settings;
  const acquiring = operate(call, "acquire", owner, leaseTtl, waitedFor);
  return Effect.matchEffect(
    traced(flight, "acquire", acquiring, ({ _tag }) => _tag.toLowerCase()),
    {
      onSuccess: (acquired): Effect.Effect<Leader | Follower | End> => {
        if (acquired._tag === "Hit") {
          const source = waitedFor === undefined ? "hit" : "follower";
          const { value } = acquired.entry;
          return Effect.succeed({ _tag: "Value", value, source, stored: true });
        }
        if (acquired._tag === "Ended") return Effect.succeed({ _tag: "FallBack" }); // mutate: ended
        if (acquired.after === "failed") { // mutate: failure elsewhere
          caller.failuresLeft--;
          countFailure(flight); // mutate: failure for those who joined
        }
        if (acquired._tag === "Leader") caller.waited = waitedOf(caller);
        if (caller.failuresLeft > 0) return Effect.succeed(acquired);
        const failed: End = { _tag: "Failed", error: outOfFailures(caller), scope: "first" };
        return acquired._tag === "Follower"
          ? Effect.succeed(failed)
          : Effect.as(release(flight, { owner, state: "held" }, "cancelled"), failed);
      },
      onFailure: (error) => {
        // The reply may be all that was lost: nobody waits for the release, but no lease is left behind.
        const released = Effect.ignore(operate(call, "release", owner, "cancelled"));
        runInBackground(flight, released); // mutate: release without an answer
        const failure = phaseError(call, error);
        return bypass
          ? Effect.flatMap(report(flight, failure), () => bypassCache(flight))
          : Effect.succeed<End>({ _tag: "Failed", error: failure, scope: "all" });
      },
    },
  );
}

/** Fetches without a lease, and stores nothing. */
function fetchAlone(flight: Flight, source: "fallback" | "bypass"): Effect.Effect<End> {
  return Effect.map(
    fetch(flight),
    (exit): End =>
      exit._tag === "Success"
        ? { _tag: "Value", value: exit.value, source, stored: false }
        : endOfFetch(flight, exit.cause),
  );
}

/** Fetches in place of a cache that has failed. */
function bypassCache(flight: Flight): Effect.Effect<End> {
  return fetchAlone(flight, "bypass");
}

/** The wait has ended: joins the process's fallback fetch, or starts it. One is shared for as long as a lease would live. */
function fallBack(caller: Caller): Result {
  return guarded(caller, () => {
    const { call, clock } = caller;
    const { leaseTtl } = call.settings;
    const flights = flightsFor(call, "fallingBack");
    const current = flights?.get(call.key);
    const now = monotonicMillis(clock);
    if (current !== undefined && now - current.fallingBackSince! < leaseTtl) { // mutate: shared fallback
      return join(current, caller, now + leaseTtl); // mutate: fallback until
    }
    const flight = openFlight(caller, flights);
    flight.fallingBackSince = now;
    return start(flight, (flight) => fetchAlone(flight, "fallback"));
  });
}

/** Waits in a flight for its end, until a time of the monotonic clock at most. */
function join(flight: Flight, caller: Caller, until: number): Result {
  return callback((resume) => {
    caller.resume = resume;
    wait(flight, caller, until, caller === flight.first ? Infinity : caller.failuresLeft);
    return Effect.suspend(() => leave(caller));
  });
}

/** Continues a caller that is woken in a flight. */
function woken(this: Caller, flight: Flight, { signal, at, failuresLeft }: Wake<End>): void {
  this.wokenAt = at;
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
  const again = flight.fallingBackSince === undefined ? joinOrStart : fallBack;
  if (first && flight.hookFailure !== undefined) return Effect.failCause(flight.hookFailure);
  if (signal._tag === "Value") return resultFor(flight, caller, signal);
  caller.leaseUntil = flight.leaseUntil ?? caller.leaseUntil;
  switch (signal._tag) {
    case "FetchFailed":
      if (first) return Effect.failCause(signal.cause); // mutate: own error
      caller.lastFailure = Cause.squash(signal.cause);
      return --caller.failuresLeft > 0 ? again(caller) : Effect.fail(outOfFailures(caller)); // mutate: failure here
    case "Failed":
      return first || (signal.scope === "all" && !caller.call.settings.bypass) // mutate: failed for all
        ? Effect.fail(signal.error)
        : again(caller);
    case "FallBack":
    case "OutOfTime":
      if (caller.waited !== undefined) return fallBack(caller);
      caller.waited = waitedOf(caller) ?? 0;
      return Effect.flatMap(
        afterFollowerWait(caller, caller.leaseUntil, "FALLBACK", Effect.succeed(caller)),
        fallBack,
      );
    case "OutOfFailures":
      return Effect.fail(outOfFailures(caller));
    case "Cancelled":
      return again(caller);
    case "Died":
      return Effect.failCause(signal.cause);
  }
}

/** What a caller fails with that waited for too many failing fetches. */
function outOfFailures({ call, lastFailure }: Caller): CacheLockingError {
  const { key, settings: { maxFailures } } = call;
  return cacheLockingError(
    "FETCHER_FAILED",
    `Cannot get ${quoted(key)}: the fetch that it waited for failed ${maxFailures} times`,
    { key, phase: "fetch" },
    lastFailure,
  );
}
