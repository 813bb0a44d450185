import {
  activeUntil,
  failedToAnswer,
  type FetchStory,
  isPlain,
  isReadWithOthers,
  isRefresh,
  type Judge,
  type LeaseStory,
  longestFetch,
  mayLapse,
  mayNoticeLoss,
  type Moment,
  noticedLoss,
  overAt,
  renewalsOf,
  type Scene,
  type Story,
} from "../story.ts";

/** With less than this left, in milliseconds, nobody waits any more. */
const SHORTEST_WAIT = 1;

/** 1. A fetch has a lease that is kept while it runs, or a reason to do without. */
export const oneFetch: Judge = (story, broken) => {
  for (const fetch of story.fetches) {
    if (fetch.lease === undefined && !mayDoWithout(story, fetch)) {
      broken(`call ${fetch.call.call} fetched without a lease and without a reason`, fetch.began);
    }
    const { call, call: { ended, fetches: [first] } } = fetch;
    // Who found a fresh entry after its bypass had failed may refresh that.
    const isAhead = first!.lease === undefined && ended !== undefined &&
      ended.seq < fetch.began.seq && isRefresh(story, fetch);
    if (first !== fetch && !isAhead) {
      broken(`call ${call.call} fetched twice`, fetch.began);
    }
  }
  for (const lease of story.leases) {
    if (lease.fetch !== undefined) isKept(story, lease, lease.fetch, broken);
  }
  for (const scene of story.scenes) {
    if (!isPlain(story, scene)) continue;
    scene.fetches.forEach((fetch, index) => {
      const { ended } = scene.fetches[index - 1] ?? {};
      if (index > 0 && (ended === undefined || ended.seq > fetch.began.seq)) {
        broken(`call ${fetch.call.call} fetched while another of its process did`, fetch.began);
      }
    });
  }
};

/** Who fetches without a lease has waited in vain, or the cache failed. */
function mayDoWithout(story: Story, { call, began }: FetchStory): boolean {
  const scene = story.sceneOf(call);
  const with_ = call.terms.coalesce ? scene.calls : [call];
  const since = (at: { readonly seq: number } | undefined) =>
    at !== undefined && at.seq > call.began.seq && at.seq < began.seq;
  // A flight is over for all when the time of who started it is out, who may have left it.
  const outOfTime = with_.some((other) =>
    other.began.seq < began.seq &&
    began.at - other.began.at >= other.terms.waitMax - SHORTEST_WAIT - story.slack &&
    ((activeUntil(other)?.at ?? Infinity) >= began.at ||
      story.leases.some((lease) => lease.call === other))
  );
  const nothingStored = scene.operations.some(({ answered }) =>
    (answered?.answer.is === "Ended" || answered?.answer.is === "ready") &&
    (since(answered) || answered.at === call.began.at ||
      looksBehind(story, scene, answered, call.began))
  );
  const afterAnother = scene.fetches.some((other) =>
    other.lease === undefined && other.began.seq < began.seq &&
    (other.ended?.seq ?? Infinity) > call.began.seq
  );
  const bypasses = with_.some(({ terms }) => terms.bypass) &&
    scene.operations.some((operation) => {
      const over = overAt(operation);
      const isLate = () =>
        over !== undefined && over.at === call.began.at && over.seq < began.seq &&
        isReadWithOthers(story, operation);
      return failedToAnswer(story, operation) && (since(over) || isLate());
    });
  return outOfTime || nothingStored || afterAnother || bypasses;
}

/** Whether halves, that have been told, look at the entry before they tell, while another call joins. */
function looksBehind({ backend }: Story, { operations }: Scene, told: Moment, at: Moment): boolean {
  return !backend.fenced && told.seq < at.seq &&
    operations.some((operation) =>
      operation.question.operation === "get" && operation.asked.seq > told.seq &&
      operation.asked.seq < at.seq && (overAt(operation)?.seq ?? Infinity) > at.seq
    );
}

/** The lease is renewed every third of its time, not more often, and not ended before the fetch has. */
function isKept(
  story: Story,
  lease: LeaseStory,
  fetch: FetchStory,
  broken: Parameters<Judge>[1],
): void {
  const { process, terms: { leaseTtl, operationTimeout } } = lease.call;
  const who = `call ${lease.call.call}`;
  const end = fetch.ended ?? story.crashed(process) ?? story.end;
  for (const { question: { operation }, asked } of lease.operations) {
    if (
      (operation === "fill" || operation === "release") && asked.seq > fetch.began.seq &&
      asked.seq < end.seq
    ) broken(`${who} ended its lease while it fetched`, asked);
  }
  if (!story.backend.renews) return;
  const renewals = renewalsOf(lease);
  let last = fetch.began;
  const third = leaseTtl / 3;
  let [soonest, latest] = [third, third];
  for (const renewal of renewals) {
    const { asked } = renewal;
    if (story.running(process, last.at, asked.at) > latest + story.slack) {
      broken(`${who} renewed its lease late`, asked);
    }
    // One of many keys is renewed with the others, up to an eighth of the time early.
    const early = fetch.batch === undefined ? 0 : third / 8;
    if (asked.at - last.at < soonest - early - story.slack) {
      broken(`${who} renewed its lease too often`, asked);
    }
    if (story.running(process, end.at, asked.at) > story.slack) {
      broken(`${who} renewed its lease after its fetch`, asked);
    }
    if (asked.at - fetch.began.at > longestFetch(lease.call) + story.slack) {
      broken(`${who} renewed its lease without end`, asked);
    }
    const over = overAt(renewal);
    if (over === undefined) return;
    last = over;
    // One that had no answer in time is asked again at once; after a pause, its answer may come at its end. One that has failed
    // needn't be, and is where that may have been its time.
    const late = over.at - asked.at >= operationTimeout - story.slack;
    soonest = late ? 0 : third;
    latest = late && renewal.answered === undefined && renewal.failed === undefined ? 0 : third;
  }
  const lost = noticedLoss(story, lease);
  if (lost !== undefined && lost.seq < last.seq) broken(`${who} renewed a lease it had lost`, last);
  if (mayNoticeLoss(lease) !== undefined || mayLapse(story, lease, last.at)) return;
  if (story.running(process, last.at, end.at) > latest + story.slack) {
    broken(`${who} stopped renewing its lease`, last);
  }
}
