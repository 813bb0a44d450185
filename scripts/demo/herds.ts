import type { Flags } from "./flags.ts";
import type { Herds } from "./herd.ts";
import { memoryHerds } from "./memory_herds.ts";
import { redisHerds } from "./redis_herds.ts";

/** Runs the herds that the flags ask for: the one place that knows where herds come from. */
export function runHerds(flags: Flags): Promise<Herds> {
  return flags.adapter === "redis" ? redisHerds(flags) : memoryHerds(flags);
}
