import { FOR_GOOD } from "../history.ts";
import {
  type CallStory,
  type ChangeStory,
  type FetchStory,
  type Judge,
  type LeaseStory,
  type Moment,
  noticedLoss,
  overAt,
  type Story,
  valueOf,
} from "../story.ts";

/** 3. Only the holder's own value is stored, and nobody gets what is older than a change that was made before. */
export const fencing: Judge = (story, broken) => {
  onlyHoldersStore(story, broken);
  for (const lease of story.leases) nobodyJoinsWhatIsLost(story, lease, broken);
  if (!story.backend.fenced) return;
  for (const call of story.calls) {
    for (const change of story.changes) {
      if (change.key === call.key && isOlder(story, call, change)) {
        broken(`call ${call.call} got what is older than a ${change.how} before it`, call.ended!);
      }
    }
  }
};

const onlyHoldersStore: Judge = (story, broken) => {
  for (const { question, asked } of story.operations) {
    const { operation, value, key } = question;
    if (operation !== "set" || story.changes.some((change) => Object.is(change.value, value))) {
      continue;
    }
    if (story.backend.fenced) broken("a fetched value was set without a fence", asked);
    const sources = story.fetches.filter((fetch) =>
      fetch.call.key === key && isValueOf(fetch, value)
    );
    const rightful = sources.some(({ lease, ended }) =>
      lease !== undefined && ended!.seq < asked.seq &&
      (noticedLoss(story, lease)?.seq ?? Infinity) > asked.seq
    );
    if (!rightful) broken("a value was stored without a lease on its key", asked);
  }
  for (const lease of story.leases) {
    const who = `call ${lease.call.call}`;
    const fills = lease.operations.filter(({ question }) => question.operation === "fill");
    for (const { question: { value, ttl = FOR_GOOD }, asked } of fills) {
      const { fetch } = lease;
      if (fetch === undefined || !isValueOf(fetch, value) || fetch.ended!.seq > asked.seq) {
        broken(`${who} filled what it had not fetched`, asked);
      }
      if (ttl !== lease.call.terms.cacheTtl) broken(`${who} filled for another time`, asked);
      if ((noticedLoss(story, lease)?.seq ?? Infinity) < asked.seq) {
        broken(`${who} filled after it had learned that its lease was lost`, asked);
      }
    }
    if (fills.length > 1) broken(`${who} filled twice`, fills[1]!.asked);
  }
};

/** Once a process has noticed that its lease was lost, its later callers have nothing to do with that fetch. */
function nobodyJoinsWhatIsLost(
  story: Story,
  lease: LeaseStory,
  broken: Parameters<Judge>[1],
): void {
  const lost = noticedLoss(story, lease);
  const { fetch } = lease;
  if (lost === undefined || fetch === undefined) return;
  for (const { call, began, ended } of story.sceneOf(lease.call).calls) {
    if (began.at <= lost.at || ended?.ending.type !== "value") continue;
    const { value } = ended.ending;
    // Other values may have come from elsewhere.
    if (typeof value === "string" && value !== "" && isValueOf(fetch, value)) {
      broken(`call ${call} got the value of a fetch whose lease was known to be lost`, ended);
    }
  }
}

function isValueOf(fetch: FetchStory, value: unknown): boolean {
  const fetched = valueOf(fetch);
  return fetched !== undefined && Object.is(fetched.value, value);
}

/** Whether a call that came after a change got what is older, and not from a flight elsewhere that did not know. */
function isOlder(story: Story, call: CallStory, change: ChangeStory): boolean {
  const { ended } = call;
  const { operation } = change;
  if (ended?.ending.type !== "value" || operation === undefined) return false;
  if (!change.ended?.ok || !story.isBefore(change.ended, call.began)) return false;
  const { value, cache } = ended.ending;
  // What has expired is stale, and may be had as that.
  if (change.how === "expire" && cache.startsWith("STALE")) return false;
  // In memory an entry expires by the wall clock, which may be set back to a time in which it was fresh.
  const isFreshAgain = change.how === "expire" && story.backend.seen === "some answers" &&
    story.setBack.some(({ process, seq }) =>
      process === call.process && seq > change.began.seq && seq < ended.seq
    );
  if (isFreshAgain) return false;
  // What this process has read before a change of another is judged by how old it is.
  if (ended.ending.tier === "l1" && change.process !== call.process) return false;
  const since = operation.done ?? operation.asked;
  const sources = story.fetches.filter((fetch) =>
    fetch.call.key === call.key && isValueOf(fetch, value)
  );
  if (sources.some(({ began }) => began.seq > since.seq)) return false;
  const set = story.changes.some((each) =>
    each.key === call.key && each.how === "set" && Object.is(each.value, value) &&
    (lastMoment(each).seq >= since.seq || mayBeDoneLater(story, each))
  );
  if (set) return false;
  if (change.process === call.process || !call.terms.coalesce) return true;
  // Who comes in the moment of an answer may have joined who reads.
  const read = story.sceneOf(call).operations.some((each) =>
    each.asked.seq < since.seq &&
    (overAt(each)?.at ?? Infinity) + story.instant >= call.began.at
  );
  const joined = sources.some((fetch) =>
    fetch.call.process === call.process && mayBeJoined(story, fetch, call.began)
  );
  return !read && !joined;
}

/** Whether a change was given up, and may be on its way still, for all that is known. */
function mayBeDoneLater({ backend }: Story, { operation }: ChangeStory): boolean {
  return backend.seen === "answers" && operation !== undefined && operation.answered === undefined;
}

function lastMoment({ operation, ended, began }: ChangeStory): Moment {
  return operation?.done ?? ended ?? began;
}

/** Whether a fetch's flight is one that callers of its process may still join, also in the moment in which it is over. */
function mayBeJoined(story: Story, { call, lease, began, ended }: FetchStory, at: Moment): boolean {
  const over = Math.max(
    ended?.at ?? Infinity,
    ...lease?.operations.map((operation) => overAt(operation)?.at ?? Infinity) ?? [],
  );
  const lost = lease === undefined ? undefined : noticedLoss(story, lease);
  const retired = story.sceneOf(call).changes.some((change) =>
    change.ended?.ok && change.ended.seq > began.seq && change.ended.seq < at.seq
  );
  return over + story.instant >= at.at && (lost?.seq ?? Infinity) > at.seq && !retired;
}
