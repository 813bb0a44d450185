import { type CallStory, type Judge, overAt, type Story } from "../story.ts";

/** A client that is closed fails its calls at once, fetches and asks for nothing from then on, and takes no longer than it may. */
export const closing: Judge = (story, broken) => {
  for (const call of story.calls) {
    const { closing, closed, left, ended, process, terms } = call;
    if (closing === undefined) continue;
    const crashed = story.crashed(process);
    const took = (until = crashed ?? story.end) => story.running(process, closing.at, until.at);
    if (left?.how === "close" && took(ended) > story.slack) {
      broken(`call ${call.call} went on though its client was closed`, closing);
    }
    if (took(closed) > terms.operationTimeout + story.slack) {
      broken(`the client of call ${call.call} took long to be closed`, closing);
    }
    if (took(closed) > lastOf(story, call) - closing.at + story.slack) {
      broken(`the client of call ${call.call} was closed only after all had ended`, closing);
    }
    const fetch = call.fetches.find(({ began }) => began.at > closing.at + story.instant);
    if (fetch !== undefined) {
      broken(`call ${call.call} fetched though its client was closed`, fetch.began);
    }
    // What had not ended in time may end later.
    if (closed !== undefined && closed.at - closing.at < terms.operationTimeout - story.slack) {
      asksForNothing(story, call, closed.seq, broken);
    }
  }
};

/** When the last operation was over that its process was at meanwhile. */
function lastOf(
  { operations, end }: Story,
  { process, closing, closed = end }: CallStory,
): number {
  return operations.reduce((last, operation) => {
    const over = overAt(operation) ?? end;
    const isMeanwhile = operation.process === process && operation.asked.seq < closed.seq &&
      over.seq > closing!.seq;
    return isMeanwhile ? Math.max(last, over.at) : last;
  }, closing!.at);
}

function asksForNothing(
  { leases }: Story,
  call: CallStory,
  closed: number,
  broken: Parameters<Judge>[1],
): void {
  for (const lease of leases) {
    const late = lease.call === call && lease.operations.find(({ asked }) => asked.seq > closed);
    if (!late) continue;
    broken(
      `call ${call.call} asked for a ${late.question.operation} once it was closed`,
      late.asked,
    );
  }
}
