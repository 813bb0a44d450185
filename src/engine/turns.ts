import { nothing } from "../effect/nothing.ts";
import type { Asker } from "./background.ts";
import { deadline } from "../effect/deadline.ts";
import { type LastingSet, lastingSet } from "./lasting.ts";
import { inWorkers } from "../effect/runtime.ts";
import type { AdapterOperation } from "../model/errors.ts";
import type { Store } from "../store/store.ts";
import { relatives } from "../store/variants.ts";

/** How many operations of one store run at once. */
const MOST_AT_ONCE = 128;

/** How long others wait for their turn while the store answers nothing: in milliseconds. */
const PATIENCE = 1_000;

/** Whose turn it is to ask one store. */
export interface Turns {
  /** How many have begun, which is the number of the last. */
  begun: number;
  /** The numbers of those that take a place, in their order. */
  readonly running: LastingSet<number>;
  /** How many were answered, and the highest number of these. */
  answers: number;
  answered: number;
  /** Those who wait. The time of who holds a lease runs: they go first. */
  readonly holders: Waiter[];
  readonly others: Waiter[];
  /** Whether those who wait are being begun. */
  beginning: boolean;
  /** Cancels the deadline until which they wait for an answer of the store. */
  cancel: (() => unknown) | undefined;
}

interface Waiter {
  /** Begins it, by its number; undefined for one that was given up. */
  begin: ((number: number) => void) | undefined;
}

const known = new WeakMap<Store<unknown>, Turns>();

/** The turns of a store, and of the same store with other codecs. */
export function turnsOf(store: Store<unknown>): Turns {
  let turns = known.get(store);
  if (turns === undefined) {
    const [origin] = relatives(store) as [Store<unknown>];
    turns = origin === store
      ? {
        begun: 0,
        running: lastingSet(),
        answers: 0,
        answered: 0,
        holders: [],
        others: [],
        beginning: false,
        cancel: undefined,
      }
      : turnsOf(origin);
    known.set(store, turns);
  }
  return turns;
}

/**
 * Begins an operation in its turn: so thousands at once don't time each other out in the queue of the store's client.
 * `begin` gets a number, by which {@linkcode endTurn} ends the turn. What this returns ends the wait for it.
 */
export function takeTurn(
  turns: Turns,
  asker: Asker,
  operation: AdapterOperation,
  begin: (number: number) => void,
): () => void {
  // In Workers no request may begin what another waits for.
  if (inWorkers || nobodyWaits(turns) && hasPlace(turns)) {
    begin(place(turns));
    return nothing;
  }
  const waiter: Waiter = { begin };
  const holds = operation === "renew" || operation === "fill" || operation === "release";
  (holds ? turns.holders : turns.others).push(waiter);
  if (turns.cancel === undefined) awaitAnswer(turns, asker);
  return () => void (waiter.begin = undefined);
}

/** Ends the turn of an operation, which was answered or not, and begins those whose turn it is now. */
export function endTurn(turns: Turns, number: number, answered: boolean): void {
  turns.running.delete(number);
  if (answered) {
    turns.answers++;
    turns.answered = Math.max(turns.answered, number);
  }
  if (!nobodyWaits(turns)) beginWhile(turns, hasPlace);
}

/** Has all begin who wait, once the store answers nothing: it hangs, or what has a place does and others wouldn't. */
function awaitAnswer(turns: Turns, asker: Asker): void {
  const { call: { settings: { operationTimeout } }, clock } = asker;
  const { answers } = turns;
  turns.cancel = deadline(clock, Math.min(PATIENCE, operationTimeout / 2), () => {
    if (turns.answers > answers) awaitAnswer(turns, asker);
    else beginWhile(turns, () => true);
  });
}

/** Begins those who wait, in their order. */
function beginWhile(turns: Turns, mayBegin: (turns: Turns) => boolean): void {
  // One that ends at once must not begin others within this one, and so on.
  if (turns.beginning) return;
  turns.beginning = true;
  while (!nobodyWaits(turns) && mayBegin(turns)) {
    const { begin } = (turns.holders.shift() ?? turns.others.shift())!;
    begin?.(place(turns));
  }
  turns.beginning = false;
  if (!nobodyWaits(turns)) return;
  turns.cancel?.();
  turns.cancel = undefined;
}

function place(turns: Turns): number {
  turns.running.add(++turns.begun);
  return turns.begun;
}

function nobodyWaits({ holders, others }: Turns): boolean {
  return holders.length + others.length === 0;
}

/** Whether one more may run. What so many have overtaken is in no queue before others: it hangs, and takes no place. */
function hasPlace({ running, answered }: Turns): boolean {
  if (running.size() < MOST_AT_ONCE) return true;
  for (const number of running) {
    if (number > answered - MOST_AT_ONCE) break;
    running.delete(number);
  }
  return running.size() < MOST_AT_ONCE;
}
