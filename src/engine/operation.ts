import { type Asker, run } from "./background.ts";
import type { Keyed } from "./call.ts";
import { callback } from "../effect/callback.ts";
import { monotonicMillis, timeOf } from "../effect/clock.ts";
import { deadline } from "../effect/deadline.ts";
import * as Cause from "effect/Cause";
import * as Effect from "effect/Effect";
import { fork, interruptNoWait, withContext } from "../effect/fork.ts";
import {
  AdapterError,
  type AdapterOperation,
  type CacheLockingError,
  cacheLockingError,
  type CacheLockingErrorTag,
  isCacheLockingError,
} from "../model/errors.ts";
import { type Start, startOf, stepOf } from "../store/attempt.ts";
import type { Acquired, Store } from "../store/store.ts";
import { adapterErrorOf, typed } from "../store/typed.ts";
import { traced } from "./tracing.ts";
import { tellIdle } from "./client_state.ts";
import { endTurn, takeTurn, turnsOf } from "./turns.ts";

type Operations = Required<
  Omit<Store<unknown>, "name" | "peek" | "copy" | "withCodec" | "closeIdle">
>;
type Operation = (...args: unknown[]) => Effect.Effect<unknown, AdapterError, unknown>;
type Rest<O extends keyof Operations> = Parameters<Operations[O]> extends
  [key: string, ...rest: infer Rest] ? Rest : never;
type Answer<O extends keyof Operations> = ReturnType<Operations[O]> extends
  Effect.Effect<infer A, AdapterError, infer _> ? A : never;

/** How it goes on once there is an answer, or none. */
export interface Handlers<A> {
  onSuccess(answer: A): void;
  onFailure(error: AdapterError): void;
}

/**
 * Runs one operation of a store on the asker's key: in its turn, for at most `operationTimeout` from then on; then it counts
 * as failed and is given up. `rest` is what the operation takes after the key. What an adapter throws is an `AdapterError` as
 * well. It has a span where its asker has spans.
 *
 * One of the handlers is called, once, at once or later, unless what this returns is called before: that gives it up, but
 * for what has a span.
 */
export function operate<O extends keyof Operations>(
  asker: Asker,
  operation: O,
  rest: Rest<O>,
  handlers: Handlers<Answer<O>>,
): () => void {
  const { gather } = asker.call;
  const isLook = operation === "get" || operation === "acquire";
  if (gather === undefined || !isLook) return begin(asker, operation, rest, handlers);
  const looked = gather.look(); // mutate: look for many keys
  const then = <A>(handle: (answer: A) => void) => (answer: A) => {
    handle(answer);
    looked();
  };
  const { onSuccess, onFailure } = handlers;
  const giveUp = begin(asker, operation, rest, {
    onSuccess: then(onSuccess),
    onFailure: then(onFailure),
  });
  return () => {
    giveUp();
    looked();
  };
}

function begin<O extends keyof Operations>(
  asker: Asker,
  operation: O,
  rest: Rest<O>,
  handlers: Handlers<Answer<O>>,
): () => void {
  const { call, call: { key, settings: { store, operationTimeout, client, observer } }, clock } =
    asker;
  if (asker.hasSpans && (operation === "acquire" || operation === "fill")) {
    return inSpan(asker, operation, ask(call, operation, rest) as never, handlers as never);
  }
  const { onSuccess, onFailure } = handlers;
  const step = stepOf(store[operation]);
  if (step !== undefined) {
    try {
      onSuccess(step(timeOf(clock), key, ...rest) as Answer<O>);
    } catch (defect) {
      asker.die(defect);
    }
    return nothing;
  }
  const turns = turnsOf(store);
  if (client !== undefined) client.running++;
  const ended = () => {
    if (client === undefined) return;
    client.running--;
    tellIdle(client);
  };
  let waiting = true;
  let turn: number | undefined;
  let tooLate = false;
  let cancelDeadline: (() => boolean) | undefined;
  let leave: () => void;
  let began = 0;
  const end = (answer: Answer<O> | undefined, failure?: AdapterError) => {
    if (!waiting) return;
    waiting = false;
    cancelDeadline?.();
    if (turn !== undefined) endTurn(turns, turn, !tooLate);
    const error = tooLate ? late(call, operation) : failure;
    try {
      observer?.operation(key, { operation, took: monotonicMillis(clock) - began, error });
      if (error === undefined) onSuccess(answer as Answer<O>);
      else onFailure(error);
    } catch (defect) {
      asker.die(defect);
    }
    ended(); // mutate: operations of a client
  };
  const done = (answer: unknown) => end(answer as Answer<O>);
  const failed = (error: AdapterError) => end(undefined, error);
  const leaveQueue = takeTurn(turns, asker, operation, (number) => {
    turn = number;
    if (observer !== undefined) began = monotonicMillis(clock);
    try {
      const effect = (store[operation] as Operation)(key, ...rest);
      const start = startOf(effect) ?? inFiber(asker, typed(operation, key, () => effect));
      leave = start(done, failed);
    } catch (error) {
      return failed(adapterErrorOf(operation, key, error));
    }
    // What has answered at once needs no deadline.
    if (!waiting) return;
    cancelDeadline = deadline(clock, operationTimeout, () => { // mutate: timeout
      tooLate = true;
      // It may clean up, but what hangs where it can't be interrupted isn't waited for.
      cancelDeadline = deadline(clock, 0, () => end(undefined));
      leave();
    });
  });
  if (turn === undefined) leave = leaveQueue;
  return () => {
    if (!waiting) return;
    waiting = false;
    cancelDeadline?.();
    if (turn !== undefined) endTurn(turns, turn, false);
    leave();
    ended();
  };
}

function nothing(): void {}

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

/** The same as an effect. Where its fiber can't be interrupted, the operation can't be either, but by its timeout. */
export function ask<O extends keyof Operations>(
  call: Keyed,
  operation: O,
  rest: Rest<O>,
): ReturnType<Operations[O]> {
  const asking = withContext((context, _tracer, clock) =>
    callback<Answer<O>, AdapterError>((resume) => {
      const die = (defect: unknown) => resume(Effect.die(defect));
      const handlers: Handlers<Answer<O>> = {
        onSuccess: (answer) => resume(Effect.succeed(answer)),
        onFailure: (error) => resume(Effect.fail(error)),
      };
      return Effect.sync(operate({ call, clock, context, die }, operation, rest, handlers));
    })
  );
  return asking as ReturnType<Operations[O]>;
}

/** Runs an operation that is asked for as an effect, in its span. */
function inSpan(
  asker: Asker,
  part: "acquire" | "fill",
  asking: Effect.Effect<Acquired<unknown> | boolean, AdapterError>,
  { onSuccess, onFailure }: Handlers<Acquired<unknown> | boolean>,
): () => void {
  const outcomeOf = (answer: Acquired<unknown> | boolean) =>
    typeof answer === "object" ? answer._tag.toLowerCase() : answer ? "stored" : "refused";
  run(
    asker,
    traced(asker, part, asking, outcomeOf),
    (exit) =>
      exit._tag === "Success"
        ? onSuccess(exit.value)
        : onFailure(Cause.squash(exit.cause) as AdapterError),
  );
  return nothing;
}

function late(
  { key, settings: { store, operationTimeout } }: Keyed,
  operation: AdapterOperation,
): AdapterError {
  return new AdapterError(operation, key, undefined, {
    reason: `${store.name} did not answer within ${Math.round(operationTimeout)} ms`,
  });
}

const tagOf = {
  get: "CACHE_GET_FAILED",
  set: "CACHE_SET_FAILED",
  expire: "CACHE_SET_FAILED",
  delete: "CACHE_SET_FAILED",
  fill: "CACHE_SET_FAILED",
  acquire: "LEASE_ACQUIRE_FAILED",
  renew: "LEASE_ACQUIRE_FAILED",
  release: "LEASE_RELEASE_FAILED",
  ready: "LEASE_READY_FAILED",
  watch: "WAIT_FAILED",
} as const satisfies Record<AdapterOperation, CacheLockingErrorTag>;

/** The error of the phase that an operation belongs to. */
export function phaseError(
  { key, settings: { store } }: Keyed,
  error: AdapterError,
): CacheLockingError {
  if (isCacheLockingError(error)) return error;
  const { operation, message } = error;
  const context = { key, phase: operation, adapter: store.name };
  return cacheLockingError(tagOf[operation] ?? "CACHE_GET_FAILED", message, context, error);
}
