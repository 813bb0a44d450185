/**
 * Judges every error that the library makes, in whatever test: none may tell a secret, or what was stored lately. The runner
 * loads this module before each suite, so that no test has to ask for it; the processes of a suite import it. An error that
 * tells is an unhandled rejection, which fails the test that runs, or ends the process, and so fails who waits for it; what a
 * timer or a microtask throws doesn't on Deno.
 *
 * @module
 */
import {
  AdapterError,
  type CacheLockingError,
  CacheLockingFailure,
  isAdapterError,
} from "../../src/model/errors.ts";
import { jsonCodec } from "../../src/store/codec.ts";
import { assertTellsNothing, SECRETS } from "../conformance/told.ts";

/** How many of the values that were encoded last are remembered, and how long their texts must be to say anything. */
const REMEMBERED = 50;
const SHORTEST = 8;

/** The tags of errors whose cause may be what the caller's own code threw. */
const ofCallers: readonly CacheLockingError["_tag"][] = [
  ...["FETCHER_FAILED", "HOOK_FAILED", "WAIT_STRATEGY_FAILED"] as const,
  ...["VALIDATION_ERROR", "ABORTED"] as const,
];

const stored: string[] = [];
let position = 0;
const { encode } = jsonCodec;
jsonCodec.encode = (value) => {
  const text = encode(value) as string;
  if (text.length >= SHORTEST) stored[position++ % REMEMBERED] = text;
  return text;
};

/** An `Error` that is judged once its fields are there. */
class Judged extends Error {
  constructor(message?: string, options?: ErrorOptions) {
    super(message, options);
    const secrets = [...SECRETS, ...stored];
    void Promise.resolve().then(() => judgeError(this as never, secrets));
  }
}

// What a class extends is what `super` calls.
for (const each of [AdapterError, CacheLockingFailure]) Object.setPrototypeOf(each, Judged);

/** Throws if the error tells a secret, by default one of now; the caller's own error may. */
export function judgeError(
  error: CacheLockingError | AdapterError,
  secrets: readonly string[] = [...SECRETS, ...stored],
): void {
  const isOwn = !isAdapterError(error) && error.cause !== undefined &&
    ofCallers.includes(error._tag);
  assertTellsNothing(error, isOwn ? [error.cause] : [], secrets);
}
