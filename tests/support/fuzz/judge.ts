import { Cause, Effect } from "effect";
import fc from "fast-check";
import assert from "node:assert/strict";
import {
  type AdapterError,
  type CacheLockingError,
  formatCacheLockingError,
  isAdapterError,
  isCacheLockingError,
} from "../../../src/model/errors.ts";
import { causeKind } from "../../../src/effect/cause.ts";
import { variable } from "../address.ts";
import { assertTellsNothing } from "../../conformance/told.ts";

/** An error that the library may fail with. */
export type Told = CacheLockingError | AdapterError;

/** What became of a call that could end in these two ways alone. */
export type Outcome<A> =
  | { readonly value: A; readonly error?: undefined }
  | { readonly error: Told; readonly value?: undefined };

/** How long anything may take before it counts as hanging, in milliseconds. */
const HANGS = 15_000;

/** What a failing property prints; `FUZZ_SEED` repeats it, and `FUZZ_RUNS` tries harder. */
const parameters = (runs: number): fc.Parameters<unknown> => {
  const seed = variable("FUZZ_SEED");
  return {
    numRuns: Number(variable("FUZZ_RUNS") ?? runs),
    ...(seed === undefined ? {} : { seed: Number(seed) }),
  };
};

/** Tries a property with inputs by chance; one that hangs fails. */
export async function holds<Inputs>(
  inputs: fc.Arbitrary<Inputs>,
  property: (inputs: Inputs) => Promise<unknown>,
  runs = 40,
): Promise<void> {
  const tried = fc.asyncProperty(inputs, async (inputs) => void await property(inputs));
  await fc.assert(tried, { ...parameters(runs), timeout: HANGS } as fc.Parameters<[Inputs]>);
}

/**
 * Runs an effect, which may neither throw nor die, nor fail with what is no error of the library's, nor with one that tells
 * a secret but in an error of the caller's `own`.
 */
export async function outcomeOf<A>(
  run: () => Effect.Effect<A, unknown, unknown>,
  own: readonly unknown[] = [],
): Promise<Outcome<A>> {
  const exit = await Effect.runPromiseExit(run() as Effect.Effect<A, unknown>);
  if (exit._tag === "Success") return { value: exit.value };
  const error = Cause.squash(exit.cause);
  assert.equal(causeKind(exit.cause), "Fail", `a defect: ${shown(error)}`);
  assert.ok(isCacheLockingError(error) || isAdapterError(error), `no typed error: ${shown(error)}`);
  assertTellsNothing(error, own);
  return { error };
}

/** What an error tells: what it is about, and nothing of a value. */
export function tells(error: Told, about: string, own: readonly unknown[] = []): void {
  assert.ok(error.message.includes(about), `${error.message} doesn't name ${about}`);
  assertTellsNothing(error, own);
}

/** The value of a call that must not fail. */
export async function valueOf<A>(run: () => Effect.Effect<A, unknown>): Promise<A> {
  const outcome = await outcomeOf(run);
  if (outcome.error !== undefined) assert.fail(formatCacheLockingError(outcome.error));
  return outcome.value;
}

function shown(error: unknown): string {
  return error instanceof Error ? error.stack ?? error.message : typeof error;
}
