import { Effect } from "effect";

const mark = (name: "Effect" | "Duration") =>
  "~effect/Effect" in Effect.void ? Symbol.for(`effect/${name}`) : `~effect/${name}`;

/** What another version of effect makes, as far as this one can tell: it bears the other's mark. */
export const otherEffect = {
  effect: { [mark("Effect")]: {} },
  duration: { [mark("Duration")]: {}, value: 5000 },
};
