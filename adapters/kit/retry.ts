import { Refusal } from "./refusal.ts";

/** The most tries, by default. */
export const MOST_TRIES = 5;

/** The longest pause after the first try, in milliseconds; it doubles with each, up to the last. */
const FIRST_PAUSE = 8;
const LAST_PAUSE = 64;

/** A lost race: `retry` tries again, and the last one is the operation's failure. */
export class Contention extends Refusal {
  constructor() {
    super(`others wrote it during each of ${MOST_TRIES} tries`);
  }
}

/** The options of {@linkcode retry}. */
export interface RetryOptions {
  /** Whether an error is worth another try; by default only a {@linkcode Contention} is. */
  readonly again?: (error: unknown) => boolean;
  /** The most tries: {@linkcode MOST_TRIES} by default. */
  readonly most?: number;
  /** Waits so many milliseconds: {@linkcode sleep} by default. */
  readonly pause?: (millis: number) => Promise<unknown>;
}

/**
 * Tries something that others may be in the way of, a few times, with a short pause in between, whose length is chance;
 * no more once the caller has left.
 */
export async function retry<A>(
  { signal }: { readonly signal: () => AbortSignal },
  run: () => Promise<A> | A,
  { again = (error) => error instanceof Contention, most = MOST_TRIES, pause = sleep }:
    RetryOptions = {},
): Promise<A> {
  for (let tries = 1;; tries++) {
    try {
      return await run();
    } catch (error) {
      if (tries === most || !again(error) || signal().aborted) throw error;
      await pause(Math.random() * Math.min(FIRST_PAUSE * 2 ** (tries - 1), LAST_PAUSE));
      if (signal().aborted) throw error;
    }
  }
}

/** Waits so many milliseconds. */
export function sleep(millis: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, millis));
}
