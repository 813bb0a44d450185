import {
  type CallStory,
  durationOf,
  type FetchStory,
  isRefresh,
  type Judge,
  type OperationStory,
  overAt,
  type Story,
} from "../story.ts";

/** For how long a fetch waits for a look that hangs, in milliseconds, if its caller may wait for so long. */
const PATIENCE = 500;

/** 17. What a call for many keys leads from the beginning is fetched at once, and waits for nobody. */
export const manyKeys: Judge = (story, broken) => {
  const groups = new Map<number, CallStory[]>();
  for (const call of story.calls) {
    const { batch } = call;
    if (batch !== undefined) groups.set(batch, [...groups.get(batch) ?? [], call]);
  }
  for (const calls of groups.values()) {
    const led = calls.flatMap((call) => isAlone(story, call) ? call.fetches : [])
      .filter((fetch) => leadsFromTheBeginning(story, fetch));
    const [first] = led;
    // Who falls back waits for nobody, and takes along who asks by then.
    const fallsBack = calls.some(({ fetches, hooks }) =>
      fetches.some(({ lease }) => lease === undefined) ||
      hooks.some(({ tag }) => tag === "FALLBACK")
    );
    if (first === undefined || fallsBack || first.call.terms.waitMax < PATIENCE) continue;
    const looks = calls.flatMap((call) => story.sceneOf(call).operations).filter(({ question }) =>
      question.operation === "get" || question.operation === "acquire"
    );
    // Who has read what is too stale goes on in a fiber of its own, and who reports a failed read runs a hook: either may
    // yield before it asks for the lease.
    if (looks.some(({ answered, failed }) => failed || answered?.answer.is === "stale")) continue;
    // Operations that need two steps, and those of others, are in the way as well.
    if (looks.some((look) => durationOf(story, look) >= PATIENCE / 4)) continue;
    if (story.paused(first.call.process, first.call.began.at, first.called.at)) continue;
    const most = Math.ceil(calls.length / first.call.maxBatch!);
    if (new Set(led.map(({ batch }) => batch)).size > most) {
      broken(`call ${first.call.call} fetched its keys one after the other`, first.called);
    }
    // Halves ask in several parts, of which others share some; and what is taken over waits for others, with all who ask.
    const takesOver = story.leases.some((lease) =>
      calls.includes(lease.call) && !led.some((fetch) => fetch.lease === lease) &&
      lease.operations.some(({ answered }) => answered?.answer.is === "Leader")
    );
    for (const { called, call } of story.backend.fenced && !takesOver ? led : []) {
      // So does who had joined a fetch that was cancelled.
      const hasJoined = story.sceneOf(call).fetches.some((fetch) =>
        fetch.call !== call && fetch.began.seq < call.began.seq &&
        (fetch.ended?.at ?? Infinity) >= call.began.at
      );
      if (hasJoined) continue;
      const last = Math.max(
        ...looks.map((look) => overAt(look)?.at ?? 0).filter((at) => at <= called.at),
      );
      if (called.at > last + story.slack) {
        broken(`call ${call.call}'s fetch waited though nobody looked`, called);
      }
    }
  }
};

/** Whether no other call of its process for its key is under way when it begins, so that it can join none. */
function isAlone(story: Story, call: CallStory): boolean {
  const { calls, fetches, operations } = story.sceneOf(call);
  const isBefore = (operation: OperationStory) => operation.asked.seq < call.began.seq;
  return call.terms.coalesce &&
    // Nor is there one that lets go of what nobody wants any more.
    operations.filter(isBefore).every((each) => (overAt(each)?.seq ?? Infinity) < call.began.seq) &&
    calls.every((other) =>
      other === call || other.began.seq > call.began.seq ||
      (other.ended?.seq ?? Infinity) < call.began.seq
    ) &&
    fetches.every(({ call: other, ended, began }) =>
      other === call || began.seq > call.began.seq || (ended?.seq ?? Infinity) < call.began.seq
    ) &&
    // A fetch that was cancelled lets go of its lease once it has stopped.
    !story.leases.some(({ call: other, operations }) =>
      calls.includes(other) && other !== call && operations[0]!.asked.seq < call.began.seq &&
      operations.some(({ question: { operation }, asked }) =>
        operation === "release" && asked.seq > call.began.seq
      )
    );
}

function leadsFromTheBeginning(story: Story, fetch: FetchStory): boolean {
  const acquires = fetch.lease?.operations.filter(({ question }) =>
    question.operation === "acquire"
  );
  return acquires?.length === 1 && !isRefresh(story, fetch);
}
