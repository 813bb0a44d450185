import type { Clock } from "effect";

// Effect 3 and 4 name the synchronous readings differently; Effect 3's nanoseconds are monotonic, Effect 4 has both.
interface Readings {
  currentTimeMillisUnsafe?(): number;
  unsafeCurrentTimeMillis?(): number;
  monotonicTimeNanosUnsafe?(): bigint;
  unsafeCurrentTimeNanos?(): bigint;
}

/** The wall clock's time in epoch milliseconds: for what is shown and for what expires in this process. */
export function wallMillis(clock: Clock.Clock): number {
  const readings = clock as Readings;
  return readings.currentTimeMillisUnsafe?.() ?? readings.unsafeCurrentTimeMillis!();
}

/** A time in milliseconds that never goes back: for how long something took. */
export function monotonicMillis(clock: Clock.Clock): number {
  const readings = clock as Readings;
  const nanos = readings.monotonicTimeNanosUnsafe?.() ?? readings.unsafeCurrentTimeNanos!();
  return Math.round(Number(nanos) / 1e3) / 1e3;
}
