import { learnOfFailure } from "./single_flight.ts";
import { waitedOf } from "./result.ts";
import type { Call } from "./call.ts";
import { Effect } from "../effect/effect.ts";
import { type AdapterError, type CacheLockingError, cacheLockingError } from "../model/errors.ts";
import { fetch } from "./fetch.ts";
import type { Caller, End, Flight } from "./flight.ts";
import { follow } from "./follow.ts";
import { type Claim, lead, release } from "./lead.ts";
import { operate, phaseError } from "./operation.ts";
import { outlive } from "./background.ts";
import { report } from "./report.ts";
import { traced } from "./tracing.ts";
import type { Acquired, Follower } from "../store/store.ts";
import { randomToken } from "../model/token.ts";

/** Takes the lease and leads, or follows whoever has it, until there is a value or the waiting is over. */
export function contend(flight: Flight, caller: Caller): Effect.Effect<End> {
  const { call } = caller;
  const { bypass, ownerId } = call.settings;
  const token = randomToken();
  const owner = ownerId === undefined ? token : `${ownerId}:${token}`;
  const look = (waitedFor?: string) => attempt(flight, caller, owner, waitedFor);
  const contending = Effect.flatMap(
    look(),
    (answer) =>
      answer._tag === "Follower" ? follow(flight, caller, answer, look) : Effect.succeed(answer),
  );
  return Effect.matchEffect(contending, {
    onSuccess: Effect.succeed,
    onFailure: (error) => {
      const failure = phaseError(call, error);
      return bypass
        ? Effect.flatMap(
          report(flight, failure),
          () => fetchAlone(flight, call, "bypass"),
        )
        : Effect.succeed<End>({ _tag: "Failed", error: failure, everyone: true });
    },
  });
}

/** Fetches without a lease, and stores nothing. */
export function fetchAlone(
  flight: Flight,
  call: Call,
  source: "fallback" | "bypass",
): Effect.Effect<End> {
  return Effect.map(
    fetch(flight, call),
    (exit): End =>
      exit._tag === "Success"
        ? { _tag: "Value", value: exit.value, source, stored: false }
        : { _tag: "FetchFailed", cause: exit.cause },
  );
}

/**
 * Acquires once, and leads if it wins. The acquire itself can't be interrupted, and whatever ends the leading, the lease
 * is let go.
 */
function attempt(
  flight: Flight,
  caller: Caller,
  owner: string,
  waitedFor?: string,
): Effect.Effect<End | Follower, AdapterError> {
  const { call } = caller;
  const claim: Claim = { owner, outcome: "cancelled" };
  // The reply may be all that was lost: nobody waits for the release, but no lease is left behind.
  const asked = Effect.onError(
    operate(call, "acquire", owner, call.settings.leaseTtl, waitedFor),
    () => outlive(flight, Effect.ignore(operate(call, "release", owner, "cancelled"))),
  );
  return Effect.acquireUseRelease(
    traced("acquire", call, asked, ({ _tag }) => _tag.toLowerCase()),
    (acquired): Effect.Effect<End | Follower> => {
      countFailure(flight, caller, acquired);
      switch (acquired._tag) {
        case "Hit":
          return Effect.succeed({
            _tag: "Value",
            value: acquired.entry.value,
            source: waitedFor === undefined ? "hit" : "follower",
            stored: true,
          });
        case "Ended":
          return Effect.succeed({ _tag: "FallBack" });
        default:
          if (caller.tries <= 0) {
            return Effect.succeed({ _tag: "Failed", error: outOfTries(caller), everyone: false });
          }
          if (acquired._tag === "Follower") return Effect.succeed(acquired);
          caller.waited = waitedOf(caller);
          return lead(flight, call, claim, acquired);
      }
    },
    (acquired) =>
      acquired._tag === "Leader" && claim.outcome !== undefined
        ? release(flight, call, owner, claim.outcome)
        : Effect.void,
  );
}

function countFailure(
  flight: Flight,
  caller: Caller,
  acquired: Acquired<unknown>,
): void {
  if (!("after" in acquired) || acquired.after !== "failed") return;
  caller.tries--;
  learnOfFailure(flight);
}

/** What a caller fails with that waited for too many failing fetches. */
export function outOfTries({ call, lastFailure }: Caller): CacheLockingError {
  const { key, settings: { tries } } = call;
  return cacheLockingError(
    "FETCHER_FAILED",
    `Cannot get ${JSON.stringify(key)}: the fetch that it waited for failed ${tries} times`,
    { key, phase: "fetch" },
    lastFailure,
  );
}
