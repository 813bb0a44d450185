import type { Judge } from "../story.ts";

/** A fetch is over once it has run for `fetchTimeout`, and is interrupted; neither earlier nor after its own end. */
export const timeouts: Judge = (story, broken) => {
  for (const { call, began, ended, overdue, deaf, interrupted, unwanted } of story.fetches) {
    const { call: number, process, terms: { fetchTimeout = Infinity } } = call;
    const end = ended ?? story.crashed(process) ?? story.end;
    // A signal fires once. Of one that nobody wants, and that has lost its lease, its caller alone knows when its time is out.
    const known = unwanted !== undefined && call.ended !== undefined
      ? Math.min(end.at, Math.max(call.ended.at, unwanted.at))
      : end.at;
    const ran = story.running(process, began.at, known);
    if (ran > fetchTimeout + story.slack) {
      broken(`call ${number}'s fetch ran for ${ran} ms, of ${fetchTimeout}`, end);
    }
    if (overdue === undefined) continue;
    if (overdue.seq > end.seq) broken(`call ${number}'s fetch was given up after its end`, overdue);
    // After a pause it may end by itself in the moment in which it is given up.
    const ends = deaf || interrupted || story.paused(process, began.at, overdue.at);
    if (!ends && story.crashed(process) === undefined) {
      broken(`call ${number}'s fetch went on after its time`, overdue);
    }
    // It may begin a pause later than its time does.
    const paused = story.paused(process, call.began.at, began.at);
    if (!paused && end.at - began.at < fetchTimeout - story.slack) {
      broken(`call ${number}'s fetch was given up early, of ${fetchTimeout} ms`, overdue);
    }
  }
};
