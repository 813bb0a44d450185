import type { Asker } from "./background.ts";
import * as Cause from "effect/Cause";
import type * as Effect from "effect/Effect";
import { deadline } from "../effect/deadline.ts";
import { fork, interruptNoWait } from "../effect/fork.ts";
import type { AdapterError, AdapterOperation } from "../model/errors.ts";
import { type Start, startOf } from "../store/attempt.ts";
import { adapterErrorOf, typed } from "../store/typed.ts";
import { endTurn, takeTurn, turnsOf } from "./turns.ts";

/** What becomes of a request: it begins, and then one of the others is called, once. */
export interface Answering {
  begun(): void;
  done(answer: unknown): void;
  /** Without an error there was no answer in time. */
  failed(error?: AdapterError): void;
}

/**
 * Sends a request to the asker's store: in its turn, for at most `operationTimeout` from then on; then it is given up. What an
 * adapter throws is an `AdapterError` as well. What this returns gives it up before.
 */
export function send(
  asker: Asker,
  operation: AdapterOperation,
  request: () => Effect.Effect<unknown, AdapterError, unknown>,
  answering: Answering,
): () => void {
  const { call: { key, settings: { store, operationTimeout } }, clock } = asker;
  const turns = turnsOf(store);
  let isOpen = true;
  let turn: number | undefined;
  let isLate = false;
  let cancelDeadline: (() => boolean) | undefined;
  let leave: () => void;
  const close = (answered: boolean) => {
    if (!isOpen) return false;
    isOpen = false;
    cancelDeadline?.();
    if (turn !== undefined) endTurn(turns, turn, answered);
    return true;
  };
  const done = (answer: unknown) => {
    if (!close(!isLate)) return;
    if (isLate) answering.failed();
    else answering.done(answer);
  };
  const failed = (error?: AdapterError) => {
    if (close(!isLate)) answering.failed(isLate ? undefined : error);
  };
  const leaveQueue = takeTurn(turns, asker, operation, (number) => {
    turn = number;
    answering.begun();
    try {
      const effect = request();
      const start = startOf(effect) ?? inFiber(asker, typed(operation, key, () => effect));
      leave = start(done, failed);
    } catch (error) {
      return failed(adapterErrorOf(operation, key, error));
    }
    // What has answered at once needs no deadline.
    if (!isOpen) return;
    cancelDeadline = deadline(clock, operationTimeout, () => { // mutate: timeout
      isLate = true;
      // It may clean up, but what hangs where it can't be interrupted isn't waited for.
      cancelDeadline = deadline(clock, 0, failed);
      leave();
    });
  });
  if (turn === undefined) leave = leaveQueue;
  return () => {
    if (close(false)) leave();
  };
}

/** Starts an operation that is more than one promise or step in a fiber of its own. */
function inFiber<A>(
  { context }: Asker,
  effect: Effect.Effect<A, AdapterError, unknown>,
): Start<A> {
  return (done, failed) => {
    const fiber = fork(context, effect);
    fiber.addObserver((exit) =>
      exit._tag === "Success" ? done(exit.value) : failed(Cause.squash(exit.cause) as AdapterError)
    );
    return () => interruptNoWait(fiber);
  };
}
