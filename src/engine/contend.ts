import { monotonicMillis } from "../effect/clock.ts";
import { deadline } from "../effect/deadline.ts";
import { inBackground, reportBefore } from "./background.ts";
import { bypassCache } from "./fetch_alone.ts";
import { failureIn } from "./failures.ts";
import { type End, type Flight, forgetEntry } from "./flight.ts";
import { follow, type Following, type Unanswered, waitLeft } from "./follow.ts";
import { lead, release } from "./lead.ts";
import { operate, phaseError } from "./operation.ts";
import { outOfFailures, waitedOf } from "./result.ts";
import { renewal } from "./renewal.ts";
import { keepQuiet, staleOf } from "./stale.ts";
import { complete, countFailure, notBusy, removeFromTable, whenEnded } from "./single_flight.ts";
import type { Acquired, Follower, Leader } from "../store/store.ts";
import { link, ownerOf } from "./tracing.ts";

/** Acquires the lease and leads, or follows its holder, until there is a value or the wait has ended. */
export function contend(flight: Flight): void {
  const { first, clock, call } = flight;
  const { leaseTtl, freshBelow, failures } = call.settings;
  flight.step = "asks";
  const owner = ownerOf(flight);
  const renewed = freshBelow === Infinity ? renewal(clock) : undefined;
  let mayHold = false;
  const cancel = (done: () => void) =>
    operate(flight, "release", [owner, "cancelled"], { onSuccess: done, onFailure: done });
  /** The reply may be all that was lost: nobody waits for the release, but no lease is left behind. */
  const letGo = () => {
    if (!mayHold) return;
    mayHold = false;
    inBackground(flight, cancel); // mutate: release without an answer
  };
  const look = (
    waitedFor: string | undefined,
    found: Parameters<Following["look"]>[1],
    within = Infinity,
    tooLate?: () => void,
    alone = false,
  ): void => {
    /** Ends what goes on in the background, once nobody waits for the answer. */
    let done: (() => void) | undefined;
    const cancelEnd = deadline(clock, within, () => {
      inBackground(flight, (ended) => done = ended);
      tooLate?.();
    });
    const mayBeQuiet = flight.refreshes || staleOf(first) !== undefined;
    const heeds = failures !== undefined && !alone; // mutate: heed failures
    const options = mayBeQuiet || heeds
      ? { waitedFor, freshBelow, backOff: true } // mutate: back off
      : freshBelow > 0
      ? { waitedFor, freshBelow } // mutate: fresh below
      : { waitedFor };
    const asked = monotonicMillis(clock);
    operate(flight, "acquire", [owner, leaseTtl, options], {
      onSuccess(acquired) {
        const { _tag } = acquired;
        // A release before the answer might reach the store before the acquire does.
        if (done !== undefined) return _tag === "Leader" ? cancel(done) : done(); // mutate: late lease
        cancelEnd();
        const isForeign = _tag === "Failed" && !mayBeQuiet &&
          failureIn(call.settings, acquired.payload) === undefined;
        // Nobody can tell what has failed: it counts for nobody.
        const left = within - (monotonicMillis(clock) - asked);
        if (isForeign) return look(waitedFor, found, left, tooLate, true); // mutate: unreadable failure
        if (_tag === "Leader" || _tag === "Follower") mayHold = false;
        const entry = renewed?.(acquired, waitedFor, asked);
        if (entry === undefined) return understand(flight, owner, acquired, waitedFor, found);
        forgetEntry(call.settings.store, call.key); // mutate: l1 renewed elsewhere
        // Its watch may be a while in closing: what is new by now is old for who comes meanwhile.
        removeFromTable(flight); // mutate: joined a renewed entry
        inBackground(flight, cancel); // mutate: lease of a renewed entry
        found({ _tag: "Value", value: entry.value, source: "follower", stored: true });
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
    next(answer);
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
  reportBefore(flight, error, () => bypassCache(flight));
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
    const shared = failureIn(call.settings, acquired.payload);
    if (shared !== undefined) return next({ _tag: "SharedFailure", ...shared });
    return next({ _tag: "Quiet" }); // mutate: quiet end
  }
  if (acquired._tag === "Follower" && flight.refreshes) {
    keepQuiet(flight, acquired.remaining, false, acquired.lease); // mutate: quiet loser
    link(caller, acquired.lease); // mutate: link of a loser
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
    return reportBefore(flight, phaseError(call, replaced), () => next(acquired));
  }
  const end: End = isEnough
    ? { _tag: "Quiet" }
    : { _tag: "Failed", error: outOfFailures(caller), scope: "first" };
  if (acquired._tag === "Follower") return next(end);
  release(flight, { owner, state: "held" }, "cancelled", () => next(end));
}
