import type { Call, Caller } from "./call.ts";
import { monotonicMillis, wallMillis, wholeMillis } from "./clock.ts";
import { describe } from "./describe.ts";
import { finiteMillis } from "./duration.ts";
import { Duration, Effect, Scope } from "./effect.ts";
import { type AdapterError, type CacheLockingError, cacheLockingError } from "./errors.ts";
import type { End, Flight } from "./flight.ts";
import { operate, phaseError } from "./operation.ts";
import { report } from "./report.ts";
import { traced } from "./spans.ts";
import type { Follower, Watch } from "./store.ts";

/** The shortest pause between two looks, in milliseconds, whatever a strategy says. */
const SHORTEST_PAUSE = 10;

/**
 * Waits for the holder of the lease, for `waitMax` at most.
 *
 * With a watch standing it looks once more, for what came about before the watch stood; then the push is raced against
 * the strategy's pause, the end of the lease and the end of `waitMax`. To look is to acquire: one step that finds the
 * value, takes over, or says who leads now.
 */
export function follow(
  flight: Flight,
  caller: Caller,
  first: Follower,
  look: (waitedFor: string) => Effect.Effect<End | Follower, AdapterError>,
): Effect.Effect<End, AdapterError> {
  const { call } = caller;
  return Effect.scopedWith((scope) =>
    Effect.gen(function* () {
      const clock = yield* Effect.clockWith(Effect.succeed);
      const began = caller.waitingSince ??= wholeMillis(clock);
      const left = () => began + call.settings.waitMax - monotonicMillis(clock);
      let lease = first;
      flight.leaseUntil = wallMillis(clock) + lease.remaining;

      let watch = left() < 1 ? undefined : yield* openWatch(flight, call, scope);
      let lookAtOnce = watch !== undefined;
      for (let attempt = 1; left() >= 1; lookAtOnce = false) {
        if (!lookAtOnce) {
          const asked = askStrategy(call, attempt++, left(), watch !== undefined);
          if (typeof asked === "object") return { _tag: "Failed", error: asked, everyone: false };
          // A little longer than the lease, so that it has ended by then.
          const pause = Math.max(Math.min(asked, lease.remaining + 1), SHORTEST_PAUSE);
          const pushed = yield* wait(flight, call, watch, Math.min(pause, left()));
          if (pushed === "broken") watch = undefined;
        }
        const answer = yield* look(lease.lease);
        if (answer._tag !== "Follower") return answer;
        lease = answer;
        flight.leaseUntil = wallMillis(clock) + lease.remaining;
      }
      return { _tag: "FallBack" };
    })
  );
}

/** Opens the watch, if the store has one; else waiting is polling, which is reported where it should have had one. */
function openWatch(
  flight: Flight,
  call: Call,
  scope: Scope.Scope,
): Effect.Effect<Watch | undefined> {
  if (call.settings.store.watch === undefined) return Effect.succeed(undefined);
  const opening = Effect.provideService(operate(call, "watch"), Scope.Scope, scope);
  return Effect.matchEffect(opening, {
    onSuccess: Effect.succeed,
    onFailure: (error) => Effect.as(report(flight, phaseError(call, error)), undefined),
  });
}

/** Waits for the push, or for the pause to end. */
function wait(
  flight: Flight,
  call: Call,
  watch: Watch | undefined,
  pause: number,
): Effect.Effect<"pushed" | "paused" | "broken"> {
  const pausing = Effect.as(Effect.sleep(pause), "paused" as const);
  const waiting = watch === undefined ? pausing : Effect.raceFirst(
    Effect.matchEffect(watch.next, {
      onSuccess: () => Effect.succeed("pushed" as const),
      onFailure: (error) => Effect.as(report(flight, phaseError(call, error)), "broken" as const),
    }),
    pausing,
  );
  return traced("wait", call, waiting, (how) => how);
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
