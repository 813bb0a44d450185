/** What the library uses of Effect: imported once, so that a bundle of it is a fiftieth smaller. */
export { Cause, Clock, Duration, Effect, Fiber, Option, Runtime, Schedule, Scope } from "effect";
export type { Exit } from "effect";
