import { memoryAdapter } from "../../adapters/memory.ts";
import { createCache, type PromiseCache } from "../../promise.ts";
import type { Outcome } from "../../scripts/demo/herd.ts";
import { connect } from "./connection.ts";
import type { Settings } from "./settings.ts";
import { sleep } from "./sleep.ts";

/** A fetch that a caller would run. */
export type Fetch = (context: { readonly signal: AbortSignal }) => Promise<string>;

/** One process. */
export interface Process {
  /** Whether it was killed. */
  readonly dead: boolean;
  /** A caller of it asks for the key, and learns how it got the value. */
  ask(fetch: Fetch): Promise<Outcome>;
  /** Ends it at once, in the middle of what it does. */
  kill(): void;
}

/** Processes that share a cache. */
export interface Fleet {
  /** The process at a place: once it is killed, the one that was started in its place. */
  at(place: number): Process;
  /** Ends what is still going on. */
  close(): Promise<unknown>;
}

const KEY = "user:42";
const FOR_LONG = "10 minutes";

function fleetOf(size: number, start: (died: () => void) => Process): Omit<Fleet, "close"> {
  const startAt = (place: number) => start(() => processes[place] = startAt(place));
  const processes: Process[] = Array.from({ length: size }, (_, place) => startAt(place));
  return { at: (place) => processes[place]! };
}

/** Processes with the library: each has a client of its own, over one store. `clients` gets all that there ever are. */
export function protectedFleet(settings: Settings, clients: PromiseCache[]): Fleet {
  const shared = memoryAdapter();
  const start = (died: () => void): Process => {
    const connection = connect(shared, settings.trip);
    const client = createCache({
      adapter: connection.store,
      cacheTtl: settings.ttl,
      leaseTtl: settings.lease,
      ...settings.stale && { staleWhileRevalidate: FOR_LONG, staleIfError: FOR_LONG },
      // Callers show what fails; what else is reported would be in the console.
      hooks: { onError() {} },
    });
    clients.push(client);
    let dead = false;
    return {
      get dead() {
        return dead;
      },
      ask: async (fetch) => (await client.getOrSetResult(KEY, fetch)).meta.cache,
      kill() {
        dead = true;
        connection.cut();
        client.close();
        died();
      },
    };
  };
  return {
    ...fleetOf(settings.processes, start),
    close: () => Promise.all(clients.map((client) => client.close())),
  };
}

/** Processes that read the store, and on a miss fetch and write. */
export function unprotectedFleet({ processes, ttl, trip }: Settings): Fleet {
  const shared = new Map<string, number>();
  const ends: AbortController[] = [];
  const start = (died: () => void): Process => {
    const end = new AbortController();
    ends.push(end);
    const { signal } = end;
    const halfTrip = () => sleep(trip / 2, signal);
    return {
      get dead() {
        return signal.aborted;
      },
      async ask(fetch) {
        await halfTrip();
        const found = (shared.get(KEY) ?? 0) > performance.now();
        await halfTrip();
        if (found) return "HIT";
        await fetch({ signal });
        await halfTrip();
        shared.set(KEY, performance.now() + ttl);
        await halfTrip();
        return "MISS";
      },
      kill() {
        end.abort();
        died();
      },
    };
  };
  return {
    ...fleetOf(processes, start),
    close: () => Promise.resolve(ends.forEach((end) => end.abort())),
  };
}
