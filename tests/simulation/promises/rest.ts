import type { Judge } from "../story.ts";

/** At rest, nothing is left of the calls that are over: no flight, no timer, no watch, no listener. */
export const rest: Judge = (story, broken) => {
  for (const { process, flights, timers, watches, announced, listeners } of story.rests) {
    const open = story.calls.some((call) => call.process === process && call.ended === undefined);
    if (open) continue;
    const left = Object.entries({ flights, timers, watches, announced, listeners })
      .filter(([, count = 0]) => count !== 0);
    for (const [what, count] of left) {
      broken(`${count} ${what} left in process ${process}`, story.end);
    }
  }
};
