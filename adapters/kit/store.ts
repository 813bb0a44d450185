import { attempt } from "../../src/store/attempt.ts";
import { type Codec, codecOf } from "../../src/store/codec.ts";
import { isPromise } from "../../src/store/is_promise.ts";
import * as Effect from "effect/Effect";
import {
  AdapterError,
  type AdapterErrorOptions,
  type AdapterOperation,
  isAdapterError,
} from "../../src/model/errors.ts";
import { FAILURES_REMEMBERED, LONGEST_LEASE } from "../../src/model/defaults.ts";
import type { Acquired, Entry, Failure, Store } from "../../src/store/store.ts";
import { type Backend, bounded, type Row, type Target, type Wanted } from "./backend.ts";
import { toData, toEntry, toValue } from "./data.ts";
import { decide, isHit } from "./decide.ts";
import { endWordOf } from "./end_word.ts";
import { remembered } from "./names.ts";
import type { Push } from "./push.ts";
import { Refusal } from "./refusal.ts";
import { inOrder } from "./request_order.ts";
import { MOST_TRIES } from "./retry.ts";

/** The options of {@linkcode makeStore}. */
export interface StoreOptions<Found extends Row> {
  /** The backend's name, for errors, spans and logs. */
  readonly name: string;
  /** What it can do. */
  readonly backend: Backend<Found>;
  /** Gives the name of a key there; throws for a key that can't have one. */
  readonly nameOf: (key: string) => string;
  /** How values become text or bytes; JSON by default. */
  readonly codec?: Codec | undefined;
  /** Whether one request may overtake another, as on the connections of a pool: then a release waits for its acquire. */
  readonly unordered?: boolean;
  /** What a client's error means, where its own message doesn't say it. */
  readonly explain?: (
    error: unknown,
    operation: AdapterOperation,
  ) => AdapterErrorOptions | undefined;
  /** Wakes followers; without it they poll. */
  readonly push?: Push | undefined;
  /** Gives the topic of a name: the name itself by default. */
  readonly topicOf?: (name: string) => string;
}

/**
 * Makes a store of a backend. It does names, codecs, the choice of the leader, entries that can't be read, and typed errors
 * for all adapters. Throws a `TypeError` for a codec that can't be used.
 *
 * Each operation but `watch` is one promise, which the engine runs without a fiber of its own.
 */
export function makeStore<Found extends Row>(options: StoreOptions<Found>): Store<unknown> {
  const { name, explain, push, topicOf = (name: string) => name } = options;
  const backend = options.unordered ? inOrder(options.backend) : options.backend;
  const codec = codecOf(options.codec);
  const nameOf = remembered(options.nameOf);

  const run = <A, B = A>(
    operation: AdapterOperation,
    key: string,
    ask: (target: Target) => Promise<A>,
    read?: (answer: A) => B | PromiseLike<B>,
  ) => {
    const errorOf = (error: unknown) => toError(operation, key, error, explain);
    return attempt(
      operation,
      key,
      (signal) => ask({ key, name: nameOf(key), signal }),
      read,
      errorOf,
    );
  };

  // What was copied last is mostly filled next: it is encoded once.
  let encoded: { readonly value: unknown; readonly data: string | Uint8Array } | undefined;
  const dataOf = (value: unknown) => {
    const known = encoded;
    encoded = undefined;
    return known !== undefined && known.value === value ? known.data : toData(codec, value);
  };

  return {
    name,
    copy(value) {
      encoded = { value, data: toData(codec, value) };
      const copied = toValue(codec, encoded.data);
      if (!isPromise(copied)) return copied;
      copied.then(done, done);
      return structuredClone(value);
    },
    get: (key, aged = false) =>
      run(
        "get",
        key,
        (target) => backend.read(target, aged),
        (row) => row?.data === undefined ? undefined : toEntry(codec, row),
      ),
    set: (key, value, lifetime) =>
      run(
        "set",
        key,
        (target) => backend.write(target, { ...bounded(lifetime), data: toData(codec, value) }),
        done,
      ),
    expire: (key) => run("expire", key, (target) => backend.expire(target), done),
    delete: (key) => run("delete", key, (target) => backend.remove(target), done),
    acquire: (key, owner, ttl, { waitedFor, freshBelow = 0, backOff = false } = {}) =>
      run(
        "acquire",
        key,
        (target) =>
          acquire<Found>(codec, key, { owner, ttl, waitedFor, freshBelow, backOff }, (wanted) =>
            backend.take(target, wanted)),
      ),
    renew: (key, owner, ttl) =>
      run("renew", key, (target) => backend.renew(target, { owner, ttl })),
    fill: (key, owner, value, lifetime) =>
      run(
        "fill",
        key,
        (target) => backend.fill(target, { ...bounded(lifetime), owner, data: dataOf(value) }),
      ),
    release: (key, owner, outcome, failure) =>
      run(
        "release",
        key,
        (target) =>
          backend.release(target, {
            owner,
            outcome: endWordOf(outcome, failure),
            failure: failure && memorable(failure),
          }),
        done,
      ),
    withCodec: (codec) => makeStore({ ...options, codec }),
    ...(push && {
      closeIdle: push.closeIdle,
      watch: (key: string) =>
        Effect.suspend(() => {
          try {
            return push.watch(topicOf(nameOf(key)), key);
          } catch (error) {
            return Effect.fail(toError("watch", key, error));
          }
        }),
    }),
  };
}

const done = () => {};

/** A failure that is no longer remembered than the longest lease may live. */
function memorable({ failures, quietFor }: Failure): Failure {
  return { failures, quietFor: Math.min(quietFor, LONGEST_LEASE - FAILURES_REMEMBERED) };
}

const STRANGER = {
  reason: "what was in its place is no lease; it is replaced",
  corrupt: true,
};

/** Asks for the lease, and once more for each fresh entry in its way that can't be read. */
async function acquire<Found extends Row>(
  codec: Codec,
  key: string,
  wanted: Wanted<Found>,
  take: (wanted: Wanted<Found>) => Promise<Found>,
): Promise<Acquired<unknown>> {
  let ignored: Found | undefined;
  for (let tries = 0; tries < MOST_TRIES; tries++) {
    const found = await take({ ...wanted, ignored });
    const read = found.data === undefined ? undefined : readable(codec, found);
    const entry = isPromise(read) ? await read : read;
    if (!isHit(found, wanted)) {
      const decision = decide(found, wanted, entry);
      if (decision?._tag === "Leader" && found.replaced) {
        return { ...decision, replaced: new AdapterError("acquire", key, undefined, STRANGER) };
      }
      if (decision !== undefined) return decision;
      throw new Refusal("the backend neither gave the lease nor named its owner");
    }
    if (entry !== undefined) return { _tag: "Hit", entry };
    ignored = found;
  }
  throw new Refusal(
    `other programs stored a value that can't be decoded, before each of ${MOST_TRIES} tries`,
  );
}

function readable(
  codec: Codec,
  row: Row,
): Entry<unknown> | undefined | PromiseLike<Entry<unknown> | undefined> {
  try {
    const entry = toEntry(codec, row);
    return isPromise(entry) ? entry.then((entry) => entry, () => undefined) : entry;
  } catch {
    return undefined;
  }
}

/** How an operation has failed. */
function toError(
  operation: AdapterOperation,
  key: string,
  error: unknown,
  explain?: StoreOptions<Row>["explain"],
): AdapterError {
  if (isAdapterError(error)) return error;
  if (error instanceof Refusal) {
    const { message: reason, corrupt, cause } = error;
    return new AdapterError(operation, key, cause, { reason, corrupt });
  }
  return new AdapterError(operation, key, error, explain?.(error, operation));
}
