import { removeFromTable } from "./single_flight.ts";
import { monotonicMillis, wallMillis } from "../effect/clock.ts";
import { deadline } from "../effect/deadline.ts";
import { Effect, Fiber } from "../effect/effect.ts";
import { entryTtl } from "./entry_ttl.ts";
import { endOfFetch, fetch } from "./fetch.ts";
import type { End, Flight } from "./flight.ts";
import type { Forked } from "../effect/fork.ts";
import { operate, phaseError } from "./operation.ts";
import { report } from "./report.ts";
import { runInBackground, spawn } from "./background.ts";
import { traced } from "./tracing.ts";
import type { Leader, LeaseOutcome } from "../store/store.ts";

/** For how long a lease of this length is renewed, in milliseconds. Then it expires: a fetch may hang for ever. */
const renewedFor = (leaseTtl: number) => Math.max(300_000, 20 * leaseTtl);

/** The lease that a flight leads by, until it is released or filled. */
interface Lease {
  readonly owner: string;
  /** Whether another owner may have it by now. */
  state: "held" | "lost";
}

/** Fetches under the lease, keeps it alive meanwhile, and fills or releases it. To be run where it can't be interrupted. */
export function lead(flight: Flight, owner: string, { remaining }: Leader): Effect.Effect<End> {
  const lease: Lease = { owner, state: "held" };
  flight.leaseUntil = wallMillis(flight.clock) + remaining;
  const letGo = keepLease(flight, lease);
  return Effect.flatMap(
    fetch(flight),
    (exit) =>
      Effect.flatMap(
        letGo(), // mutate: keeper ends
        () =>
          exit._tag === "Success"
            ? endWith(flight, lease, exit.value)
            : endFailed(flight, lease, endOfFetch(flight, exit.cause)),
      ),
  );
}

/** Ends the lease of a fetch that has a value: fills it, or releases it if the value isn't to be stored. */
function endWith(flight: Flight, lease: Lease, value: unknown): Effect.Effect<End> {
  const { settings, key } = flight.first.call;
  const ttl = entryTtl(settings, key, value);
  const end = (stored: boolean): End => ({ _tag: "Value", value, source: "leader", stored });
  if (typeof ttl === "object" || ttl === 0) {
    const invalid = typeof ttl === "object" ? ttl : undefined;
    const released = release(flight, lease, "uncached"); // mutate: uncached
    return Effect.as(released, { ...end(false), invalid });
  }
  if (lease.state === "lost") return Effect.succeed(end(false)); // mutate: lost
  return Effect.map(fill(flight, lease, value, ttl), end);
}

/** Ends the lease of a fetch that has no value. */
function endFailed(flight: Flight, lease: Lease, end: End): Effect.Effect<End> {
  const outcome = end._tag === "Cancelled" ? "cancelled" : "failed"; // mutate: release
  return Effect.as(release(flight, lease, outcome), end);
}

/** Renews the lease at each third of it, and at once after a renewal without an answer; what it returns ends that. */
function keepLease(flight: Flight, lease: Lease): () => Effect.Effect<unknown> {
  const { call, clock } = flight.first;
  const { leaseTtl, operationTimeout } = call.settings;
  const third = leaseTtl / 3; // mutate: third
  const until = monotonicMillis(clock) + renewedFor(leaseTtl);
  const keep: Effect.Effect<void> = Effect.suspend(() => {
    const began = monotonicMillis(clock);
    if (began >= until) return Effect.sync(() => removeFromTable(flight)); // mutate: renewals
    const next = () => Effect.flatMap(Effect.sleep(third), () => keep);
    return Effect.matchEffect(operate(call, "renew", lease.owner, leaseTtl), {
      onSuccess: (held) => {
        if (held) return next(); // mutate: renewed
        lease.state = "lost";
        return Effect.sync(() => removeFromTable(flight)); // mutate: lost in the table
      },
      onFailure: (error) => {
        const timedOut = monotonicMillis(clock) - began >= operationTimeout; // mutate: renewal timed out
        const again = timedOut ? () => keep : next;
        return Effect.flatMap(report(flight, phaseError(call, error)), () => again()); // mutate: renewal failed
      },
    });
  });
  let keeper: Forked<void, never> | undefined;
  const cancel = deadline(clock, third, () => {
    keeper = spawn(flight, keep); // mutate: renewal
  });
  return () => {
    cancel();
    return keeper === undefined ? Effect.void : Fiber.interrupt(keeper);
  };
}

/** Fills, which ends the lease; whether the value is stored. */
function fill(
  flight: Flight,
  lease: Lease,
  value: unknown,
  ttl: number | undefined,
): Effect.Effect<boolean> {
  const { call } = flight.first;
  const filling = operate(call, "fill", lease.owner, value, ttl); // mutate: fence
  return Effect.matchEffect(
    traced(flight, "fill", filling, (stored) => stored ? "stored" : "refused"),
    {
      onSuccess: (stored) => Effect.succeed(stored), // mutate: refused
      onFailure: (error) =>
        Effect.flatMap(report(flight, phaseError(call, error)), () => { // mutate: fill reported
          // Nobody waits for it: the backend has just failed to answer, and the value is here.
          runInBackground(flight, release(flight, lease, "cancelled"));
          // Halves store first and release then.
          const stored = error.operation !== "fill" && error.operation !== "set";
          return Effect.succeed(stored); // mutate: value kept
        }),
    },
  );
}

/** Releases a lease that wasn't lost, and reports it if that fails: the lease then expires. */
export function release(
  flight: Flight,
  { owner, state }: Lease,
  outcome: LeaseOutcome,
): Effect.Effect<void> {
  if (state === "lost") return Effect.void;
  const { call } = flight.first;
  return Effect.matchEffect(operate(call, "release", owner, outcome), {
    onSuccess: () => Effect.void,
    onFailure: (error) => report(flight, phaseError(call, error)),
  });
}
