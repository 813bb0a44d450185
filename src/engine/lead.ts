import { announceLater } from "./announce.ts";
import { backgroundFailure, inBackground, reportAnd } from "./background.ts";
import { monotonicMillis, wallMillis } from "../effect/clock.ts";
import { deadline } from "../effect/deadline.ts";
import { entryTtl, lifetimeOf } from "./entry_ttl.ts";
import { payloadOf } from "./failures.ts";
import { fetch } from "./fetch.ts";
import { type End, type Flight, forgetEntry, holdsProcess, longestFetch } from "./flight.ts";
import { type Handlers, operate, phaseError } from "./operation.ts";
import { AdapterError } from "../model/errors.ts";
import { asStored } from "./result.ts";
import { complete, handOut, makeKnown, removeFromTable, whenEnded } from "./single_flight.ts";
import { failureAfter, keepQuiet } from "./stale.ts";
import { count } from "./telling.ts";
import type { Failure, Leader, LeaseOutcome } from "../store/store.ts";

/** How long a value waits to be stored before it is given out: in milliseconds. */
const PATIENCE = 500;

/** The lease that a flight leads by, until it is released or filled. */
interface Lease {
  readonly owner: string;
  /** Whether another owner may have it by now. */
  state: "held" | "lost";
  /** What its failed fetch tells those who would fetch next. */
  failure?: Failure | undefined;
}

/** Fetches under the lease, keeps it alive meanwhile, and fills or releases it. */
export function lead(flight: Flight, owner: string, { remaining, failures }: Leader): void {
  const lease: Lease = { owner, state: "held" };
  flight.leaseUntil = wallMillis(flight.clock) + remaining;
  flight.step = "leads";
  if (flight.refreshes) count(flight.call, "refreshes");
  if (flight.first.waited !== undefined) count(flight.call, "takeovers");
  flight.goesOn = flight.call.settings.finish && !flight.cancelled; // mutate: goes on
  let isOver = false;
  let letGo: (() => void) | undefined;
  const began = monotonicMillis(flight.clock);
  const end = () => {
    isOver = true;
    letGo?.(); // mutate: keeper ends
  };
  fetch(flight, {
    onValue(value) {
      end();
      endWith(flight, lease, value, began);
    },
    onEnd(ended) {
      end();
      const outcome = ended._tag === "Cancelled" ? "cancelled" : "failed"; // mutate: release
      if (outcome === "failed") backOff(flight, lease, failures, ended);
      const told = lease.failure?.payload === undefined ? ended : { ...ended, shared: true } as End;
      const finish = () => release(flight, lease, outcome, () => complete(flight, told));
      if (ended._tag !== "FetchFailed" || flight.waiting > 0) return finish(); // mutate: unheard failure
      reportAnd(flight, backgroundFailure(flight.key, ended.cause), finish);
    },
  });
  if (!isOver) {
    const { cancel, end: unannounced } = announceLater(flight, owner); // mutate: announced
    const endKeeping = keepLease(flight, lease, unannounced);
    letGo = () => {
      cancel(); // mutate: announced while filling
      endKeeping();
    };
    // It may have died of a defect.
    whenEnded(flight, () => {
      if (isOver) return;
      end();
      inBackground(flight, (done) => release(flight, lease, "cancelled", done));
    });
  }
}

/** Has nobody fetch for a while where a stale value may be had, or the failure is shared. */
function backOff(flight: Flight, lease: Lease, before: number | undefined, ended: End): void {
  const { settings } = flight.call;
  const payload = ended._tag === "FetchFailed" ? payloadOf(settings, ended.cause) : undefined;
  lease.failure = failureAfter(settings, before, payload); // mutate: share a failure
  if (lease.failure === undefined) return;
  keepQuiet(flight, lease.failure.quietFor, true, lease.owner);
}

/**
 * Ends the lease of a fetch that has a value: fills it, or releases it if the value isn't to be stored. While that hangs, the
 * value is given out.
 */
function endWith(flight: Flight, lease: Lease, value: unknown, began: number): void {
  const { settings, key } = flight.call;
  const ttl = entryTtl(settings, key, value);
  const invalid = typeof ttl === "object" ? ttl : undefined;
  const given = asStored(flight.call, value); // mutate: as stored
  const endOf = (stored: boolean): End => ({
    _tag: "Value",
    value: given,
    source: "leader",
    stored,
    invalid,
  });
  const end = (stored: boolean) => complete(flight, endOf(stored));
  if (typeof ttl === "object" || ttl === 0) {
    const finish = () => release(flight, lease, "uncached", () => end(false)); // mutate: uncached
    if (invalid !== undefined && flight.waiting <= 0) reportAnd(flight, invalid, finish);
    else finish();
    return giveOutLater(flight, endOf(false));
  }
  const forget = () => forgetEntry(settings.store, key); // mutate: l1 fill
  const answered = (stored: boolean) => {
    forget();
    if (stored) return end(true);
    count(flight.call, "refusedFills");
    const reason = "the lease was lost: it has expired, or the key was set or deleted";
    const refused = new AdapterError("fill", key, undefined, { reason });
    reportAnd(flight, phaseError(flight.call, refused), () => end(false)); // mutate: refusal reported
  };
  if (lease.state === "lost") return answered(false); // mutate: lost
  const filled: Handlers<boolean> = {
    onSuccess: (stored) => answered(stored), // mutate: refused
    onFailure: (error) => {
      forget();
      reportAnd(flight, phaseError(flight.call, error), () => { // mutate: fill reported
        // Nobody waits for it: the backend has just failed to answer, and the value is here.
        inBackground(flight, (done) => release(flight, lease, "cancelled", done));
        // Halves store first and release then.
        end(error.operation !== "fill" && error.operation !== "set"); // mutate: value kept
      });
    },
  };
  const lifetime = lifetimeOf(settings, ttl, () => monotonicMillis(flight.clock) - began);
  operate(flight, "fill", [lease.owner, value, lifetime], filled); // mutate: fence
  giveOutLater(flight, endOf(false));
}

/** Gives the value to those whose time is out, and soon to all, if the flight hasn't ended by then. */
function giveOutLater(flight: Flight, end: End): void {
  if (flight.completed !== undefined) return;
  makeKnown(flight, end);
  whenEnded(flight, deadline(flight.clock, PATIENCE, () => handOut(flight, end))); // mutate: patience
}

/**
 * Renews the lease at each third of it, and at once after a renewal without an answer; what it returns ends that. It gives up
 * once the lease is lost, or the fetch has run for too long.
 */
function keepLease(flight: Flight, lease: Lease, givenUp: () => void): () => void {
  const { clock, call } = flight;
  const { leaseTtl, operationTimeout } = call.settings;
  const third = leaseTtl / 3; // mutate: third
  const until = monotonicMillis(clock) + longestFetch(call);
  const after = call.gather?.deadline ?? deadline;
  let isOver = false;
  let cancelWait: (() => unknown) | undefined;
  let giveUp: (() => void) | undefined;
  const wait = () => {
    if (!isOver) cancelWait = after(clock, third, renew, holdsProcess(flight)); // mutate: renewal
  };
  const giveUpKey = () => {
    removeFromTable(flight);
    givenUp();
  };
  const renew = () => {
    const began = monotonicMillis(clock);
    if (isOver) return;
    if (began >= until) return giveUpKey(); // mutate: renewals
    giveUp = operate(flight, "renew", [lease.owner, leaseTtl], {
      onSuccess(held) {
        if (held) return wait(); // mutate: renewed
        lease.state = "lost";
        count(call, "lostLeases");
        return giveUpKey(); // mutate: lost in the table
      },
      onFailure(error) {
        const timedOut = monotonicMillis(clock) - began >= operationTimeout; // mutate: renewal timed out
        const again = timedOut ? renew : wait;
        reportAnd(flight, phaseError(call, error), again); // mutate: renewal failed
      },
    });
  };
  wait();
  return () => {
    isOver = true;
    cancelWait?.();
    giveUp?.();
  };
}

/** Releases a lease that wasn't lost, and reports it if that fails: the lease then expires. */
export function release(
  flight: Flight,
  { owner, state, failure }: Lease,
  outcome: LeaseOutcome,
  next: () => void,
): void {
  if (state === "lost") return next();
  operate(flight, "release", failure === undefined ? [owner, outcome] : [owner, outcome, failure], { // mutate: backoff told
    onSuccess: next,
    onFailure: (error) => reportAnd(flight, phaseError(flight.call, error), next),
  });
}
