import * as Duration from "effect/Duration";

/** Everything that Effect's `Duration` accepts: a `Duration`, milliseconds, `'5 seconds'`, … */
export type DurationInput = Parameters<typeof Duration.toMillis>[0];

const known = new Map<string, number | undefined>();

/** The milliseconds of a duration, which may be `Infinity`. Undefined for other values, and for a negative duration. */
export function millisOf(input: unknown): number | undefined {
  if (typeof input !== "string") return parse(input);
  // A program says the same few over and over, and to parse one costs more than a hit.
  if (known.has(input)) return known.get(input);
  if (known.size === 100) known.clear();
  const millis = parse(input);
  known.set(input, millis);
  return millis;
}

function parse(input: unknown): number | undefined {
  const millis = typeof input === "number"
    ? input
    : input === "Infinity"
    ? Infinity
    : parsed(input);
  return millis >= 0 ? millis : undefined;
}

function parsed(input: unknown): number {
  // Effect 3 turns texts below zero into zero, and Effect 4 any object: they are looked at before.
  if (typeof input === "string" && input.trim().startsWith("-")) return NaN;
  if (typeof input === "object" && !Duration.isDuration(input) && !Array.isArray(input)) {
    return sumOf(input ?? {});
  }
  try {
    return Duration.toMillis(input as DurationInput);
  } catch {
    return NaN; // Effect throws for what is no duration
  }
}

const units: Readonly<Record<string, number>> = {
  weeks: 604_800_000,
  days: 86_400_000,
  hours: 3_600_000,
  minutes: 60_000,
  seconds: 1000,
  milliseconds: 1,
  microseconds: 1e-3,
  nanoseconds: 1e-6,
};

/** The milliseconds of Effect 4's duration objects, such as `{ seconds: 5 }`, which Effect 3 doesn't know. */
function sumOf(parts: object): number {
  const known = Object.entries(parts).filter(([, value]) => value !== undefined);
  return known.reduce(
    (sum, [unit, value]) => sum + (typeof value === "number" ? value * units[unit]! : NaN),
    known.length > 0 ? 0 : NaN,
  );
}
