import type * as Clock from "effect/Clock";
import * as Effect from "effect/Effect";

// Effect 3 and 4 name the synchronous readings differently; Effect 3's nanoseconds are monotonic, Effect 4 has both.
interface Readings {
  currentTimeMillisUnsafe?(): number;
  unsafeCurrentTimeMillis?(): number;
  monotonicTimeNanosUnsafe?(): bigint;
  unsafeCurrentTimeNanos?(): bigint;
}

/** The clock of this machine, which programs run by unless they are given another. */
export const machineClock: Clock.Clock = Effect.runSync(Effect.clockWith(Effect.succeed));

/** The wall clock's time in epoch milliseconds: for what is shown and for what expires in this process. */
export function wallMillis(clock: Clock.Clock): number {
  const readings = clock as Readings;
  return readings.currentTimeMillisUnsafe?.() ?? readings.unsafeCurrentTimeMillis!();
}

/** A time in milliseconds that never goes back: for how long something took. */
export function monotonicMillis(clock: Clock.Clock): number {
  // The same, without the cost of a bigint.
  if (clock === machineClock) return performance.now();
  const readings = clock as Readings;
  const nanos = readings.monotonicTimeNanosUnsafe?.() ?? readings.unsafeCurrentTimeNanos!();
  return Math.round(Number(nanos) / 1e3) / 1e3;
}

/** The same, in whole milliseconds. */
export function wholeMillis(clock: Clock.Clock): number {
  return Math.floor(monotonicMillis(clock));
}

/** The time by both clocks. */
export function timeOf(clock: Clock.Clock): { readonly wall: number; readonly monotonic: number } {
  return clock === machineClock
    ? { wall: Date.now(), monotonic: performance.now() }
    : { wall: wallMillis(clock), monotonic: monotonicMillis(clock) };
}
