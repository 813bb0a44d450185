import * as Duration from "effect/Duration";
import * as Effect from "effect/Effect";

/** What marks an Effect or a duration of Effect 3, and of Effect 4. */
const marks = ["effect/Effect", "effect/Duration"].flatMap((
  name,
) => [Symbol.for(name), `~${name}`]);

/** Whether an object is an Effect or a duration of another version of effect, which this one can't use. */
export function isForeign(value: object): boolean {
  return marks.some((mark) => mark in value) && !Effect.isEffect(value) &&
    !Duration.isDuration(value);
}
