import { Effect } from "effect";
import { memoryAdapter } from "../../adapters/memory.ts";
import { Cache } from "../../mod.ts";
import type { Flags } from "./flags.ts";
import type { Herds } from "./herd.ts";
import { type GetOrSet, type Got, optionsOf, prepare, runHerd, through } from "./run_herd.ts";

/** The same herd twice in this process: first with nothing but a Map, then with the memory adapter. */
export async function memoryHerds(flags: Flags): Promise<Herds> {
  const values = new Map<string, string>();
  const unprotected: GetOrSet = (key, fetcher) =>
    Effect.suspend((): Effect.Effect<Got, Error> => {
      const value = values.get(key);
      if (value !== undefined) return Effect.succeed({ value, outcome: "HIT" });
      return Effect.map(fetcher, (value) => {
        values.set(key, value);
        return { value, outcome: "MISS" };
      });
    });

  const cache = Cache.make({ adapter: memoryAdapter(), ...optionsOf(flags) });
  await prepare(cache, flags);
  return {
    unprotected: await runHerd(flags, unprotected),
    protected: await runHerd(flags, through(cache)),
  };
}
