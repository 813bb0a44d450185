import { Effect, Fiber } from "effect";
import { forkDetached } from "../../src/effect/fork.ts";

/** How long an operation takes, in milliseconds: half of it before the backend acts, half of it after. */
export type Latency = number | (() => number);

/** Runs an operation of a backend. What was sent arrives, even if its sender leaves before the answer. */
export function roundTrip<A, E, R>(
  latency: Latency,
  operation: () => Effect.Effect<A, E, R>,
): Effect.Effect<A, E, R> {
  return Effect.flatMap(
    forkDetached(Effect.flatMap(oneWay(latency), operation)),
    (fiber) => Effect.flatMap(Fiber.join(fiber), (answer) => Effect.as(oneWay(latency), answer)),
  );
}

/** Waits for half of a latency. */
export function oneWay(latency: Latency): Effect.Effect<void> {
  return Effect.suspend(() => {
    const millis = (typeof latency === "number" ? latency : latency()) / 2;
    return millis > 0 ? Effect.sleep(millis) : Effect.void;
  });
}
