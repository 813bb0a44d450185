import { Duration } from "../effect/effect.ts";

/** Everything that Effect's `Duration` accepts: a `Duration`, milliseconds, `'5 seconds'`, … */
export type DurationInput = Parameters<typeof Duration.toMillis>[0];

const known = new Map<string, number | undefined>();

/** The milliseconds of a duration. Undefined for other values, and for a negative or infinite duration. */
export function finiteMillis(input: unknown): number | undefined {
  if (typeof input !== "string") return parse(input);
  // A program says the same few over and over, and to parse one costs more than a hit.
  if (known.has(input)) return known.get(input);
  if (known.size === 100) known.clear();
  const millis = parse(input);
  known.set(input, millis);
  return millis;
}

function parse(input: unknown): number | undefined {
  // Effect 3 turns numbers below zero and NaN into zero, and Effect 4 any object: they are looked at before.
  if (typeof input === "number") return input >= 0 && input < Infinity ? input : undefined;
  if (typeof input === "string" && input.trim().startsWith("-")) return undefined;
  if (typeof input === "object" && !Duration.isDuration(input) && !Array.isArray(input)) {
    return undefined;
  }
  try {
    const millis = Duration.toMillis(input as DurationInput);
    return millis >= 0 && millis < Infinity ? millis : undefined;
  } catch {
    return undefined; // Effect throws for what is no duration
  }
}
