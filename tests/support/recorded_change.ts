import { Effect } from "effect";
import type { RecordedProcess } from "./recorded_call.ts";

/** Deletes a key, and writes that down; says whether that went well. */
export function recordedDelete(
  { cache, recorder, process }: RecordedProcess,
  key: string,
): Effect.Effect<boolean> {
  return Effect.suspend(() => {
    const change = recorder.number();
    recorder.note(process, { type: "change", change, how: "delete", key });
    const deleting = Effect.match(cache.delete(key), {
      onSuccess: () => true,
      onFailure: () => false,
    });
    return Effect.tap(
      deleting,
      (ok) => Effect.sync(() => recorder.note(process, { type: "changed", change, ok })),
    );
  });
}
