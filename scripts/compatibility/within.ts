import type { Store } from "../../mod.ts";
import { judge } from "./judge.ts";
import { playerOver } from "./player.ts";
import type { Answer } from "./process.ts";

/** Judges a store within one process, where there can't be more of them: each player has flights of its own. */
export async function judgeWithin(store: Store<unknown>): Promise<Answer> {
  try {
    const judgement = await judge([playerOver(store), playerOver(store), playerOver(store)]);
    return { judgement };
  } catch (error) {
    return { refused: error instanceof Error ? error.message : String(error) };
  }
}
