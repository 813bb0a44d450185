import type { Failure, LeaseOutcome } from "../../src/store/store.ts";

/** How a lease ended, in a word: behind a colon stands what its failure tells, which has no spaces. */
export type EndWord = LeaseOutcome | `failed:${string}`;

/** The word of an end. */
export function endWordOf(outcome: LeaseOutcome, failure: Failure | undefined): EndWord {
  const { payload } = failure ?? {};
  return outcome === "failed" && payload !== undefined ? `failed:${payload}` : outcome;
}

/** The outcome that a word says, and what the failure tells, if it tells anything. */
export function readEndWord(
  word: unknown,
): { readonly outcome: unknown; readonly payload?: string | undefined } {
  if (typeof word !== "string" || !word.startsWith("failed:")) return { outcome: word };
  return { outcome: "failed", payload: word.slice("failed:".length) };
}
