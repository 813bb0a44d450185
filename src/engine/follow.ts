import type { Call } from "./call.ts";
import { monotonicMillis, wallMillis, wholeMillis } from "../effect/clock.ts";
import { describe } from "../model/describe.ts";
import { finiteMillis } from "../model/duration.ts";
import { Duration, Effect, Fiber, Scope } from "../effect/effect.ts";
import { type AdapterError, type CacheLockingError, cacheLockingError } from "../model/errors.ts";
import type { Caller, End, Flight } from "./flight.ts";
import { forkDetached, type Forked } from "../effect/fork.ts";
import { operate, phaseError } from "./operation.ts";
import { report } from "./report.ts";
import { traced } from "./tracing.ts";
import type { Follower, Watch } from "../store/store.ts";

/** The shortest pause between two looks, in milliseconds, whatever a strategy says. */
const SHORTEST_PAUSE = 10;

/** What ends a pause. */
type Woken = "opened" | "pushed" | "paused" | "broken" | "none";

/**
 * Waits for the holder of the lease, for `waitMax` at most.
 *
 * Each pause is the strategy's, the rest of the lease's or the rest of `waitMax`, whichever is the shortest, unless a push
 * ends it. The watch is opened beside the pauses and looks, which don't wait for it: that it stands is its first push, for
 * what came about before. To look is to acquire: one step that finds the value, takes over, or says who leads now.
 */
export function follow(
  flight: Flight,
  caller: Caller,
  first: Follower,
  look: (waitedFor: string) => Effect.Effect<End | Follower, AdapterError>,
): Effect.Effect<End, AdapterError> {
  const { call } = caller;
  // The watch stands in one scope, and is opened in another, which ends before.
  return Effect.scopedWith((standing) =>
    Effect.scopedWith((opening) =>
      Effect.gen(function* () {
        const clock = yield* Effect.clockWith(Effect.succeed);
        const began = caller.waitingSince ??= wholeMillis(clock);
        const left = () => began + call.settings.waitMax - monotonicMillis(clock);
        let lease = first;
        flight.leaseUntil = wallMillis(clock) + lease.remaining;

        let push = left() < 1 ? undefined : yield* openWatch(call, standing, opening);
        for (let attempt = 1; left() >= 1;) {
          const asked = askStrategy(call, attempt++, left(), push !== undefined);
          if (typeof asked === "object") return { _tag: "Failed", error: asked, everyone: false };
          // A little longer than the lease, so that it has ended by then.
          const pause = Math.max(Math.min(asked, lease.remaining + 1), SHORTEST_PAUSE);
          const woken = yield* wait(flight, call, push, Math.min(pause, left()));
          if (woken === "broken" || woken === "none") {
            push = undefined;
            attempt = 1;
          }
          if (woken === "none") continue;
          const answer = yield* look(lease.lease);
          if (answer._tag !== "Follower") return answer;
          lease = answer;
          flight.leaseUntil = wallMillis(clock) + lease.remaining;
        }
        return { _tag: "FallBack" };
      })
    )
  );
}

/** Begins to open the watch, if the store has one, and gives its next news: first of all, how the opening ended. */
function openWatch(
  call: Call,
  standing: Scope.Scope,
  opening: Scope.Scope,
): Effect.Effect<Effect.Effect<Woken, AdapterError> | undefined> {
  if (call.settings.store.watch === undefined) return Effect.succeed(undefined);
  let watch: Watch | undefined;
  const news = (fiber: Forked<Watch | undefined, AdapterError>) =>
    Effect.suspend((): Effect.Effect<Woken, AdapterError> =>
      watch
        ? Effect.as(watch.next, "pushed")
        : Effect.map(Fiber.join(fiber), (opened) =>
          (watch = opened) === undefined ? "none" : "opened")
    );
  return Effect.provideService(
    Effect.map(forkDetached(operate(call, "watch"), opening), news),
    Scope.Scope,
    standing,
  );
}

/** Waits for the push, or for the pause to end. Where there should be a push and is none, it is reported. */
function wait(
  flight: Flight,
  call: Call,
  push: Effect.Effect<Woken, AdapterError> | undefined,
  pause: number,
): Effect.Effect<Woken> {
  const pausing = Effect.as(Effect.sleep(pause), "paused" as const);
  const waiting = push === undefined ? pausing : Effect.matchEffect(
    Effect.raceFirst(push, pausing),
    {
      onSuccess: Effect.succeed,
      onFailure: (error) => Effect.as(report(flight, phaseError(call, error)), "broken" as const),
    },
  );
  return traced("wait", call, waiting, (woken) => woken);
}

/** The strategy's next pause in milliseconds, or the error of a strategy that threw or said nonsense. */
function askStrategy(
  { key, settings }: Call,
  attempt: number,
  remaining: number,
  push: boolean,
): number | CacheLockingError {
  const { waitMax, waitStep, waitStrategy } = settings;
  const failed = (problem: string, cause?: unknown) =>
    cacheLockingError(
      "WAIT_STRATEGY_FAILED",
      `Cannot wait for ${JSON.stringify(key)}: the wait strategy ${problem}`,
      { key, phase: "wait" },
      cause,
    );
  try {
    const answer = waitStrategy({
      attempt,
      elapsed: Duration.millis(waitMax - remaining),
      remaining: Duration.millis(remaining),
      waitMax: Duration.millis(waitMax),
      waitStep: Duration.millis(waitStep),
      push,
    });
    return finiteMillis(answer) ??
      failed(`must return a finite duration, and returned ${describe(answer)}`);
  } catch (error) {
    return failed("threw", error);
  }
}
