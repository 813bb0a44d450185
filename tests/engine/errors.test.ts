import assert from "node:assert/strict";
import { test } from "node:test";
import { isCacheLockingError, matchCacheLockingError } from "../../mod.ts";

test("errors are known from another copy of the library, and from others of the same tag", () => {
  const parts = { _tag: "ABORTED", context: { phase: "signal" } } as const;
  const brand = { [Symbol.for("cache-locking/CacheLockingError")]: true };
  const copy = Object.assign(new Error("from a copy"), parts, brand);
  const own = Object.assign(new Error("from elsewhere"), parts);
  const match = (error: Error) => matchCacheLockingError(error, { ABORTED: () => 1, _: () => 2 });
  assert.deepEqual([copy, own].map(isCacheLockingError), [true, false]);
  assert.deepEqual([copy, own].map(match), [1, 2]);
});
