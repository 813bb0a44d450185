import type { FetchExit, Gather, Leave } from "./call.ts";
import { callFor, contextFor } from "./circle.ts";
import { callback } from "../effect/callback.ts";
import type * as Clock from "effect/Clock";
import { monotonicMillis } from "../effect/clock.ts";
import { deadline } from "../effect/deadline.ts";
import { fork, type Forked, interruptNoWait } from "../effect/fork.ts";
import * as Effect from "effect/Effect";
import * as Exit from "effect/Exit";
import { nothing } from "../effect/nothing.ts";
import type { Caller, Flight } from "./flight.ts";
import { whenEnded } from "./single_flight.ts";
import { makeDeadlines } from "./together.ts";

/** For how long fetches wait for a look whose answer is late: in milliseconds. */
const PATIENCE = 500;

/** For how long the fetch of a key that is taken over waits for the others that may be, too: in milliseconds. */
const WINDOW = 50;

/** What the fetch of some keys is to know. */
export interface BatchContext {
  /** The keys, as the caller knows them. */
  readonly keys: readonly unknown[];
  /** Fires when nobody needs any of them any more. */
  readonly signal: AbortSignal;
}

type Fetching = Effect.Effect<unknown, unknown, unknown>;

/** How the keys of one call are fetched. */
export interface Gathering {
  /** How many keys are fetched together at most. */
  readonly maxBatch: number;
  /** What the caller knows a key by. */
  readonly keyOf: (key: string) => unknown;
  /** The fetch of some keys. */
  readonly fetcher: (context: BatchContext) => Fetching;
  /** What one key gets of it. */
  readonly pick: (key: string, fetched: unknown) => FetchExit;
}

/** The key of a flight that is to be fetched. */
interface Asker {
  readonly flight: Flight;
  /** Goes on with what it gets. */
  readonly ended: (exit: FetchExit) => void;
  /** It goes, if it has got nothing by then. */
  leave: Leave;
}

/**
 * Gathers what the keys of one call ask to be fetched. They are fetched as soon as none of them looks any more: each has a
 * value, has a lease, or waits for others, for whom no fetch waits.
 *
 * Keys that have waited come one by one, when their leases end or are released, or their time is out: the first of them is
 * fetched a moment later, with those that have come meanwhile.
 */
export function makeGather(
  clock: Clock.Clock,
  callers: readonly Caller[],
  gathering: Gathering,
): Gather {
  const { maxBatch } = gathering;
  let looks = 0;
  const asking = new Set<Asker>();
  /** Whether one of them waits for nobody. */
  let isUrgent = false;
  /** When the first of them has asked, and when they are fetched at the latest. */
  let since = 0;
  let due = Infinity;
  let cancel: (() => unknown) | undefined;
  const settle = () => {
    cancel?.();
    cancel = undefined;
    due = Infinity;
  };
  const flush = () => {
    settle();
    const all = [...asking];
    asking.clear();
    for (let at = 0; at < all.length; at += maxBatch) {
      fetchTogether(all.slice(at, at + maxBatch), gathering); // mutate: keys of a batch
    }
  };
  /** How long those who ask wait for others to come; undefined for not at all. */
  const patience = () => {
    if (isUrgent) return 0;
    if (looks > 0) {
      const [{ flight: { call } }] = asking as Iterable<Asker> as [Asker];
      return Math.min(PATIENCE, call.settings.waitMax);
    }
    if (![...asking].some(hasWaited)) return undefined; // mutate: batch waits
    return callers.some(waits) ? WINDOW : 0;
  };
  const check = () => {
    if (asking.size === 0) return settle();
    const left = asking.size < maxBatch ? patience() : undefined;
    if (left === undefined) return flush();
    if (since + left >= due) return;
    settle();
    due = since + left;
    cancel = deadline(clock, due - monotonicMillis(clock), flush);
  };
  return {
    asked: new Map(),
    deadline: makeDeadlines(),
    look() {
      looks++;
      let isOver = false;
      return () => {
        if (isOver) return;
        isOver = true;
        looks--;
        check();
      };
    },
    fetch(flight, ended) {
      const asker: Asker = {
        flight: flight as Flight,
        ended,
        leave(left) {
          asking.delete(asker);
          isUrgent &&= [...asking].some(waitsForNobody);
          check();
          left();
        },
      };
      asking.add(asker);
      if (asking.size === 1) {
        since = monotonicMillis(clock);
        isUrgent = false;
      }
      isUrgent ||= waitsForNobody(asker);
      check();
      return (left) => asker.leave(left);
    },
  };
}

/** The fetch of a flight as an effect, which has asked once it has been made. */
export function gathered(flight: Flight): Effect.Effect<unknown, unknown> {
  let got: FetchExit | undefined;
  let resume: ((exit: FetchExit) => void) | undefined;
  const leave = flight.call.gather!.fetch(flight, (exit) => {
    got = exit;
    resume?.(exit);
  });
  // What is interrupted before it runs doesn't leave by itself.
  whenEnded(flight, () => leave(nothing));
  return callback((goOn) => {
    if (got !== undefined) return goOn(got);
    resume = goOn;
    return callback((left) => leave(() => left(Effect.void)));
  });
}

/** Whether the wait is over of the caller whose key is fetched without a lease. */
function waitsForNobody({ flight }: Asker): boolean {
  return flight.fallsBack || (flight.step !== "leads" && flight.first.waitingSince !== undefined);
}

/** Whether the key is fetched after its caller has waited for another. */
function hasWaited({ flight: { first } }: Asker): boolean {
  return first.waitingSince !== undefined;
}

/** Whether a caller waits for what others fetch. */
function waits(caller: Caller): boolean {
  const flight = caller.flight as Flight | undefined;
  return flight !== undefined && (flight.first !== caller || flight.follows);
}

/** Fetches some keys in a fiber of the first of them, which is interrupted when all of them have left. */
function fetchTogether(askers: readonly Asker[], { keyOf, fetcher, pick }: Gathering): void {
  const { flight: first } = askers[0]!;
  const batch = askers.map(({ flight }) => flight);
  const left = new Set(askers);
  let fiber: Forked<unknown, unknown> | undefined;
  const called = new Called(batch, keyOf);
  for (const asker of askers) {
    asker.flight.batch = batch;
    asker.flight.fetchBegins?.();
    const leave: Leave = (gone) => {
      const isLeft = left.delete(asker);
      if (left.size > 0) return gone(); // mutate: some of a batch
      if (isLeft) called.abort(); // mutate: signal of a batch
      if (fiber === undefined) return gone();
      // Not everybody waits for it who goes.
      if (isLeft) interruptNoWait(fiber);
      fiber.addObserver(gone);
    };
    asker.leave = leave;
  }
  const fetching = Effect.suspend(() =>
    callFor(first, fetcher, called) as Effect.Effect<unknown, unknown>
  );
  const started = fiber = fork(contextFor(first), Effect.scoped(fetching));
  // The fetcher itself may have aborted the call.
  if (left.size === 0) return interruptNoWait(started);
  started.addObserver((exit) => {
    const waiting = [...left];
    left.clear();
    for (const { flight, ended } of waiting) {
      try {
        ended(Exit.isSuccess(exit) ? picked(pick, flight.key, exit.value) : exit);
      } catch (defect) {
        flight.die(defect);
      }
    }
  });
}

/** What one key gets. What the fetcher returned may throw as it is read. */
function picked(pick: Gathering["pick"], key: string, fetched: unknown): FetchExit {
  try {
    return pick(key, fetched);
  } catch (error) {
    return Exit.die(error);
  }
}

/** What the fetcher of some keys receives. Its signal is made when it is first read. */
class Called implements BatchContext {
  readonly keys: readonly unknown[];
  readonly #first: Flight;
  #isAborted = false;
  #controller: AbortController | undefined;

  constructor(batch: readonly Flight[], keyOf: Gathering["keyOf"]) {
    this.keys = batch.map(({ key }) => keyOf(key));
    [this.#first] = batch as [Flight];
  }

  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    if (this.#isAborted) this.abort();
    return this.#controller.signal;
  }

  /** All of them have left. */
  abort(): void {
    this.#isAborted = true;
    this.#controller?.abort(this.#first.overdue);
  }
}
