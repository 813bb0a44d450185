import type { Target } from "./backend.ts";

/** The longest that timers take, in milliseconds. */
const LONGEST = 2 ** 31 - 1;

/**
 * Sends a request that goes on for so many milliseconds once nobody waits for it any more: cancelling an acquire doesn't
 * undo it.
 */
export async function withGracePeriod<A>(
  millis: number,
  target: Target,
  send: (target: Target) => Promise<A>,
): Promise<A> {
  const caller = target.signal();
  const controller = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const wait = () => timer = setTimeout(() => controller.abort(), Math.min(millis, LONGEST));
  if (caller.aborted) wait();
  else caller.addEventListener("abort", wait, { once: true });
  try {
    return await send({ ...target, signal: () => controller.signal });
  } finally {
    caller.removeEventListener("abort", wait);
    clearTimeout(timer);
  }
}
