import { Effect } from "effect";
import { setTimeout as sleep } from "node:timers/promises";
import type { Store } from "../../mod.ts";
import { randomToken } from "../../src/model/token.ts";

/** Which keys have a lease that nobody ends any more, or an entry that never expires: those that can't be led in time. */
export async function leftoversOf(
  store: Store<unknown>,
  keys: readonly string[],
  { leaseTtl, within }: { readonly leaseTtl: number; readonly within: number },
): Promise<string[]> {
  const left = new Set(keys);
  const end = performance.now() + within;
  while (left.size > 0 && performance.now() < end) {
    for (const key of left) {
      const owner = randomToken();
      const { _tag } = await Effect.runPromise(store.acquire(key, owner, leaseTtl));
      if (_tag !== "Leader") continue;
      left.delete(key);
      await Effect.runPromise(store.release(key, owner, "cancelled"));
    }
    await sleep(100);
  }
  return [...left];
}
