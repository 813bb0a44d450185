import { Effect, type Scope } from "effect";
import {
  type Acquired,
  AdapterError,
  type AdapterOperation,
  type Entry,
  type Halves,
  type LeaseAnswer,
  type Store,
  type Watch,
} from "../../mod.ts";
import { attempt } from "../../src/store/attempt.ts";
import type { Lifetime, StoreOfMany } from "../../src/store/store.ts";
import { callback } from "../../src/effect/callback.ts";
import type { Backend } from "./backend.ts";
import type { Answer, Question, Recorder } from "./history.ts";
import type { HalvesTraits } from "./scenario.ts";
import type { Process, World } from "./world.ts";

/** What becomes of one operation on its way. */
export interface Way {
  /** How long it takes to get there, and how long the answer takes back. */
  readonly there: number;
  readonly back: number;
  /** It never gets there; its answer gets lost; nothing is heard of it any more, done or not. */
  readonly trouble?: "unsent" | "lost" | "silent" | "silent, unsent" | undefined;
}

/** What a process needs to reach its backend. */
export interface Remote {
  readonly world: World;
  readonly process: Process;
  readonly number: number;
  readonly recorder: Recorder;
  readonly backend: Backend;
  /** What becomes of the next operation. */
  readonly way: () => Way;
  /** Whether operations are promises, as clients of databases have them. */
  readonly promises?: { readonly operationTimeout: number } | undefined;
  /** The connection that shows that the process is there; none where that can't be told. */
  readonly presence?: Presence | undefined;
  /** Pushes that get lost, and how late the others come; whether a watch finds that there are none. */
  readonly push: {
    readonly lost: () => boolean;
    readonly late: () => number;
    readonly none: boolean;
  };
}

/** A connection that shows that a process is there. */
export interface Presence {
  /** Who is announced, and what does so. */
  readonly announced: Map<string, () => void>;
}

/** Announces owners: as long as the connection stands at once, and again when it is back. */
function announcer(
  { world, process, number, recorder, backend, way }: Remote,
  { announced }: Presence,
): NonNullable<Store<unknown>["announce"]> {
  return (key, owner) => {
    const tell = () => {
      const { there } = way();
      world.after(there, () => {
        if (announced.get(owner) === tell) backend.announce(key, owner, number);
      });
    };
    recorder.note(number, { type: "announce", key, owner });
    announced.set(owner, tell);
    process.after(0, tell);
    return () => {
      recorder.note(number, { type: "announced", key, owner });
      announced.delete(owner);
    };
  };
}

/** Asks the backend: it does it when the question arrives, whatever becomes of the process meanwhile. */
function ask<A>(
  { world, process, number, recorder, way, promises }: Remote,
  question: Question,
  { act, tell }: { readonly act: () => A | Failed; readonly tell: (answer: A) => Answer },
): Effect.Effect<A, AdapterError> {
  const { operation: name, key } = question;
  const go = (resolve: (answer: A) => void, reject: (error: AdapterError) => void) => {
    const operation = recorder.number();
    const { there, back, trouble } = way();
    let open = true;
    const fail = (error: AdapterError) => {
      if (!open) return;
      open = false;
      recorder.note(number, { type: "failure", operation, corrupt: error.corrupt });
      reject(error);
    };
    const lost = () => fail(new AdapterError(name, key, new Error("connection lost")));
    recorder.note(number, { type: "ask", operation, question });
    if (trouble === "unsent") process.after(there + back, lost);
    else if (trouble !== "silent, unsent") {
      world.after(there, () => {
        const answer = act();
        const failed = answer instanceof Failed;
        const told: Answer = failed ? { is: "corrupt" } : tell(answer);
        recorder.note(-1, { type: "done", operation, answer: told });
        if (trouble === "silent") return;
        process.after(back, () => {
          if (trouble === "lost") return lost();
          if (failed) return fail(answer.error);
          if (!open) return;
          open = false;
          recorder.note(number, { type: "answer", operation, answer: told });
          resolve(answer);
        });
      });
    }
    return () => {
      if (!open) return;
      open = false;
      recorder.note(number, { type: "dropped", operation });
    };
  };
  // What changes something is a promise only if it can't be interrupted.
  if (promises === undefined || !promised.has(name)) {
    return callback((resume) =>
      Effect.sync(
        go((answer) => resume(Effect.succeed(answer)), (error) => resume(Effect.fail(error))),
      )
    );
  }
  return attempt(
    name,
    key,
    (signal) =>
      new Promise<A>((resolve, reject) => {
        const drop = go(resolve, reject);
        signal().addEventListener("abort", drop);
      }),
  );
}

const promised: ReadonlySet<string> = new Set(["get", "acquire", "renew", "fill", "release"]);

class Failed {
  constructor(readonly error: AdapterError) {}
}

const tellBoolean = (answer: boolean): Answer => ({ is: String(answer) });
const tellNothing = (): Answer => ({ is: "done" });
const tellEntry = (entry: Entry<unknown> | undefined): Answer => {
  if (entry === undefined) return { is: "none" };
  const { value, freshFor = Infinity } = entry;
  return freshFor > 0
    ? { is: "entry", value, freshFor }
    : { is: "stale", value, staleFor: -freshFor };
};

function tellAcquired(acquired: Acquired<unknown>): Answer {
  switch (acquired._tag) {
    case "Hit":
      return { is: "Hit", value: acquired.entry.value, freshFor: acquired.entry.freshFor };
    case "Ended":
      return { is: "Ended" };
    case "Failed":
      return { is: "Failed", remaining: acquired.remaining };
    case "Leader":
      return {
        is: "Leader",
        remaining: acquired.remaining,
        after: acquired.after,
        failures: acquired.failures,
        value: acquired.entry?.value,
        gone: acquired.entry === undefined,
      };
    case "Follower":
      return {
        is: "Follower",
        remaining: acquired.remaining,
        lease: acquired.lease,
        after: acquired.after,
        watched: acquired.watched,
        gone: acquired.entry === undefined,
      };
  }
}

const told = ({ freshFor, staleFor }: Lifetime) => ({ ttl: freshFor, staleFor });

/** A read, as all stores do it. */
function reader(
  remote: Remote,
): (key: string) => Effect.Effect<Entry<unknown> | undefined, AdapterError> {
  return (key) =>
    ask(remote, { operation: "get", key }, {
      act: () => {
        const entry = remote.backend.get(key);
        return entry === "corrupt"
          ? new Failed(new AdapterError("get", key, undefined, { corrupt: true, reason: "bad" }))
          : entry;
      },
      tell: tellEntry,
    });
}

/** A watch on the backend's pushes, and how many stand. */
function watcher(remote: Remote) {
  const { backend, process, number, recorder, push } = remote;
  let standing = 0;
  const watch = (key: string): Effect.Effect<Watch | undefined, AdapterError, Scope.Scope> =>
    Effect.flatMap(
      Effect.acquireRelease(
        Effect.sync((): Standing => ({ closed: false, news: false })),
        (state) =>
          Effect.sync(() => {
            state.closed = true;
            if (state.end !== undefined) standing--;
            state.end?.();
          }),
      ),
      (state) => {
        const tell = () => {
          if (push.lost()) return;
          process.after(push.late(), () => {
            if (state.closed) return;
            recorder.note(number, { type: "push", key });
            state.news = true;
            state.wake?.();
          });
        };
        const next = callback<void, never>((resume) => {
          const take = () => {
            state.news = false;
            state.wake = undefined;
            resume(Effect.void);
          };
          if (state.news) return take();
          state.wake = take;
          return Effect.sync(() => void (state.wake = undefined));
        });
        return ask(remote, { operation: "watch", key }, {
          act: () => {
            if (push.none) return undefined;
            if (state.closed) return { next };
            standing++;
            state.end = backend.watch(key, tell);
            return { next };
          },
          tell: (watch) => ({ is: watch === undefined ? "none" : "done" }),
        });
      },
    );
  return { watch, standing: () => standing };
}

interface Standing {
  closed: boolean;
  /** Whether a push has come since the last one was taken. */
  news: boolean;
  wake?: (() => void) | undefined;
  /** Ends it at the backend. */
  end?: () => void;
}

/** A store of the whole contract. */
export function remoteStore(
  remote: Remote,
  { push, observed, many }: {
    readonly push: boolean;
    readonly observed: boolean;
    /** Whether it has operations on many keys. */
    readonly many: boolean;
  },
): { readonly store: Store<unknown>; readonly watches: () => number } {
  const { watch, standing } = watcher(remote);
  // What a store without a clock to ask knows: since when a version of a lease has stayed the same.
  const seen: Sightings = new Map();
  const store = storeOf(remote, { observed, seen });
  // Each key is a step of its own at the backend, but what becomes of one on its way becomes of all.
  const together = (operation: AdapterOperation) => (asked: readonly (readonly unknown[])[]) =>
    Effect.suspend(() => {
      const shared = remote.way();
      const one = storeOf({ ...remote, way: () => shared }, { observed, seen });
      const run = one[operation as "get"] as (
        ...asked: readonly unknown[]
      ) => ReturnType<typeof one.get>;
      return Effect.forEach(asked, (each) =>
        Effect.matchEffect(run(...each), {
          onSuccess: (answer): Effect.Effect<unknown> => Effect.succeed(answer),
          onFailure: (error) => Effect.succeed(error),
        }), { concurrency: "unbounded" });
    });
  const ofMany = {
    getMany: together("get"),
    acquireMany: together("acquire"),
    renewMany: together("renew"),
    fillMany: together("fill"),
    releaseMany: together("release"),
  } as StoreOfMany<unknown>;
  return {
    store: {
      ...store,
      ...(push ? { watch } : {}),
      ...(many ? ofMany : {}),
      ...(remote.presence ? { announce: announcer(remote, remote.presence) } : {}),
    },
    watches: standing,
  };
}

type Sightings = Map<string, { version: number; since: number; ttl: number }>;

/** Its operations on one key. */
function storeOf(
  remote: Remote,
  { observed, seen }: { readonly observed: boolean; readonly seen: Sightings },
): Store<unknown> {
  const { backend, world } = remote;
  const acquire: Store<unknown>["acquire"] = (key, owner, ttl, options = {}) =>
    Effect.suspend(() => {
      const { waitedFor, backOff } = options;
      const known = seen.get(key);
      const dead = known !== undefined && world.now() - known.since >= known.ttl
        ? known.version
        : undefined;
      const question = { operation: "acquire", key, owner, ttl, waitedFor, backOff } as const;
      const asking = ask(remote, question, {
        act: () => {
          if (dead !== undefined) backend.kill(key, dead);
          const acquired = backend.acquire(key, owner, ttl, options);
          return { acquired, version: backend.version(key) };
        },
        // What is left of a lease is not known where only versions are.
        tell: ({ acquired }) => ({
          ...tellAcquired(acquired),
          ...(observed ? { remaining: undefined } : {}),
        }),
      });
      return Effect.map(asking, ({ acquired, version }): Acquired<unknown> => {
        if (!observed || acquired._tag !== "Follower" || version === undefined) return acquired;
        const now = world.now();
        const before = seen.get(key);
        const since = before?.version === version ? before.since : now;
        seen.set(key, { version, since, ttl });
        return { ...acquired, remaining: Math.max(0, since + ttl - now) };
      });
    });
  return {
    name: "model",
    get: reader(remote),
    set: (key, value, lifetime = {}) =>
      ask(remote, { operation: "set", key, value, ...told(lifetime) }, {
        act: () => backend.set(key, value, lifetime),
        tell: tellNothing,
      }),
    expire: (key) =>
      ask(remote, { operation: "expire", key }, {
        act: () => backend.expire(key),
        tell: tellNothing,
      }),
    delete: (key) =>
      ask(remote, { operation: "delete", key }, {
        act: () => backend.delete(key),
        tell: tellNothing,
      }),
    acquire,
    renew: (key, owner, ttl) =>
      ask(remote, { operation: "renew", key, owner, ttl }, {
        act: () => backend.renew(key, owner, ttl),
        tell: tellBoolean,
      }),
    fill: (key, owner, value, lifetime = {}) =>
      ask(remote, { operation: "fill", key, owner, value, ...told(lifetime) }, {
        act: () => backend.fill(key, owner, value, lifetime),
        tell: tellBoolean,
      }),
    release: (key, owner, outcome, failure) =>
      ask(remote, { operation: "release", key, owner, outcome, failure }, {
        act: () => backend.release(key, owner, outcome, failure),
        tell: tellNothing,
      }),
  };
}

/** Hand-written halves. */
export function remoteHalves(
  remote: Remote,
  traits: HalvesTraits,
): { readonly halves: Halves; readonly watches: () => number } {
  const { half } = remote.backend;
  const { watch, standing } = watcher(remote);
  const read = reader(remote);
  const tellLease = ({ role, lease, after }: LeaseAnswer): Answer => ({
    lease,
    is: after === "uncached" ? "Ended" : role === "leader" ? "Leader" : "Follower",
    after: after === "failed" ? after : undefined,
  });
  const simple = (
    operation: AdapterOperation,
    key: string,
    act: () => void,
    more: Partial<Question> = {},
  ) => ask(remote, { operation, key, ...more }, { act, tell: tellNothing });
  const halves: Halves = {
    cache: {
      name: "halves",
      get: (key) => Effect.map(read(key), (entry) => entry === undefined ? null : entry.value),
      set: (key, value, ttl) => simple("set", key, () => half.set(key, value, ttl), { value, ttl }),
      delete: (key) => simple("delete", key, () => half.delete(key)),
    },
    leases: {
      acquire: (key, owner, ttl, waitedFor) =>
        ask(remote, { operation: "acquire", key, owner, ttl, waitedFor }, {
          act: () => half.acquire(key, owner, ttl, waitedFor),
          tell: tellLease,
        }),
      release: (key, owner, outcome) =>
        simple("release", key, () => half.release(key, owner, outcome), { owner, outcome }),
      ...(traits.renew
        ? {
          renew: (key: string, owner: string, ttl: number) =>
            ask(remote, { operation: "renew", key, owner, ttl }, {
              act: () => remote.backend.renew(key, owner, ttl),
              tell: tellBoolean,
            }),
        }
        : {}),
      ...(traits.ready
        ? {
          markReady: (key: string) => simple("ready", key, () => half.markReady(key)),
          isReady: (key: string) =>
            ask(remote, { operation: "ready", key }, {
              act: () => ({ ready: half.isReady(key) }),
              tell: ({ ready }) => ({ is: ready ? "ready" : "not ready" }),
            }),
        }
        : {}),
      ...(traits.watch ? { watch } : {}),
    },
  };
  return { halves, watches: standing };
}
