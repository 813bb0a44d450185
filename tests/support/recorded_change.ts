import { Effect } from "effect";
import type { RecordedProcess } from "./recorded_call.ts";

/** Deletes a key, or lets it expire, and writes that down; says whether that went well. */
export function recordedChange(
  { cache, recorder, process }: RecordedProcess,
  how: "delete" | "expire",
  key: string,
): Effect.Effect<boolean> {
  return Effect.suspend(() => {
    const change = recorder.number();
    recorder.note(process, { type: "change", change, how, key });
    const changing = Effect.match(cache[how](key), {
      onSuccess: () => true,
      onFailure: () => false,
    });
    return Effect.tap(
      changing,
      (ok) => Effect.sync(() => recorder.note(process, { type: "changed", change, ok })),
    );
  });
}
