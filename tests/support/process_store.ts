import { Effect } from "effect";
import { AdapterError, type AdapterOperation, type Store } from "../../mod.ts";
import { attempt } from "../../src/store/attempt.ts";
import { type Latency, oneWay, roundTrip } from "./round_trip.ts";
import { hanging } from "./hanging.ts";

/** What happens to the operations of one process. */
export interface Trouble {
  /** How long each operation takes; no time by default. */
  readonly latency?: Latency | undefined;
  /** Whether an operation fails, and when: before the backend acts, or after (the reply is lost); or never answers. */
  readonly trouble?:
    | ((operation: AdapterOperation, key: string) => "before" | "after" | "hang" | undefined)
    | undefined;
  /** Makes each operation one promise, as an adapter over a client has it, by this way to run it. */
  readonly promise?: (<A, E>(effect: Effect.Effect<A, E>) => Promise<A>) | undefined;
  /** Takes the push away. */
  readonly poll?: boolean | undefined;
}

/** A process's own store over a backend that others share, and what it did. */
export interface ProcessStore extends Store<unknown> {
  /** How many times each operation was asked for. */
  readonly counts: Partial<Record<AdapterOperation, number>>;
  /** All of them. */
  readonly operations: AdapterOperation[];
}

/** Makes the store of one process: a round trip away from the backend, and with a flight table of its own. */
export function processOver(
  backend: Store<unknown>,
  { latency = 0, trouble, promise, poll = false }: Trouble = {},
): ProcessStore {
  const counts: Partial<Record<AdapterOperation, number>> = {};
  const operations: AdapterOperation[] = [];
  const remote = <A, R>(
    operation: AdapterOperation,
    key: string,
    run: () => Effect.Effect<A, AdapterError, R>,
  ): Effect.Effect<A, AdapterError, R> => {
    const answer = Effect.suspend(() => {
      counts[operation] = (counts[operation] ?? 0) + 1;
      operations.push(operation);
      const kind = trouble?.(operation, key);
      const lost = () =>
        Effect.fail(new AdapterError(operation, key, new Error("connection lost")));
      if (kind === "hang") return hanging;
      if (kind === "before") return Effect.flatMap(oneWay(latency), lost);
      const answer = roundTrip(latency, run);
      return kind === "after" ? Effect.flatMap(answer, lost) : answer;
    });
    return promise === undefined || operation === "watch"
      ? answer
      : attempt(operation, key, () => promise(answer as Effect.Effect<A, AdapterError>));
  };

  return {
    name: "remote",
    counts,
    operations,
    get: (key, aged) => remote("get", key, () => backend.get(key, aged)),
    set: (key, value, lifetime) => remote("set", key, () => backend.set(key, value, lifetime)),
    expire: (key) => remote("expire", key, () => backend.expire(key)),
    delete: (key) => remote("delete", key, () => backend.delete(key)),
    acquire: (key, owner, ttl, options) =>
      remote("acquire", key, () => backend.acquire(key, owner, ttl, options)),
    renew: (key, owner, ttl) => remote("renew", key, () => backend.renew(key, owner, ttl)),
    fill: (key, owner, value, lifetime) =>
      remote("fill", key, () => backend.fill(key, owner, value, lifetime)),
    release: (key, owner, outcome, failure) =>
      remote("release", key, () => backend.release(key, owner, outcome, failure)),
    ...(poll ? {} : { watch: (key: string) => remote("watch", key, () => backend.watch!(key)) }),
  };
}
