import type { Asker } from "./background.ts";
import type { Together } from "./call.ts";
import { monotonicMillis } from "../effect/clock.ts";
import { deadline } from "../effect/deadline.ts";
import type { Effect } from "effect/Effect";
import {
  type AdapterError,
  type AdapterOperation,
  failureFor,
  isAdapterError,
} from "../model/errors.ts";
import type { Store, StoreOfMany } from "../store/store.ts";
import { type Answering, send } from "./request.ts";

/** How many keys are asked for in one request at most. */
export const MOST_TOGETHER = 128;

/** Something that is asked of a store for one key, and goes on with what becomes of it. */
export interface Request extends Answering {
  readonly asker: Asker;
  readonly operation: AdapterOperation;
  /** What it takes: the key, and the rest. */
  readonly asked: readonly unknown[];
  /** Whether it is neither answered nor given up. */
  isOpen: boolean;
  /** Gives it up, once it is sent; undefined before. */
  leave: (() => void) | undefined;
}

type Operation = (...asked: readonly unknown[]) => Effect<unknown, AdapterError, unknown>;

const manyOf = {
  get: "getMany",
  acquire: "acquireMany",
  renew: "renewMany",
  fill: "fillMany",
  release: "releaseMany",
} as const satisfies Partial<Record<AdapterOperation, keyof StoreOfMany<unknown>>>;

/** The operation of a store that does the same for many keys, if it has one. */
function operationOf(store: Store<unknown>, operation: AdapterOperation): Operation | undefined {
  const many = manyOf[operation as keyof typeof manyOf];
  return many && store[many] as Operation | undefined;
}

/** Whether a store does this for many keys at once. */
export function hasMany(store: Store<unknown>, operation: AdapterOperation): boolean {
  return operationOf(store, operation) !== undefined;
}

/** What a store is asked for one key alone. */
export function requestOf(
  { asker, operation, asked }: Request,
): Effect<unknown, AdapterError, unknown> {
  const { store } = asker.call.settings;
  return (store[operation as keyof Store<unknown>] as Operation)(...asked);
}

/** Sends a request together with all that are like it and are asked for in the same turn. */
export function askTogether(gather: Together, request: Request): void {
  const { operation } = request;
  const asked = gather.asked as Map<AdapterOperation, Request[]>;
  const all = asked.get(operation);
  if (all === undefined) {
    const first = [request];
    asked.set(operation, first);
    endOfTurn.then(() => flush(asked, operation, first));
  } else if (all.push(request) === MOST_TOGETHER) {
    flush(asked, operation, all);
  }
}

const endOfTurn = Promise.resolve();

function flush(
  asked: Map<AdapterOperation, Request[]>,
  operation: AdapterOperation,
  all: readonly Request[],
): void {
  if (asked.get(operation) !== all) return;
  asked.delete(operation);
  sendAll(operation, all.filter(({ isOpen }) => isOpen));
}

function sendAll(operation: AdapterOperation, all: readonly Request[]): void {
  const [first] = all;
  if (first === undefined) return;
  const { asker } = first;
  if (all.length === 1) {
    first.leave = send(asker, operation, () => requestOf(first), first);
    return;
  }
  const { store } = asker.call.settings;
  let left = all.length;
  const giveUp = send(
    asker,
    operation,
    () => operationOf(store, operation)!(all.map(({ asked }) => asked)),
    {
      begun: () => all.forEach((request) => request.begun()),
      done(answers) {
        for (const [index, request] of all.entries()) {
          const answer = (answers as readonly unknown[])[index]; // mutate: answer for a key
          if (isAdapterError(answer)) request.failed(answer);
          else request.done(answer);
        }
      },
      failed(error) {
        for (const request of all) {
          request.failed(error && failureOf(request.asker.call.key, error));
        }
      },
    },
  );
  const leave = () => {
    if (--left === 0) giveUp();
  };
  for (const request of all) request.leave = leave;
}

/**
 * Calls what is to be called at nearly the same time at once, by one deadline: up to an eighth of its time early, or a millisecond. So what is asked
 * for then is one request.
 */
export function makeDeadlines(): typeof deadline {
  let last: Deadline | undefined;
  return (clock, millis, expire, holds = true) => {
    const at = monotonicMillis(clock) + millis;
    const isNear = last !== undefined && last.holds === holds && last.waiting.size > 0 &&
      last.at <= at && last.at >= at - Math.max(1, millis / 8);
    const { waiting, cancel } = isNear ? last! : last = open(at);
    waiting.add(expire);
    return () => waiting.delete(expire) && (waiting.size > 0 || cancel());

    function open(at: number): Deadline {
      const waiting = new Set<() => void>();
      const cancel = deadline(clock, millis, () => {
        const all = [...waiting];
        waiting.clear();
        for (const each of all) each(); // mutate: kept together
      }, holds);
      return { at, holds, waiting, cancel };
    }
  };
}

/** When some are called, by the monotonic clock. */
interface Deadline {
  readonly at: number;
  readonly holds: boolean;
  readonly waiting: Set<() => void>;
  readonly cancel: () => boolean;
}

/** The failure of them all, for one key. */
export function failureOf(key: string, error: AdapterError): AdapterError {
  return isAdapterError(error) ? failureFor(key, error) : error;
}
