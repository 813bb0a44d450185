import type { Effect } from "effect";
import { callback } from "../../src/effect/callback.ts";

/** Never ends, as `Effect.never`, which in Effect 3 holds the process until it is interrupted. */
export const hanging: Effect.Effect<never> = callback<never, never>(() => {});
