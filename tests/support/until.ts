import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";

/** Looks every few milliseconds until a condition holds; throws after twenty seconds. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  for (const began = performance.now(); !await condition(); await sleep(5)) {
    assert.ok(performance.now() - began < 20_000, "it doesn't come to hold");
  }
}
