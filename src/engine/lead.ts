import { retire } from "./single_flight.ts";
import type { Call } from "./call.ts";
import { wallMillis } from "../effect/clock.ts";
import { Effect, Fiber } from "../effect/effect.ts";
import { fetch } from "./fetch.ts";
import type { End, Flight } from "./flight.ts";
import { forkDetached } from "../effect/fork.ts";
import { operate, phaseError } from "./operation.ts";
import { outlive } from "./background.ts";
import { report } from "./report.ts";
import { traced } from "./tracing.ts";
import type { Leader, LeaseOutcome } from "../store/store.ts";
import { storedFor } from "./entry_ttl.ts";

/**
 * How many times a lease is renewed at most: every third of `leaseTtl`, so a fetch is protected for 20 × `leaseTtl`,
 * 5 minutes by default. Then the lease is left to end, so that a fetch that hangs doesn't block its key for good.
 */
export const MAX_RENEWALS = 60;

/** A lease of this flight's, or its claim to one. */
export interface Claim {
  readonly owner: string;
  /** What to release the lease with when the claim ends; undefined where there is nothing to release. */
  outcome: LeaseOutcome | undefined;
}

/** Fetches under the lease, keeps it alive meanwhile, and fills. */
export function lead(
  flight: Flight,
  call: Call,
  claim: Claim,
  { remaining }: Leader,
): Effect.Effect<End> {
  return Effect.uninterruptible(Effect.clockWith((clock) => {
    flight.leaseUntil = wallMillis(clock) + remaining;
    const fetching = Effect.acquireUseRelease(
      forkDetached(keepLease(flight, call, claim)),
      () => fetch(flight, call),
      (keeper) => Fiber.interrupt(keeper),
    );
    return Effect.flatMap(fetching, (exit): Effect.Effect<End> => {
      if (exit._tag === "Failure") {
        if (claim.outcome !== undefined) claim.outcome = "failed";
        return Effect.succeed({ _tag: "FetchFailed", cause: exit.cause });
      }
      const { value } = exit;
      const ttl = storedFor(call.settings, call.key, value);
      if (typeof ttl === "object" || ttl === 0) {
        if (claim.outcome !== undefined) claim.outcome = "uncached";
        const invalid = typeof ttl === "object" ? ttl : undefined;
        return Effect.succeed({
          _tag: "Value",
          value,
          source: "leader",
          stored: false,
          invalid,
        });
      }
      return Effect.map(
        fill(flight, call, claim, value, ttl),
        (stored) => ({ _tag: "Value", value, source: "leader", stored }),
      );
    });
  }));
}

function keepLease(flight: Flight, call: Call, claim: Claim): Effect.Effect<void> {
  const { leaseTtl } = call.settings;
  const keep = (renewals: number): Effect.Effect<void> =>
    Effect.flatMap(Effect.sleep(leaseTtl / 3), () => {
      if (renewals === MAX_RENEWALS) return Effect.sync(() => retire(flight));
      return Effect.matchEffect(operate(call, "renew", claim.owner, leaseTtl), {
        onSuccess: (held) => {
          if (held) return keep(renewals + 1);
          claim.outcome = undefined;
          return Effect.sync(() => retire(flight));
        },
        onFailure: (error) =>
          Effect.flatMap(
            report(flight, phaseError(call, error)),
            () => keep(renewals + 1),
          ),
      });
    });
  return keep(0);
}

/** Fills and ends the lease. Once the value is there it is stored even if nobody waits for it any more. */
function fill(
  flight: Flight,
  call: Call,
  claim: Claim,
  value: unknown,
  ttl: number | undefined,
): Effect.Effect<boolean> {
  if (claim.outcome === undefined) return Effect.succeed(false);
  const filling = operate(call, "fill", claim.owner, value, ttl);
  return Effect.uninterruptible(
    Effect.matchEffect(
      traced("fill", call, filling, (stored) => stored ? "stored" : "refused"),
      {
        onSuccess: (stored) => {
          claim.outcome = undefined;
          return Effect.succeed(stored);
        },
        onFailure: (error) =>
          Effect.flatMap(report(flight, phaseError(call, error)), () => {
            claim.outcome = undefined;
            // Nobody waits for it: the backend has just failed to answer, and the value is here.
            const released = release(flight, call, claim.owner, "cancelled");
            // Halves store first and release then.
            const stored = error.operation !== "fill" && error.operation !== "set";
            return Effect.as(outlive(flight, released), stored);
          }),
      },
    ),
  );
}

/** Releases the lease of an owner, and reports it if that fails: the lease then ends by itself. */
export function release(
  flight: Flight,
  call: Call,
  owner: string,
  outcome: LeaseOutcome,
): Effect.Effect<void> {
  return Effect.matchEffect(operate(call, "release", owner, outcome), {
    onSuccess: () => Effect.void,
    onFailure: (error) => report(flight, phaseError(call, error)),
  });
}
