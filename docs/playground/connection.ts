import { Effect } from "effect";
import type { Store, Watch } from "../../mod.ts";

/** What one process sees of the store that it shares with the others. */
export interface Connection {
  readonly store: Store<unknown>;
  /** From now on nothing gets there, and no answer comes back: as if the process were dead. */
  cut(): void;
}

/** Connects a process to a store that is `trip` milliseconds away, there and back. */
export function connect(shared: Store<unknown>, trip: number): Connection {
  let cut = false;
  const halfTrip = Effect.flatMap(
    Effect.sleep(trip / 2),
    () => Effect.suspend(() => cut ? Effect.never : Effect.void),
  );
  const far = <A, E>(operation: Effect.Effect<A, E>): Effect.Effect<A, E> =>
    Effect.flatMap(
      halfTrip,
      () => Effect.flatMap(operation, (answer) => Effect.as(halfTrip, answer)),
    );
  const store: Store<unknown> = {
    name: "memory, far away",
    get: (...args) => far(shared.get(...args)),
    set: (...args) => far(shared.set(...args)),
    expire: (...args) => far(shared.expire(...args)),
    delete: (...args) => far(shared.delete(...args)),
    acquire: (...args) => far(shared.acquire(...args)),
    renew: (...args) => far(shared.renew(...args)),
    fill: (...args) => far(shared.fill(...args)),
    release: (...args) => far(shared.release(...args)),
    watch: (key) =>
      Effect.map(
        Effect.flatMap(halfTrip, () => Effect.tap(shared.watch!(key), () => halfTrip)),
        (watch) => watch && ({ next: Effect.andThen(watch.next, halfTrip) } satisfies Watch),
      ),
  };
  return { store, cut: () => cut = true };
}
