import type { Gather } from "./call.ts";
import { callFor, contextFor } from "./circle.ts";
import { callback } from "../effect/callback.ts";
import type * as Clock from "effect/Clock";
import { monotonicMillis } from "../effect/clock.ts";
import { deadline } from "../effect/deadline.ts";
import { fork, type Forked, interruptNoWait } from "../effect/fork.ts";
import * as Effect from "effect/Effect";
import * as Exit from "effect/Exit";
import * as Fiber from "effect/Fiber";
import type { Caller, Flight } from "./flight.ts";
import { whenEnded } from "./single_flight.ts";

/** For how long fetches wait for a look whose answer is late: in milliseconds. */
const PATIENCE = 500;

/** For how long the fetch of a key that is taken over waits for the others that may be, too: in milliseconds. */
const WINDOW = 50;

/** What the fetch of some keys is to know. */
export interface BatchContext {
  /** The keys, as they are in the store. */
  readonly keys: readonly string[];
  /** Fires when nobody needs any of them any more. */
  readonly signal: AbortSignal;
}

type Fetching = Effect.Effect<unknown, unknown, unknown>;

/** How the keys of one call are fetched. */
export interface Gathering {
  /** How many keys are fetched together at most. */
  readonly maxBatch: number;
  /** The fetch of some keys. */
  readonly fetcher: (context: BatchContext) => Fetching;
  /** What one key gets of it. */
  readonly pick: (key: string, fetched: unknown) => Effect.Effect<unknown, unknown>;
}

/** The key of a flight that is to be fetched. */
interface Asker {
  readonly flight: Flight;
  /** What it gets, and what waits for that. */
  result: Effect.Effect<unknown, unknown> | undefined;
  resume: ((result: Effect.Effect<unknown, unknown>) => void) | undefined;
  /** It goes, if it has no result by then. */
  leave: () => Effect.Effect<unknown>;
}

/**
 * Gathers what the keys of one call ask to be fetched. They are fetched as soon as none of them looks any more: each has a
 * value, has a lease, or waits for others, for whom no fetch waits.
 *
 * Keys that have waited come one by one, when their leases end or are released, or their time is out: the first of them is
 * fetched a moment later, with those that have come meanwhile.
 */
export function gather(
  clock: Clock.Clock,
  callers: readonly Caller[],
  gathering: Gathering,
): Gather & { readonly fetch: (flight: Flight) => Effect.Effect<unknown, unknown> } {
  const { maxBatch } = gathering;
  let looks = 0;
  let asking: Asker[] = [];
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
    const all = asking;
    asking = [];
    for (let at = 0; at < all.length; at += maxBatch) {
      fetchTogether(all.slice(at, at + maxBatch), gathering); // mutate: keys of a batch
    }
  };
  /** How long those who ask wait for others to come; undefined for not at all. */
  const patience = () => {
    if (asking.some(({ flight }) => flight.fallsBack)) return 0;
    if (looks > 0) return Math.min(PATIENCE, ...asking.map(waitMaxOf));
    if (!asking.some(hasWaited)) return undefined; // mutate: batch waits
    return callers.some(waits) ? WINDOW : 0;
  };
  const check = () => {
    if (asking.length === 0) return settle();
    const left = asking.length < maxBatch ? patience() : undefined;
    if (left === undefined) return flush();
    if (since + left >= due) return;
    settle();
    due = since + left;
    cancel = deadline(clock, due - monotonicMillis(clock), flush);
  };
  return {
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
    fetch(flight) {
      const asker: Asker = {
        flight,
        result: undefined,
        resume: undefined,
        leave() {
          asking = asking.filter((each) => each !== asker);
          check();
          return Effect.void;
        },
      };
      if (asking.push(asker) === 1) since = monotonicMillis(clock);
      // What is interrupted before it runs doesn't leave by itself.
      whenEnded(flight, () => asker.leave());
      check();
      return callback((resume) => {
        if (asker.result !== undefined) return resume(asker.result);
        asker.resume = resume;
        return Effect.suspend(() => asker.leave());
      });
    },
  };
}

function waitMaxOf({ flight }: Asker): number {
  return flight.call.settings.waitMax;
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
function fetchTogether(askers: readonly Asker[], { fetcher, pick }: Gathering): void {
  const { flight: first } = askers[0]!;
  const batch = askers.map(({ flight }) => flight);
  const keys = batch.map(({ key }) => key);
  const left = new Set(askers);
  let isOver = false;
  let fiber: Forked<unknown, unknown> | undefined;
  let controller: AbortController | undefined;
  const called: BatchContext = {
    keys,
    get signal() {
      controller ??= new AbortController();
      if (!isOver && left.size === 0) controller.abort(first.overdue);
      return controller.signal;
    },
  };
  for (const asker of askers) {
    asker.flight.batch = batch;
    asker.leave = () => {
      if (!left.delete(asker) || left.size > 0) return Effect.void; // mutate: some of a batch
      controller?.abort(first.overdue); // mutate: signal of a batch
      if (fiber === undefined) return Effect.void;
      // Not everybody waits for it who goes.
      interruptNoWait(fiber);
      return Fiber.interrupt(fiber);
    };
  }
  const fetching = Effect.suspend(() =>
    callFor(first, fetcher, called) as Effect.Effect<unknown, unknown>
  );
  const started = fiber = fork(contextFor(first), Effect.scoped(fetching));
  // The fetcher itself may have aborted the call.
  if (left.size === 0) return interruptNoWait(started);
  started.addObserver((exit) => {
    const waiting = [...left];
    isOver = true;
    left.clear();
    for (const asker of waiting) {
      const { flight: { key }, resume } = asker;
      asker.result = Exit.isSuccess(exit) ? pick(key, exit.value) : Effect.failCause(exit.cause);
      resume?.(asker.result);
    }
  });
}
