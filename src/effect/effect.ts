/** What the library uses of Effect: imported once, so that a bundle of it is a fiftieth smaller. */
export {
  Cause,
  Clock,
  Duration,
  Effect,
  Exit,
  Fiber,
  Option,
  Runtime,
  Schedule,
  Scope,
  Tracer,
} from "effect";
