import { Effect } from "effect";
import type { RecordedProcess } from "./recorded_call.ts";

/** Deletes a key, lets it expire, or sets it to a value of its own, and writes that down; says whether that went well. */
export function recordedChange(
  { cache, recorder, process }: RecordedProcess,
  how: "delete" | "expire" | "set",
  key: string,
): Effect.Effect<boolean> {
  return Effect.suspend(() => {
    const change = recorder.number();
    const value = `value of change ${change}`;
    recorder.note(process, { type: "change", change, how, key, ...how === "set" && { value } });
    const changing = Effect.match(how === "set" ? cache.set(key, value) : cache[how](key), {
      onSuccess: () => true,
      onFailure: () => false,
    });
    return Effect.tap(
      changing,
      (ok) => Effect.sync(() => recorder.note(process, { type: "changed", change, ok })),
    );
  });
}
