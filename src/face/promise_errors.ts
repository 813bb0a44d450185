import {
  type CacheLockingErrorTag,
  CacheLockingFailure,
  type ErrorContext,
} from "../model/errors.ts";

/** The kinds of {@linkcode CacheLockingError}. */
export type CacheLockingErrorCode = CacheLockingErrorTag;

/**
 * What a call fails with, apart from what its own fetcher and hooks throw and the reason of its signal.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { CacheLockingError, createCache } from "cache-locking/promise";
 *
 * const users = createCache({ adapter: "memory" });
 *
 * try {
 *   await users.getOrSet("", () => "Ada");
 *   assert.fail("An empty key is no key");
 * } catch (error) {
 *   assert(error instanceof CacheLockingError);
 *   assert.equal(error.code, "VALIDATION_ERROR");
 *   assert.equal(error.context.phase, "options");
 * }
 * ```
 */
export interface CacheLockingError extends Error {
  /** The kind of the error. */
  readonly code: CacheLockingErrorCode;
  /** The place of the error: the phase of the call, the key and the adapter. */
  readonly context: ErrorContext;
  /** The error that caused it, if there is one. */
  readonly cause?: unknown;
}

/** The class of {@linkcode CacheLockingError}, for `instanceof`. Only the library makes instances. */
export interface CacheLockingErrorClass {
  /** The library's own. */
  new (...args: never): CacheLockingError;
  /** What all errors have. */
  readonly prototype: CacheLockingError;
  /** Whether it is an error of the library, of this copy or another. */
  [Symbol.hasInstance](value: unknown): value is CacheLockingError;
}

/** The class of {@linkcode CacheLockingError}, for `instanceof`. */
export const CacheLockingError: CacheLockingErrorClass = CacheLockingFailure as never;
