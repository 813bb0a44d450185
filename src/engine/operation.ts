import { type Asker, run } from "./background.ts";
import type { Keyed } from "./call.ts";
import { callback } from "../effect/callback.ts";
import { monotonicMillis, timeOf } from "../effect/clock.ts";
import * as Cause from "effect/Cause";
import * as Effect from "effect/Effect";
import type * as Exit from "effect/Exit";
import { nothing } from "../effect/nothing.ts";
import { withContext } from "../effect/fork.ts";
import {
  AdapterError,
  type AdapterOperation,
  type CacheLockingError,
  cacheLockingError,
  type CacheLockingErrorTag,
  isAdapterError,
  isCacheLockingError,
} from "../model/errors.ts";
import { stepOf } from "../store/attempt.ts";
import type { Acquired, Store, StoreOfMany } from "../store/store.ts";
import { traced } from "./tracing.ts";
import { tellIdle } from "./client_state.ts";
import type { ReadAnswer } from "./flight.ts";
import { send } from "./request.ts";
import { askTogether, failureOf, hasMany, type Request, requestOf } from "./together.ts";

type Operations = Required<
  Omit<
    Store<unknown>,
    | keyof StoreOfMany<unknown>
    | "name"
    | "peek"
    | "tier"
    | "forget"
    | "copy"
    | "withCodec"
    | "withL1"
    | "changes"
    | "announce"
    | "closeIdle"
  >
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
 * as failed and is given up. What is gathered for many keys asks together, where the store can. `rest` is what the operation takes after the key. What an adapter throws is an `AdapterError` as
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
  const looked = isLook ? gather?.look() : undefined; // mutate: look for many keys
  return begin(asker, operation, rest, handlers, looked);
}

/** The same; `over` is called at its end, or once it is given up. */
function begin<O extends keyof Operations>(
  asker: Asker,
  operation: O,
  rest: Rest<O>,
  handlers: Handlers<Answer<O>>,
  over: (() => void) | undefined,
): () => void {
  const { call, call: { key, gather, settings: { store, client } }, clock } = asker;
  if (asker.hasSpans && (operation === "acquire" || operation === "fill")) {
    // The operation itself ends before its span does, and what follows on its answer begins after that.
    if (client !== undefined) client.running++;
    return inSpan(asker, operation, ask(call, operation, rest) as never, (exit) => {
      try {
        if (exit._tag === "Success") handlers.onSuccess(exit.value as Answer<O>);
        else handlers.onFailure(Cause.squash(exit.cause) as AdapterError);
      } finally {
        ended(asker, over);
      }
    });
  }
  const step = stepOf(store[operation]);
  if (step !== undefined) {
    try {
      handlers.onSuccess(step(timeOf(clock), key, ...rest) as Answer<O>);
    } catch (defect) {
      asker.die(defect);
    }
    over?.();
    return nothing;
  }
  if (client !== undefined) client.running++;
  const question: Question = {
    asker,
    operation,
    asked: [key, ...rest],
    handlers: handlers as Handlers<unknown>,
    over,
    began: 0,
    isOpen: true,
    leave: undefined,
    begun,
    done,
    failed,
  };
  if (gather !== undefined && hasMany(store, operation)) askTogether(gather, question); // mutate: together
  else question.leave = send(asker, operation, () => requestOf(question), question);
  return () => giveUp(question);
}

/** What is asked of a store. It is one object without closures, as there may be thousands. */
interface Question extends Request {
  readonly handlers: Handlers<unknown>;
  readonly over: (() => void) | undefined;
  /** When it was sent, by the monotonic clock, if that is observed. */
  began: number;
}

function begun(this: Question): void {
  const { call: { settings: { observer } }, clock } = this.asker;
  if (observer !== undefined) this.began = monotonicMillis(clock);
}

function done(this: Question, answer: unknown): void {
  end(this, answer);
}

function failed(
  this: Question,
  error: AdapterError = late(this.asker.call, this.operation),
): void {
  end(this, undefined, error);
}

function end(question: Question, answer: unknown, error?: AdapterError): void {
  if (!question.isOpen) return;
  question.isOpen = false;
  const { asker, asker: { call: { key, settings: { observer } }, clock }, operation } = question;
  try {
    const took = observer === undefined ? 0 : monotonicMillis(clock) - question.began;
    observer?.operation(key, { operation, took, error });
    if (error === undefined) question.handlers.onSuccess(answer);
    else question.handlers.onFailure(error);
  } catch (defect) {
    asker.die(defect);
  }
  ended(asker, question.over);
}

function giveUp(question: Question): void {
  if (!question.isOpen) return;
  question.isOpen = false;
  question.leave?.();
  ended(question.asker, question.over);
}

function ended({ call: { settings: { client } } }: Asker, over: (() => void) | undefined): void {
  over?.();
  if (client === undefined) return;
  client.running--;
  tellIdle(client); // mutate: operations of a client
}

/**
 * Gets the entries of many keys in one request, as {@linkcode operate} gets one: each has its answer, or its own failure. What
 * this returns gives it up.
 */
export function getAll(
  asker: Asker,
  keys: readonly string[],
  aged: boolean,
  onAnswers: (answers: readonly ReadAnswer[]) => void,
): () => void {
  const { call: { settings, settings: { store, observer } }, clock } = asker;
  let began = 0;
  const done = (answers: readonly ReadAnswer[]) => {
    try {
      tellAll(answers);
      onAnswers(answers);
    } catch (defect) {
      asker.die(defect);
    }
  };
  const tellAll = (answers: readonly ReadAnswer[]) => {
    if (observer === undefined) return;
    const took = monotonicMillis(clock) - began;
    for (const [index, key] of keys.entries()) {
      const answer = answers[index];
      const error = isAdapterError(answer) ? answer : undefined;
      observer.operation(key, { operation: "get", took, error });
    }
  };
  const request = () => store.getMany!(keys.map((key) => aged ? [key, true] : [key]));
  return send(asker, "get", request, {
    begun() {
      if (observer !== undefined) began = monotonicMillis(clock);
    },
    done: (answers) => done(answers as readonly ReadAnswer[]),
    failed: (error) =>
      done(keys.map((key) => error ? failureOf(key, error) : late({ key, settings }, "get"))),
  });
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
  next: (exit: Exit.Exit<unknown, AdapterError>) => void,
): () => void {
  const outcomeOf = (answer: Acquired<unknown> | boolean) =>
    typeof answer === "object" ? answer._tag.toLowerCase() : answer ? "stored" : "refused";
  run(asker, traced(asker, part, asking, outcomeOf), next);
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
