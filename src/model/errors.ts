import { quoted } from "./describe.ts";

/** The phase of a call in which an error arose. */
export type Phase =
  | "options"
  | "get"
  | "set"
  | "expire"
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
  | "close"
  | "signal";

/** The place of an error: the phase of the call, and the key and the adapter if they are known. */
export interface ErrorContext {
  /** The key of the call. */
  readonly key?: string | undefined;
  /** The phase of the call. */
  readonly phase: Phase;
  /** The name of the adapter. */
  readonly adapter?: string | undefined;
}

/** The tags of the kinds of {@linkcode CacheLockingError}. */
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
  | "CIRCULAR_FETCH"
  | "CLOSED"
  | "ABORTED";

/** One kind of {@linkcode CacheLockingError}: an `Error` with its tag and its place. */
export interface TaggedCacheLockingError<Tag extends CacheLockingErrorTag> extends Error {
  /** The kind of the error, for `Effect.catchTag`. */
  readonly _tag: Tag;
  /** The place of the error. */
  readonly context: ErrorContext;
  /** The error that caused it, if there is one. */
  readonly cause?: unknown;
}

/**
 * The errors of a call, apart from those of its own fetcher and hooks.
 *
 * | tag | reason |
 * | --- | --- |
 * | `VALIDATION_ERROR` | an option or a client is not valid, or `cacheTtl` or `shouldCache` threw or returned a bad value |
 * | `CACHE_GET_FAILED` | the entry could not be read |
 * | `CACHE_SET_FAILED` | a value could not be stored or deleted |
 * | `LEASE_ACQUIRE_FAILED` | the lease could not be acquired or renewed |
 * | `LEASE_RELEASE_FAILED` | the lease could not be released; it expires by itself |
 * | `LEASE_READY_FAILED` | a hand-written `markReady` or `isReady` failed |
 * | `FETCHER_FAILED` | a fetcher threw, or too many fetches failed while this caller waited |
 * | `HOOK_FAILED` | a hook threw |
 * | `WAIT_STRATEGY_FAILED` | the wait strategy threw or returned no duration |
 * | `WAIT_FAILED` | the push failed; the caller goes on waiting and polls |
 * | `CIRCULAR_FETCH` | a key was asked for by its own fetcher, directly or through others |
 * | `CLOSED` | the client was closed, before the call or meanwhile |
 * | `ABORTED` | the caller's `signal` was aborted |
 */
export type CacheLockingError = {
  readonly [Tag in CacheLockingErrorTag]: TaggedCacheLockingError<Tag>;
}[CacheLockingErrorTag];

/** The mark of the errors of every copy of the library. */
const BRAND = Symbol.for("cache-locking/CacheLockingError");

/** The class of these errors; `instanceof` also knows those of another copy of the library. */
export class CacheLockingFailure<Tag extends CacheLockingErrorTag> extends Error
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

  static override [Symbol.hasInstance](value: unknown): boolean {
    return isCacheLockingError(value);
  }

  /** The tag, as those who don't use Effect know it. */
  get code(): Tag {
    return this._tag;
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
 * Handlers for {@linkcode matchCacheLockingError}: one per tag, and `_` for all other errors, also of other types than
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
 * assert.equal(message, 'Cannot use the option `key`: it must be a non-empty string of at most 64 kB, and is ""');
 * ```
 */
export function matchCacheLockingError<A, E>(
  error: E,
  handlers: CacheLockingErrorHandlers<A, Exclude<E, CacheLockingError>>,
): A {
  const handler = isCacheLockingError(error) ? handlers[error._tag] : undefined;
  return ((handler ?? handlers._) as (error: E) => A)(error);
}

/** One line for logs: tag, phase, key, adapter and message. It never holds a value. */
export function formatCacheLockingError(error: unknown): string {
  try {
    return lineOf(error);
  } catch {
    return "a value without a text"; // An object without a prototype, a revoked proxy, …
  }
}

function lineOf(error: unknown): string {
  if (!isCacheLockingError(error)) return String(error instanceof Error ? error.message : error);
  const { phase, key, adapter } = error.context;
  const where = [
    `phase=${phase}`,
    ...(key === undefined ? [] : [`key=${quoted(key)}`]),
    ...(adapter === undefined ? [] : [`adapter=${adapter}`]),
  ];
  return `${error._tag} (${where.join(" ")}): ${error.message}`;
}

/** The operations of a backend, for {@linkcode AdapterError}. */
export type AdapterOperation =
  | "get"
  | "set"
  | "expire"
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
  expire: "expire",
  delete: "delete",
  acquire: "acquire the lease for",
  renew: "renew the lease for",
  fill: "store the value of",
  release: "release the lease for",
  ready: "read or write whether the leader is done with",
  watch: "watch",
};

/** The options of {@linkcode AdapterError}. */
export interface AdapterErrorOptions {
  /** The reason, in place of the cause's own message. */
  readonly reason?: string | undefined;
  /** See {@linkcode AdapterError.corrupt}. */
  readonly corrupt?: boolean | undefined;
}

/** What is told of a client's error. */
interface Told extends Error {
  code?: unknown;
}

/**
 * Tells a client's error: its name, message and code, its frames, and as much of the causes below it. All else stays out:
 * clients attach the command that failed, with its value or a password, or the response with the request's credentials.
 */
function toldOf(error: unknown, deeper = 4): Told | undefined {
  if (Object(error) !== error || deeper === 0) return undefined;
  try {
    const { name, message, code, stack, cause } = error as Readonly<Record<string, unknown>>;
    const told: Told = new Error(plain(message), { cause: toldOf(cause, deeper - 1) });
    told.name = plain(name) ?? "Error";
    told.code = plain(code);
    told.stack = told + (`${plain(stack)}`.match(/\n +at .+/g) ?? []).join("");
    return told;
  } catch {
    return undefined; // a getter threw
  }
}

function plain(value: unknown): string | undefined {
  return Object(value) === value ? undefined : value as string | undefined;
}

/**
 * The failure of one operation of a backend.
 *
 * The engine turns it into the {@linkcode CacheLockingError} of the phase, with this error as its cause. A lost lease is no
 * failure: contention is an answer, never an error.
 *
 * It holds no value and no credential: of the client's error it keeps the name, the message and the code.
 */
export class AdapterError extends Error {
  /** For `Effect.catchTag`. */
  readonly _tag = "ADAPTER_ERROR" as const;
  /** The operation that failed. */
  readonly operation: AdapterOperation;
  /** The key, without any prefix of the adapter's own. */
  readonly key: string;
  /** True for an entry that can't be decoded: a miss that is reported. */
  readonly corrupt: boolean;

  /** Takes the operation, the key and the client's error, of which the cause keeps the name, the message and the code. */
  constructor(
    operation: AdapterOperation,
    key: string,
    cause?: unknown,
    { reason, corrupt = false }: AdapterErrorOptions = {},
  ) {
    // Where a name has several addresses, Node's error of a connection has a code and no message.
    const told = toldOf(cause);
    const why = reason ?? (told?.message || told?.code || "the backend failed");
    super(
      beginning(operation, key) + why,
      told && { cause: told },
    );
    this.name = "AdapterError";
    this.operation = operation;
    this.key = key;
    this.corrupt = corrupt;
  }
}

/** The same failure, of another key. */
export function failureFor(key: string, error: AdapterError): AdapterError {
  const { operation, cause, message } = error;
  const before = beginning(operation, error.key);
  const reason = message.startsWith(before) ? message.slice(before.length) : undefined;
  return new AdapterError(operation, key, cause, { reason });
}

function beginning(operation: AdapterOperation, key: string): string {
  return `Cannot ${actions[operation] ?? operation} ${quoted(key)}: `;
}

/** Whether a value is an {@linkcode AdapterError}, from this copy of the library or another. */
export function isAdapterError(value: unknown): value is AdapterError {
  return value instanceof Error && "_tag" in value && value._tag === "ADAPTER_ERROR";
}
