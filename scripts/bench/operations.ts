import { Effect } from "effect";
import { memoryAdapter } from "../../adapters/memory.ts";
import { Cache } from "../../mod.ts";
import { countedStore } from "./counted_store.ts";
import type { Goal } from "./goals.ts";

/** Counts what a call costs in operations of its store: these are exact, whatever the machine does. */
export async function countOperations(): Promise<Goal[]> {
  const { peek: _, ...memory } = memoryAdapter();
  const { store, seen } = countedStore(memory);
  const cache = Cache.make({ adapter: store });
  const get = (key: string) => cache.getOrSet(key, () => Effect.as(Effect.sleep(20), 1));
  const operationsOf = async (effect: Effect.Effect<unknown, unknown>) => {
    seen.length = 0;
    await Effect.runPromise(effect);
    return seen.join(" + ");
  };

  const herd = Array.from({ length: 1000 }, () => get("herd"));
  const counted = [
    ["a miss", "get + acquire + fill", await operationsOf(get("miss"))],
    ["a hit", "get", await operationsOf(get("miss"))],
    [
      "1000 callers of a cold key",
      "get + acquire + fill",
      await operationsOf(Effect.all(herd, { concurrency: "unbounded" })),
    ],
  ] as const;
  return [
    await synchronousHit(),
    ...counted.map(([name, expected, found]) => ({
      name: `${name}: ${expected}`,
      met: found === expected,
      found,
    })),
  ];
}

/** A hit in memory takes no asynchronous step: it can be run synchronously. */
async function synchronousHit(): Promise<Goal> {
  const cache = Cache.make({ adapter: memoryAdapter() });
  const get = cache.getOrSet("user:42", () => Effect.promise(() => Promise.resolve(1)));
  await Effect.runPromise(get);
  const exit = Effect.runSyncExit(get);
  return {
    name: "a hit in memory: no asynchronous step",
    met: exit._tag === "Success",
    found: exit._tag === "Success" ? "none" : "some",
  };
}
