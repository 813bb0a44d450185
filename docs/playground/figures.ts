import type { CacheStats } from "../../promise.ts";
import type { Herd, Herds, Outcome } from "../../scripts/demo/herd.ts";
import { formatMillis } from "../../scripts/demo/rows.ts";

/** One line of what was counted: each cell is empty where nothing of the kind is counted. */
export interface Figure {
  readonly name: string;
  /** The word for it that programs see. */
  readonly code?: string | undefined;
  /** Without the library, as callers saw it with the library, and as its clients count it. */
  readonly cells: readonly [without: string, seen: string, counted: string];
}

/** What the clients of all processes have counted together. */
export function sumOf(
  stats: readonly CacheStats[],
): (name: keyof Omit<CacheStats, "name">) => number {
  return (name) => stats.reduce((sum, each) => sum + each[name], 0);
}

/** All that was counted, of callers and by clients. */
export function figuresOf(herds: Herds, stats: readonly CacheStats[]): Figure[] {
  const sum = sumOf(stats);
  const saw = (outcomes: readonly Outcome[], herd: Herd) =>
    String(herd.filter(({ outcome }) => outcomes.includes(outcome)).length);
  const both = (...outcomes: Outcome[]) =>
    [saw(outcomes, herds.unprotected), saw(outcomes, herds.protected)] as const;
  const own = (...outcomes: Outcome[]) => ["", saw(outcomes, herds.protected)] as const;
  const fetches = (herd: Herd, ended?: string) =>
    String(
      herd.flatMap(({ fetches }) => fetches).filter((fetch) => !ended || fetch.ended === ended)
        .length,
    );
  const none = ["", ""] as const;
  return [
    { name: "found the value", code: "HIT", cells: [...both("HIT"), `${sum("hits")}`] },
    {
      name: "fetched it",
      code: "MISS-LEADER",
      cells: [...both("MISS", "MISS-LEADER", "MISS-LEADER-NOCACHE"), `${sum("leaders")}`],
    },
    {
      name: "waited for another’s fetch",
      code: "MISS-FOLLOWER-HIT",
      cells: [...own("MISS-FOLLOWER-HIT"), `${sum("followers")}`],
    },
    {
      name: "waited for too long, and fetched",
      code: "MISS-FOLLOWER-FALLBACK",
      cells: [...own("MISS-FOLLOWER-FALLBACK"), `${sum("fallbacks")}`],
    },
    {
      name: "had the stale value",
      code: "STALE",
      cells: [...own("STALE", "STALE-ERROR"), `${sum("stale")}`],
    },
    { name: "failed", cells: [...both("FAILED"), ""] },
    { name: "were killed with their process", cells: [...both("KILLED"), ""] },
    { name: "fetches", cells: [fetches(herds.unprotected), fetches(herds.protected), ""] },
    {
      name: "of them failed",
      code: "failedFetches",
      cells: [
        fetches(herds.unprotected, "failed"),
        fetches(herds.protected, "failed"),
        `${sum("failedFetches")}`,
      ],
    },
    {
      name: "refreshes in the background",
      code: "refreshes",
      cells: [...none, `${sum("refreshes")}`],
    },
    {
      name: "takeovers from a leader that failed or died",
      code: "takeovers",
      cells: [...none, `${sum("takeovers")}`],
    },
    {
      name: "waiting for others, all calls together",
      code: "waited",
      cells: [...none, formatMillis(sum("waited"))],
    },
  ];
}
