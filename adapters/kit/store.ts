import { attempt } from "../../src/store/attempt.ts";
import { type Codec, codecOf } from "../../src/store/codec.ts";
import { isPromise } from "../../src/store/is_promise.ts";
import { l1Store } from "../../src/store/l1.ts";
import * as Effect from "effect/Effect";
import {
  AdapterError,
  type AdapterErrorOptions,
  type AdapterOperation,
  isAdapterError,
} from "../../src/model/errors.ts";
import { FAILURES_REMEMBERED, LONGEST_LEASE } from "../../src/model/defaults.ts";
import type {
  Acquired,
  AcquireOptions,
  Changes,
  Entry,
  Failure,
  LeaseOutcome,
  Lifetime,
  OnMany,
  Store,
} from "../../src/store/store.ts";
import {
  type Backend,
  bounded,
  type LeaseEnd,
  type Row,
  type Target,
  type Wanted,
  type Written,
} from "./backend.ts";
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
  /** Whether the backend says for how much longer an entry is fresh only where it was stored with `took`. */
  readonly agedByTook?: boolean;
  /** Whether entries are to say what they are decoded from, for an L1. */
  readonly withData?: boolean;
  /** Tells of changes, for an L1. */
  readonly changes?: Changes | undefined;
  /** Tells of changes that the server itself sees, for an L1 that wants that; throws where it can't. */
  readonly tracked?: (() => Changes) | undefined;
  /** Wakes followers; without it they poll. */
  readonly push?: Push | undefined;
  /** Gives the topic of a name: the name itself by default. */
  readonly topicOf?: (name: string) => string;
  /** Gives the topic by which it is known, for a lease of a name, that this process is there. */
  readonly presenceOf?: ((name: string) => string) | undefined;
}

/**
 * Makes a store of a backend. It does names, codecs, the choice of the leader, entries that can't be read, and typed errors
 * for all adapters. Throws a `TypeError` for a codec that can't be used.
 *
 * Each operation but `watch` is one promise, which the engine runs without a fiber of its own.
 */
export function makeStore<Found extends Row>(options: StoreOptions<Found>): Store<unknown> {
  const { name, explain, push, topicOf = (name: string) => name, withData, presenceOf } = options;
  const { changes } = options;
  const backend = options.unordered ? inOrder(options.backend) : options.backend;
  const codec = codecOf(options.codec);
  const nameOf = remembered(options.nameOf);

  const errorOf = (operation: AdapterOperation, key: string) => (error: unknown) =>
    toError(operation, key, error, explain);

  const single = <Rest extends unknown[], Prepared, Answer, Meaning>(
    { operation, prepare, ask, read }: Recipe<Rest, Prepared, Answer, Meaning>,
  ) =>
  (key: string, ...rest: Rest) => {
    let target: Target;
    let prepared: Prepared;
    return attempt(
      operation,
      key,
      (signal) => {
        target = { key, name: nameOf(key), signal };
        return ask(target, prepared = prepare(...rest));
      },
      (answer) => read(answer, target, prepared),
      errorOf(operation, key),
    );
  };

  const many = <Rest extends unknown[], Prepared, Answer, Meaning>(
    { operation, prepare, ask, read }: Recipe<Rest, Prepared, Answer, Meaning>,
    askAll: (asked: readonly (readonly [Target, Prepared])[]) => Promise<readonly Answer[]>,
  ): (asked: readonly [key: string, ...rest: Rest][]) => OnMany<Meaning> =>
  (asked) =>
    attempt(operation, "", async (signal) => {
      const answers = new Array<Meaning | AdapterError>(asked.length);
      const indices: number[] = [];
      const all: (readonly [Target, Prepared])[] = [];
      asked.forEach(([key, ...rest], index) => {
        try {
          all.push([{ key, name: nameOf(key), signal }, prepare(...rest)]);
          indices.push(index);
        } catch (error) {
          answers[index] = errorOf(operation, key)(error);
        }
      });
      const found = all.length === 0 ? [] : await askAll(all).catch(() => undefined);
      // A lease that is taken now would be nobody's.
      if (found === undefined && signal().aborted) return answers;
      const late: PromiseLike<void>[] = [];
      // The functions are made for those alone that need them: there may be thousands.
      const settle = (at: number, meaning: Meaning | AdapterError) => {
        answers[indices[at]!] = meaning;
      };
      const fail = (at: number, error: unknown) =>
        settle(at, errorOf(operation, all[at]![0].key)(error));
      const settleLate = (at: number, meaning: PromiseLike<Meaning>) =>
        late.push(meaning.then((meaning) => settle(at, meaning), (error) => fail(at, error)));
      all.forEach(([target, prepared], at) => {
        try {
          // What fails together is asked for by itself, so that each key has its own failure.
          const meaning = found === undefined
            ? ask(target, prepared).then((answer) => read(answer, target, prepared))
            : read(found[at]!, target, prepared);
          if (isPromise(meaning)) settleLate(at, meaning);
          else settle(at, meaning);
        } catch (error) {
          fail(at, error);
        }
      });
      if (late.length > 0) await Promise.all(late);
      return answers;
    });

  // An L1 has to know when an entry ends.
  const livesFor = options.agedByTook && withData
    ? (lifetime: Lifetime | undefined) => bounded({ ...lifetime, took: lifetime?.took ?? 0 })
    : bounded;

  // What was copied last is mostly filled next: it is encoded once.
  let encoded: { readonly value: unknown; readonly data: string | Uint8Array } | undefined;
  const dataOf = (value: unknown) => {
    const known = encoded;
    encoded = undefined;
    return known !== undefined && known.value === value ? known.data : toData(codec, value);
  };

  const reading: Recipe<[aged?: boolean], boolean, Row | undefined, Entry<unknown> | undefined> = {
    operation: "get",
    prepare: (aged = false) => aged,
    ask: (target, aged) => backend.read(target, aged),
    read: (row) => row?.data === undefined ? undefined : toEntry(codec, row, withData),
  };
  const acquiring: Recipe<
    [owner: string, ttl: number, options?: AcquireOptions],
    Wanted<Found>,
    Found,
    Acquired<unknown>
  > = {
    operation: "acquire",
    prepare: (owner, ttl, { waitedFor, freshBelow = 0, backOff = false } = {}) => ({
      owner,
      ttl,
      waitedFor,
      freshBelow,
      backOff,
    }),
    ask: (target, wanted) => backend.take(target, wanted),
    read: (found, target, wanted) =>
      acquired((row) => readable(codec, row, withData), backend, target, wanted, found),
  };
  const renewing: Recipe<
    [owner: string, ttl: number],
    { readonly owner: string; readonly ttl: number },
    boolean,
    boolean
  > = {
    operation: "renew",
    prepare: (owner, ttl) => ({ owner, ttl }),
    ask: (target, lease) => backend.renew(target, lease),
    read: (held) => held,
  };
  const filling: Recipe<
    [owner: string, value: unknown, lifetime?: Lifetime],
    Written & { readonly owner: string },
    boolean,
    boolean
  > = {
    operation: "fill",
    prepare: (owner, value, lifetime) => ({ ...livesFor(lifetime), owner, data: dataOf(value) }),
    ask: (target, filled) => backend.fill(target, filled),
    read: (filled) => filled,
  };
  const releasing: Recipe<
    [owner: string, outcome: LeaseOutcome, failure?: Failure],
    LeaseEnd,
    unknown,
    void
  > = {
    operation: "release",
    prepare: (owner, outcome, failure) => ({
      owner,
      outcome: endWordOf(outcome, failure),
      failure: failure && memorable(failure),
    }),
    ask: (target, end) => backend.release(target, end),
    read: done,
  };

  const releaseMany = backend.releaseMany &&
    (async (asked: readonly (readonly [Target, LeaseEnd])[]) => {
      await backend.releaseMany!(asked);
      return asked;
    });

  // Those of many keys are announced at one moment.
  let gathered: Parameters<NonNullable<typeof backend.announce>>[0][number][] = [];
  const announced = (...one: typeof gathered[number]) => {
    if (gathered.push(one) > 1) return;
    Promise.resolve().then(() => {
      const asked = gathered;
      gathered = [];
      return backend.announce!(asked);
    }).catch(done);
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
    get: single(reading),
    ...(backend.readMany && { getMany: many(reading, backend.readMany) }),
    set: single({
      operation: "set",
      prepare: (value: unknown, lifetime?: Lifetime): Written => ({
        ...livesFor(lifetime),
        data: toData(codec, value),
      }),
      ask: (target, written) => backend.write(target, written),
      read: done,
    }),
    expire: single({
      operation: "expire",
      prepare: done,
      ask: (target) => backend.expire(target),
      read: done,
    }),
    delete: single({
      operation: "delete",
      prepare: done,
      ask: (target) => backend.remove(target),
      read: done,
    }),
    acquire: single(acquiring),
    ...(backend.takeMany && { acquireMany: many(acquiring, backend.takeMany) }),
    renew: single(renewing),
    ...(backend.renewMany && { renewMany: many(renewing, backend.renewMany) }),
    fill: single(filling),
    ...(backend.fillMany && { fillMany: many(filling, backend.fillMany) }),
    release: single(releasing),
    ...(releaseMany && { releaseMany: many(releasing, releaseMany) }),
    ...(changes && { changes }),
    withCodec: (codec) => makeStore({ ...options, codec }),
    withL1(l1) {
      const told = l1.tracking && options.tracked?.() || changes;
      return l1Store(makeStore({ ...options, changes: told, withData: true }), l1, {
        decode: (data) => toValue(codec, data),
      });
    },
    ...(push && presenceOf && {
      announce(key: string, owner: string) {
        const name = nameOf(key);
        const topic = presenceOf(name);
        const over = new AbortController();
        const target = { key, name, signal: () => over.signal };
        const letGo = push.hold(topic, () => announced(target, { owner, topic }));
        return () => {
          over.abort();
          letGo();
        };
      },
    }),
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

/** How an operation goes: what is sent is made of what it takes after the key, and what it means of the answer. */
interface Recipe<Rest extends unknown[], Prepared, Answer, Meaning> {
  readonly operation: AdapterOperation;
  prepare(...rest: Rest): Prepared;
  ask(target: Target, prepared: Prepared): Promise<Answer>;
  read(answer: Answer, target: Target, prepared: Prepared): Meaning | PromiseLike<Meaning>;
}

/** A failure that is no longer remembered than the longest lease may live. */
function memorable({ failures, quietFor }: Failure): Failure {
  return { failures, quietFor: Math.min(quietFor, LONGEST_LEASE - FAILURES_REMEMBERED) };
}

const STRANGER = {
  reason: "what was in its place is no lease; it is replaced",
  corrupt: true,
};

/** What came of a lease that was asked for, which is asked for once more for each fresh entry in its way that can't be read. */
function acquired<Found extends Row>(
  entryIn: (row: Found) => ReturnType<typeof readable>,
  backend: Backend<Found>,
  target: Target,
  wanted: Wanted<Found>,
  found: Found,
  tries = 1,
): Acquired<unknown> | PromiseLike<Acquired<unknown>> {
  const understand = (entry: Entry<unknown> | undefined) => {
    if (!isHit(found, wanted)) {
      const decision = decide(found, wanted, entry);
      if (decision?._tag === "Leader" && found.replaced) {
        return {
          ...decision,
          replaced: new AdapterError("acquire", target.key, undefined, STRANGER),
        };
      }
      if (decision !== undefined) return decision;
      throw new Refusal("the backend neither gave the lease nor named its owner");
    }
    if (entry !== undefined) return { _tag: "Hit", entry } as const;
    if (tries === MOST_TRIES) {
      throw new Refusal(
        `other programs stored a value that can't be decoded, before each of ${MOST_TRIES} tries`,
      );
    }
    return backend.take(target, { ...wanted, ignored: found }).then((next) =>
      acquired(entryIn, backend, target, wanted, next, tries + 1)
    );
  };
  const read = found.data === undefined ? undefined : entryIn(found);
  return isPromise(read) ? read.then(understand) : understand(read);
}

function readable(
  codec: Codec,
  row: Row,
  withData?: boolean,
): Entry<unknown> | undefined | PromiseLike<Entry<unknown> | undefined> {
  try {
    const entry = toEntry(codec, row, withData);
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
