import type { History } from "./history.ts";
import { ahead } from "./promises/ahead.ts";
import { cancelling } from "./promises/cancelling.ts";
import { closing } from "./promises/closing.ts";
import { cost } from "./promises/cost.ts";
import { errors } from "./promises/errors.ts";
import { failure } from "./promises/failure.ts";
import { backsOff, honestlyStale, oneRefresh, softly } from "./promises/freshness.ts";
import { fencing } from "./promises/fencing.ts";
import { l1 } from "./promises/l1.ts";
import { links } from "./promises/links.ts";
import { manyKeys } from "./promises/many_keys.ts";
import { noSecondFetch } from "./promises/no_second_fetch.ts";
import { oneHolder } from "./promises/one_holder.ts";
import { oneFetch } from "./promises/one_fetch.ts";
import { presence } from "./promises/presence.ts";
import { refreshes } from "./promises/refreshes.ts";
import { rest } from "./promises/rest.ts";
import { takeover } from "./promises/takeover.ts";
import { timeouts } from "./promises/timeouts.ts";
import { values } from "./promises/values.ts";
import { waiting } from "./promises/waiting.ts";
import { type Judge, storyOf } from "./story.ts";

/** A promise that a history breaks. */
export interface Broken {
  readonly promise: string;
  readonly what: string;
  /** When, in milliseconds, and at which event. */
  readonly at: number;
  readonly event: number;
}

/** Every promise by its number and name in the design. */
export const promises: Readonly<Record<string, Judge>> = {
  "1. One fetch": oneFetch,
  "1, 3. One holder, whose fill alone is stored": oneHolder,
  "2. No second fetch after a fill": noSecondFetch,
  "3. Fenced fills": fencing,
  "4. Takeover by one": takeover,
  "5. Failure is bounded": failure,
  "6. Waiting is bounded": waiting,
  "7. Cancelling hurts nobody else": cancelling,
  "8, 10. No value is lost": values,
  "5, 8, 11. Errors are one's own, or reported": errors,
  "Fetches end in time": timeouts,
  "12. Constant cost per process": cost,
  "13. One refresh per fleet": oneRefresh,
  "13. A refresh comes before its entry ends": ahead,
  "13. Nobody waits for long for what is fresh": softly,
  "13. A refresh brings what is new": refreshes,
  "14. Stale never hides a change": honestlyStale,
  "15. A source that is down is asked once per backoff": backsOff,
  "Closing leaves nothing behind": closing,
  "16. L1 is never older than it says": l1,
  "17. Many keys, one fetch": manyKeys,
  "18. A dead leader is replaced in a moment": presence,
  "Spans are linked to fetches": links,
  "Rest": rest,
};

/** Judges a history by every promise. */
export function judge(history: History): Broken[] {
  const story = storyOf(history);
  const all: Broken[] = [];
  for (const [promise, judge] of Object.entries(promises)) {
    judge(story, (what, { at, seq }) => all.push({ promise, what, at, event: seq }));
  }
  return all;
}
