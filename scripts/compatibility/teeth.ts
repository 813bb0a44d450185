import { Effect } from "effect";
import { memoryAdapter } from "../../adapters/memory.ts";
import type { Store } from "../../mod.ts";
import type { Judgement } from "./judge.ts";
import { judgeWithin } from "./within.ts";

/** Stores that break what the judge looks for, each with what must be found out. */
const spoilt: readonly {
  readonly what: string;
  readonly found: keyof Judgement;
  readonly spoil: (store: Store<unknown>) => Partial<Store<unknown>>;
}[] = [
  {
    what: "everybody leads",
    found: "oneFetch",
    spoil: ({ get }) => ({
      acquire: (key, _owner, ttl) =>
        Effect.map(
          get(key),
          (entry) =>
            entry === undefined
              ? { _tag: "Leader", remaining: ttl } as const
              : { _tag: "Hit", entry } as const,
        ),
    }),
  },
  {
    what: "fills aren't fenced",
    found: "fence",
    spoil: ({ set }) => ({
      fill: (key, _owner, value, ttl) => Effect.as(set(key, value, ttl), true),
    }),
  },
  {
    what: "there is no push",
    found: "push",
    spoil: () => ({ watch: () => Effect.as(Effect.void, undefined) }),
  },
  {
    what: "a lease lives on without its leader",
    found: "takeover",
    spoil: ({ acquire }) => ({
      acquire: (key, owner, _ttl, ...more) => acquire(key, owner, 60_000, ...more),
    }),
  },
];

/** Throws if the judge finds fault with a good store, or none with a bad one. */
export async function proveJudge(): Promise<void> {
  const good = memoryAdapter();
  const all = [{ what: "all is well", found: undefined, spoil: () => ({}) }, ...spoilt];
  await Promise.all(all.map(async ({ what, found, spoil }) => {
    const store = { ...good, ...spoil(good) };
    const answer = await judgeWithin(store);
    if (!("judgement" in answer)) throw new Error(`Cannot judge where ${what}: ${answer.refused}`);
    const faults = Object.entries(answer.judgement).filter(([, { verdict }]) => verdict !== "kept");
    if (found === undefined ? faults.length > 0 : !faults.some(([name]) => name === found)) {
      throw new Error(`The judge does not see that ${what}: ${JSON.stringify(answer.judgement)}`);
    }
  }));
}
