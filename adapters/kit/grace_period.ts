/** The longest that timers take, in milliseconds. */
const LONGEST = 2 ** 31 - 1;

/**
 * Sends a request that goes on for so many milliseconds once nobody waits for it any more: to cancel an acquire is not to
 * undo it.
 */
export async function withGracePeriod<A>(
  millis: number,
  unwanted: AbortSignal,
  send: (signal: AbortSignal) => Promise<A>,
): Promise<A> {
  const controller = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const wait = () => timer = setTimeout(() => controller.abort(), Math.min(millis, LONGEST));
  if (unwanted.aborted) wait();
  else unwanted.addEventListener("abort", wait, { once: true });
  try {
    return await send(controller.signal);
  } finally {
    unwanted.removeEventListener("abort", wait);
    clearTimeout(timer);
  }
}
