import type { Call } from "./call.ts";
import { monotonicMillis, wallMillis, wholeMillis } from "../effect/clock.ts";
import { describe, quoted } from "../model/describe.ts";
import { millisOf } from "../model/duration.ts";
import * as Duration from "effect/Duration";
import * as Effect from "effect/Effect";
import * as Fiber from "effect/Fiber";
import { type AdapterError, type CacheLockingError, cacheLockingError } from "../model/errors.ts";
import type { Caller, End, Flight } from "./flight.ts";
import { callback } from "../effect/callback.ts";
import { causeKind } from "../effect/cause.ts";
import { forkDetached, type Forked, interruptNoWait } from "../effect/fork.ts";
import { ask, phaseError } from "./operation.ts";
import { report, run } from "./background.ts";
import { GRACE } from "../model/defaults.ts";
import { complete } from "./single_flight.ts";
import { traced } from "./tracing.ts";
import type { Follower, Leader, Store, Watch } from "../store/store.ts";

/** The shortest pause between two looks, in milliseconds, whatever a strategy says. */
const SHORTEST_PAUSE = 10; // mutate: shortest pause

/** The longest pause between two looks at a lease of which the store can tell that its owner is gone, in milliseconds. */
export const WATCHED_PAUSE = 250;

/** What ends a pause: the watch stands, a push, the time, a watch that failed, or a store that has no push. */
type PauseEnd = "opened" | "pushed" | "paused" | "broken" | "none";

/** The next news of a watch. */
type News = Effect.Effect<PauseEnd, AdapterError>;

/** An acquire that failed. */
export interface Unanswered {
  readonly _tag: "Unanswered";
  readonly error: CacheLockingError;
  /** Whether a failure of this wait was reported before. */
  readonly reported: boolean;
}

/** What a follower does. */
export interface Following {
  /**
   * Acquires once more, after it waited for a lease, if it knows of one. After so many milliseconds it is `tooLate` for the
   * answer.
   */
  look(
    waitedFor: string | undefined,
    next: (answer: Leader | Follower | Unanswered | End) => void,
    within?: number,
    tooLate?: () => void,
  ): void;
  /** Goes on once it is another caller's turn no more. */
  next(answer: Leader | Unanswered | End): void;
}

/** How much longer a caller may wait for others, in milliseconds. */
export function waitLeft({ call: { settings: { waitMax } }, clock, waitingSince }: Caller): number {
  return waitingSince === undefined ? waitMax : waitMax - (monotonicMillis(clock) - waitingSince); // mutate: clock of the wait
}

/**
 * Waits for the holder of the lease, for `waitMax` at most, until it is another caller's turn no more: the entry is there,
 * the lease is free, or it ended without a value. It can be stopped in its pauses.
 *
 * Each pause is the strategy's, the rest of the lease's or the rest of `waitMax`, whichever is the shortest, unless a push
 * ends it. Anybody may push, and a connection that is back does: after a push that told of nothing new, pushes are heeded at
 * the pace that the strategy has without push, and once in `waitStep` at least. The watch is opened beside the pauses and
 * looks, which don't wait for it: that it stands is its first push, for what happened before.
 *
 * To look is to acquire: one step that finds the value, takes over, or says who leads now. A look is over with `waitMax`, so
 * that all who wait here fall back at once; one begins a `waitStep` before that, or in the middle of a shorter wait. A look
 * that fails decides nothing: the first of them is reported, and the last is the end once the time is over.
 */
export function follow(
  flight: Flight,
  first: Follower | Unanswered,
  { look, next }: Following,
): void {
  if (flight.cancelled) return complete<End>(flight, { _tag: "Cancelled" });
  flight.step = undefined;
  let isOver = false;
  flight.follows = true;
  const fiber = run(flight, pauseAndLook(flight, first, look), (exit) => {
    isOver = true;
    flight.follows = false;
    flight.stop = undefined;
    if (exit._tag === "Success") return next(exit.value);
    const { cause } = exit;
    const cancelled = causeKind(cause) === "Interrupt";
    complete<End>(flight, cancelled ? { _tag: "Cancelled" } : { _tag: "Died", cause });
  });
  const stop = () => interruptNoWait(fiber);
  if (!isOver) flight.stop = stop;
}

function pauseAndLook(
  flight: Flight,
  first: Follower | Unanswered,
  look: Following["look"],
): Effect.Effect<Leader | Unanswered | End> {
  const { first: caller, clock, call } = flight;
  const { waitMax, waitStep, store } = call.settings;
  caller.waitingSince ??= wholeMillis(clock);
  const left = () => waitLeft(caller);
  const isOver = () => left() < 1; // mutate: followed until
  /** For how long there is no look before the end, but after a push. */
  const quiet = Math.max(SHORTEST_PAUSE, Math.min(waitStep, waitMax / 2));
  let lease: Follower | undefined;
  let leaseEnds = 0;
  let failed: Unanswered | undefined;
  let reported = false;
  const observe = (answer: Follower | Unanswered): Effect.Effect<void> | undefined => {
    if (answer._tag === "Follower") {
      flight.leaseUntil = wallMillis(clock) + answer.remaining;
      lease = answer;
      leaseEnds = monotonicMillis(clock) + answer.remaining;
      failed = undefined;
      return undefined;
    }
    failed = { ...answer, reported: true };
    if (reported) return undefined;
    reported = true;
    return report(flight, answer.error); // mutate: look reported
  };
  const firstReport = observe(first);
  if (isOver()) return Effect.succeed(failed ?? { _tag: "FallBack" }); // mutate: wait
  return withNews(flight, (opened) =>
    Effect.gen(function* () {
      if (firstReport !== undefined) yield* firstReport;
      let news = opened;
      /** Whether the last push told of nothing new: anybody may push. */
      let inVain = false;
      for (let attempt = 1; !isOver();) {
        const asked = askStrategy(call, attempt++, waitMax - left(), news !== undefined && !inVain);
        if (typeof asked === "object") return { _tag: "Failed", error: asked, scope: "first" };
        const pausedAt = monotonicMillis(clock);
        // A little longer than the lease, so that it has expired by then.
        const rest = leaseEnds - pausedAt + 1;
        // Whether a lease that is over can be had is not to be asked of a store that fails without a pause.
        const pause = failed !== undefined && rest < SHORTEST_PAUSE
          ? Math.max(asked, SHORTEST_PAUSE)
          : Math.max(Math.min(asked, rest), SHORTEST_PAUSE);
        const untilQuiet = left() - quiet;
        const most = untilQuiet >= SHORTEST_PAUSE ? untilQuiet : left();
        const awaited = lease?.lease;
        const ended = yield* wait(
          flight,
          news,
          Math.min(pause, most, untilDead(store, lease)),
          awaited,
        );
        if (ended === "broken" || ended === "none") {
          news = undefined;
          attempt = 1;
        }
        if (ended === "none") continue; // mutate: no push
        if (ended === "pushed") {
          const paused = monotonicMillis(clock) - pausedAt;
          const pace = inVain ? Math.min(pause, waitStep) : SHORTEST_PAUSE;
          const early = Math.min(pace - paused, left());
          if (early > 0) yield* wait(flight, undefined, early, awaited);
        }
        if (isOver()) break;
        const looked = lease?.lease; // mutate: waited for
        const answer = yield* callback<Leader | Follower | Unanswered | End | undefined, never>(
          (resume) => {
            const found = (answer?: Leader | Follower | Unanswered | End) =>
              resume(Effect.succeed(answer));
            look(looked, found, left(), found); // mutate: last look
          },
        );
        if (answer === undefined) break;
        if (answer._tag !== "Follower" && answer._tag !== "Unanswered") return answer;
        const wasInVain = inVain;
        inVain = ended === "pushed" && answer._tag === "Follower" && answer.lease === looked;
        if (inVain && !wasInVain) attempt = 1;
        const reporting = observe(answer);
        if (reporting !== undefined) yield* reporting;
      }
      return failed ?? { _tag: "FallBack" };
    }));
}

/** The longest pause until a look that may find the leader dead. */
function untilDead({ announce }: Store<unknown>, lease: Follower | undefined): number {
  if (announce === undefined) return Infinity;
  return lease?.watched ? WATCHED_PAUSE : GRACE; // mutate: watched pause
}

/**
 * Runs with the news of the key's watch, if the store has one: first of all, how its opening ended. It is opened in a fiber
 * of its own, which ends before the scope that the watch stands in.
 */
function withNews<A>(
  flight: Flight,
  use: (news: News | undefined) => Effect.Effect<A>,
): Effect.Effect<A> {
  const { call } = flight;
  if (call.settings.store.watch === undefined) return use(undefined);
  return Effect.scoped(
    Effect.acquireUseRelease(
      forkDetached(ask(call, "watch", [])), // mutate: opening
      (opening) => use(newsOf(opening)),
      (opening) => Fiber.interrupt(opening),
    ),
  );
}

function newsOf(opening: Forked<Watch | undefined, AdapterError>): News {
  let watch: Watch | undefined;
  return Effect.suspend((): News =>
    watch
      ? Effect.as(watch.next, "pushed")
      : Effect.map(Fiber.join(opening), (opened) =>
        (watch = opened) === undefined ? "none" : "opened")
  );
}

/** Waits for news, or for the pause to end. A watch that fails is reported. */
function wait(
  flight: Flight,
  news: News | undefined,
  pause: number,
  awaited: string | undefined,
): Effect.Effect<PauseEnd> {
  const { call } = flight;
  const pausing = Effect.as(Effect.sleep(pause), "paused" as const);
  const waiting = news === undefined ? pausing : Effect.matchEffect( // mutate: push
    Effect.raceFirst(news, pausing),
    {
      onSuccess: Effect.succeed,
      onFailure: (error) => Effect.as(report(flight, phaseError(call, error)), "broken" as const),
    },
  );
  return traced(flight, "wait", Effect.interruptible(waiting), (ended) => ended, awaited); // mutate: link of a wait
}

/** The strategy's next pause in milliseconds, or the error of a strategy that threw or said nonsense. */
function askStrategy(
  { key, settings }: Call,
  attempt: number,
  elapsed: number,
  push: boolean,
): number | CacheLockingError {
  const { waitMax, waitStep, waitStrategy } = settings;
  const failed = (problem: string, cause?: unknown) =>
    cacheLockingError(
      "WAIT_STRATEGY_FAILED",
      `Cannot wait for ${quoted(key)}: the wait strategy ${problem}`,
      { key, phase: "wait" },
      cause,
    );
  try {
    const answer = waitStrategy({
      attempt,
      elapsed: Duration.millis(elapsed),
      remaining: Duration.millis(waitMax - elapsed),
      waitMax: Duration.millis(waitMax),
      waitStep: Duration.millis(waitStep),
      push,
    });
    return millisOf(answer) ?? failed(`must return a duration, and returned ${describe(answer)}`);
  } catch (error) {
    return failed("threw", error);
  }
}
