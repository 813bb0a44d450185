/** The time of this process. */
export interface Time {
  /** Milliseconds that never go back. */
  readonly monotonic: () => number;
  /** Waits so many milliseconds. */
  readonly pause: (millis: number) => Promise<unknown>;
}

/** The machine's own. */
export const machineTime: Time = {
  monotonic: () => performance.now(),
  pause: (millis) => new Promise((resolve) => setTimeout(resolve, millis)),
};
