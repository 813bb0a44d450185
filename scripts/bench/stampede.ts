import { Effect } from "effect";
import { type Goal, ratioGoal } from "./goals.ts";
import { compare, type Effort, type Subject } from "./measure.ts";
import type { Comparison, Measured } from "./measured.ts";
import * as peers from "./peers.ts";

const CALLERS = 10_000;

/** A cold key and its fetch, which ends when all callers have come, and itself takes no time. */
interface Stampede {
  readonly source: peers.Source;
  /** Begins with the next key. */
  readonly begin: () => string;
  readonly come: () => void;
  /** When the fetch ended. */
  readonly fetched: () => number;
}

/**
 * Times a herd of one cold key: from the first caller to the last one's value, and from the end of the fetch, by which the
 * herd is late; what callers cost as they come hides behind a fetch that takes its time.
 */
export async function benchStampede(effort: Effort): Promise<Measured> {
  const comparisons: Comparison[] = [];
  const goals: Goal[] = [];
  for (const [name, run] of [["a run each", eachRun], ["one fiber", oneFiber]] as const) {
    for (const from of ["its first caller", "the end of its fetch"] as const) {
      const timings = await compare(
        subjects(run).map((subject) => from === "its first caller" ? alone(subject) : subject),
        effort,
      );
      const setting = `${name}, from ${from}`;
      const title = `Stampede, ${CALLERS} callers of a cold key, ${setting}`;
      const comparison = { title, timings };
      comparisons.push(comparison);
      const goal = ratioGoal(`stampede, ${setting}`, "client.getOrSet", comparison, 1);
      if (from === "the end of its fetch") goals.push(goal);
    }
  }
  return { comparisons, goals };
}

function subjects(run: typeof eachRun): Subject[] {
  return [
    inStampede((source) => peers.inEffect(peers.asyncCacheDedupe(source)), run),
    inStampede(peers.client, run),
    inStampede(peers.oneShot, run),
    inStampede(peers.effectCache, run),
    inStampede((source) => peers.inEffect(sharedPromise(source)), run),
    inStampede(callbacks, run),
    ...run === eachRun
      ? [peers.asyncCacheDedupe, peers.lruCache, peers.bentoCache, peers.cacheManager].map((peer) =>
        inStampede(peer, eachAwaited)
      )
      : [],
  ];
}

/** The same, timed from its beginning. */
function alone({ name, run, calls }: Subject): Subject {
  return { name, run, calls };
}

function inStampede<Peer extends { readonly name: string }>(
  peer: (source: peers.Source) => Peer,
  run: (peer: Peer, stampede: Stampede) => Promise<unknown>,
): Subject {
  const stampede = makeStampede();
  const subject = peer(stampede.source);
  const name = run === eachAwaited as unknown ? `${subject.name}, bare` : subject.name;
  return { name, calls: 1, run: () => run(subject, stampede), after: stampede.fetched };
}

function makeStampede(): Stampede {
  let herds = 0;
  let callers = 0;
  let { promise, resolve } = Promise.withResolvers<number>();
  let fetches = 0;
  let fetched = 0;
  return {
    source: () => {
      if (++fetches > 1) throw new Error(`Fetched ${fetches} times for one herd`);
      return promise;
    },
    begin: () => {
      ({ promise, resolve } = Promise.withResolvers<number>());
      callers = fetches = 0;
      return `user:${herds++}`;
    },
    come: () => {
      if (++callers < CALLERS) return;
      setTimeout(() => {
        fetched = performance.now();
        resolve(herds);
      });
    },
    fetched: () => fetched,
  };
}

function eachRun({ get }: peers.EffectPeer, { begin, come }: Stampede): Promise<unknown> {
  const key = begin();
  return Promise.all(Array.from({ length: CALLERS }, () => {
    come();
    return Effect.runPromise(get(key));
  }));
}

function eachAwaited({ get }: peers.PromisePeer, { begin, come }: Stampede): Promise<unknown> {
  const key = begin();
  return Promise.all(Array.from({ length: CALLERS }, () => {
    come();
    return get(key);
  }));
}

function oneFiber({ get }: peers.EffectPeer, { begin, come }: Stampede): Promise<unknown> {
  const key = begin();
  const caller = Effect.suspend(() => {
    come();
    return get(key);
  });
  return Effect.runPromise(
    Effect.all(Array.from({ length: CALLERS }, () => caller), { concurrency: "unbounded" }),
  );
}

/** What all can await: one promise. */
function sharedPromise(source: peers.Source): peers.PromisePeer {
  const promises = new Map<string, Promise<number>>();
  return {
    name: "floor: one promise",
    get: (key) => {
      if (!promises.has(key)) promises.set(key, source(key));
      return promises.get(key)!;
    },
  };
}

/** The least that can be done where whoever waits can leave: all are called back, by nothing but their clock. */
function callbacks(source: peers.Source): peers.EffectPeer {
  type Resume = (value: Effect.Effect<number>) => void;
  const flights = new Map<string, (Resume | undefined)[]>();
  const join = (key: string) =>
    Effect.callback<number>((resume) => {
      const waiting = flights.get(key) ?? [];
      const place = waiting.push(resume) - 1;
      if (place === 0) {
        flights.set(key, waiting);
        void source(key).then((value) => {
          flights.delete(key);
          const found = Effect.succeed(value);
          for (const resume of waiting) resume?.(found);
        });
      }
      return Effect.sync(() => void (waiting[place] = undefined));
    });
  return { name: "floor: called back", get: (key) => Effect.clockWith(() => join(key)) };
}
