/** The phase of a call in which an error arose. */
export type Phase =
  | "options"
  | "get"
  | "set"
  | "delete"
  | "acquire"
  | "renew"
  | "fetch"
  | "fill"
  | "release"
  | "ready"
  | "wait"
  | "watch"
  | "hook"
  | "signal";

/** Where an error arose: the key and the adapter as far as they are known, and the phase of the call. */
export interface ErrorContext {
  /** The key of the call. */
  readonly key?: string | undefined;
  /** What the call was doing. */
  readonly phase: Phase;
  /** The name of the adapter. */
  readonly adapter?: string | undefined;
}

/** What tells the kinds of a {@linkcode CacheLockingError} apart. */
export type CacheLockingErrorTag =
  | "VALIDATION_ERROR"
  | "CACHE_GET_FAILED"
  | "CACHE_SET_FAILED"
  | "LEASE_ACQUIRE_FAILED"
  | "LEASE_RELEASE_FAILED"
  | "LEASE_READY_FAILED"
  | "FETCHER_FAILED"
  | "HOOK_FAILED"
  | "WAIT_STRATEGY_FAILED"
  | "WAIT_FAILED"
  | "ABORTED";

/** One kind of {@linkcode CacheLockingError}: an `Error` with its tag and where it arose. */
export interface TaggedCacheLockingError<Tag extends CacheLockingErrorTag> extends Error {
  /** The kind of the error, for `Effect.catchTag`. */
  readonly _tag: Tag;
  /** Where it arose. */
  readonly context: ErrorContext;
  /** What it came from, where there is something. */
  readonly cause?: unknown;
}

/**
 * Everything that a call can fail with, apart from its own fetcher's and hooks' errors.
 *
 * | tag | when |
 * | --- | --- |
 * | `VALIDATION_ERROR` | an option, or what `cacheTtl` or `shouldCache` said, is not what it must be |
 * | `CACHE_GET_FAILED` | the entry could not be read |
 * | `CACHE_SET_FAILED` | a value could not be stored or deleted |
 * | `LEASE_ACQUIRE_FAILED` | the lease could not be asked for or renewed |
 * | `LEASE_RELEASE_FAILED` | the lease could not be released; it ends by itself |
 * | `LEASE_READY_FAILED` | a hand-written `markReady` or `isReady` failed |
 * | `FETCHER_FAILED` | a fetcher threw, or the fetches that this caller waited for failed too often |
 * | `HOOK_FAILED` | a hook threw |
 * | `WAIT_STRATEGY_FAILED` | the wait strategy threw or returned no duration |
 * | `WAIT_FAILED` | the push could not be had; waiting goes on by polling |
 * | `ABORTED` | the caller's `signal` was aborted |
 */
export type CacheLockingError = {
  readonly [Tag in CacheLockingErrorTag]: TaggedCacheLockingError<Tag>;
}[CacheLockingErrorTag];

/** What the errors of every copy of the library have, and no other error. */
const BRAND = Symbol.for("cache-locking/CacheLockingError");

class CacheLockingFailure<Tag extends CacheLockingErrorTag> extends Error
  implements TaggedCacheLockingError<Tag> {
  readonly [BRAND] = true;
  readonly _tag: Tag;
  readonly context: ErrorContext;

  constructor(tag: Tag, message: string, context: ErrorContext, cause: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = tag;
    this._tag = tag;
    this.context = context;
  }
}

/** Makes the error of one tag. */
export function cacheLockingError<Tag extends CacheLockingErrorTag>(
  tag: Tag,
  message: string,
  context: ErrorContext,
  cause?: unknown,
): TaggedCacheLockingError<Tag> {
  return new CacheLockingFailure(tag, message, context, cause);
}

/** Whether a value is a {@linkcode CacheLockingError}, from this copy of the library or another. */
export function isCacheLockingError(value: unknown): value is CacheLockingError {
  return value instanceof Error && BRAND in value;
}

/**
 * Handlers for {@linkcode matchCacheLockingError}: one per tag, and `_` for the rest, which also takes what is no
 * {@linkcode CacheLockingError}.
 */
export type CacheLockingErrorHandlers<A, Other = never> =
  & { readonly [Tag in CacheLockingErrorTag]?: (error: TaggedCacheLockingError<Tag>) => A }
  & { readonly _: (error: CacheLockingError | Other) => A };

/**
 * Runs the handler of the error's tag, or `_`.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { Cache, matchCacheLockingError } from "cache-locking";
 * import { Effect } from "effect";
 *
 * const program = Cache.getOrSet({ adapter: "memory", key: "", fetcher: () => Effect.succeed(1) });
 *
 * const message = await Effect.runPromise(Effect.match(program, {
 *   onSuccess: () => "found",
 *   onFailure: (error) =>
 *     matchCacheLockingError(error, {
 *       VALIDATION_ERROR: (error) => error.message,
 *       _: () => "something else",
 *     }),
 * }));
 *
 * assert.equal(message, 'Cannot use the option `key`: it must be a non-empty string, and is ""');
 * ```
 */
export function matchCacheLockingError<A, E>(
  error: E,
  handlers: CacheLockingErrorHandlers<A, Exclude<E, CacheLockingError>>,
): A {
  const handler = isCacheLockingError(error) ? handlers[error._tag] : undefined;
  return ((handler ?? handlers._) as (error: E) => A)(error);
}

/** One line for logs: tag, phase, key, adapter and message. Nothing of a value is in it. */
export function formatCacheLockingError(error: unknown): string {
  if (!isCacheLockingError(error)) return error instanceof Error ? error.message : String(error);
  const { phase, key, adapter } = error.context;
  const where = [
    `phase=${phase}`,
    ...(key === undefined ? [] : [`key=${JSON.stringify(key)}`]),
    ...(adapter === undefined ? [] : [`adapter=${adapter}`]),
  ];
  return `${error._tag} (${where.join(" ")}): ${error.message}`;
}

/** An operation of a backend, as {@linkcode AdapterError} names it. */
export type AdapterOperation =
  | "get"
  | "set"
  | "delete"
  | "acquire"
  | "renew"
  | "fill"
  | "release"
  | "ready"
  | "watch";

const actions: Readonly<Record<AdapterOperation, string>> = {
  get: "read the entry of",
  set: "store the value of",
  delete: "delete",
  acquire: "acquire the lease for",
  renew: "renew the lease for",
  fill: "store the value of",
  release: "release the lease for",
  ready: "ask or say whether the leader is done with",
  watch: "watch",
};

/** What {@linkcode AdapterError} takes besides. */
export interface AdapterErrorOptions {
  /** Why, in place of the cause's own message. */
  readonly reason?: string | undefined;
  /** See {@linkcode AdapterError.corrupt}. */
  readonly corrupt?: boolean | undefined;
}

/**
 * How a backend fails: an adapter's operation could not be done.
 *
 * The engine turns it into the {@linkcode CacheLockingError} of the phase, with this error as its cause. Losing a lease
 * is no failure: contention is an answer, never an error.
 */
export class AdapterError extends Error {
  /** For `Effect.catchTag`. */
  readonly _tag = "ADAPTER_ERROR" as const;
  /** What the adapter was asked to do. */
  readonly operation: AdapterOperation;
  /** The key that it was asked for, without any prefix of the adapter's own. */
  readonly key: string;
  /** True where there is an entry whose bytes can't be decoded: a miss, but one to report. */
  readonly corrupt: boolean;

  /** Names the operation and the key; the cause is what the client threw. */
  constructor(
    operation: AdapterOperation,
    key: string,
    cause?: unknown,
    { reason, corrupt = false }: AdapterErrorOptions = {},
  ) {
    // Where a name has several addresses, Node's error of a connection has a code and no message.
    const { message, code } = cause instanceof Error ? cause as { code?: unknown } & Error : {};
    const why = reason ?? (message || code || "the backend failed");
    super(
      `Cannot ${actions[operation] ?? operation} ${JSON.stringify(key)}: ${why}`,
      cause === undefined ? undefined : { cause },
    );
    this.name = "AdapterError";
    this.operation = operation;
    this.key = key;
    this.corrupt = corrupt;
  }
}

/** Whether a value is an {@linkcode AdapterError}, from this copy of the library or another. */
export function isAdapterError(value: unknown): value is AdapterError {
  return value instanceof Error && "_tag" in value && value._tag === "ADAPTER_ERROR";
}
