import {
  activeUntil,
  callOf,
  type CallStory,
  type Deed,
  deedOf,
  durationOf,
  failedToAnswer,
  type FetchStory,
  hasHit,
  isChange,
  type Judge,
  type LeaseStory,
  type Moment,
  type OperationStory,
  overAt,
  type Scene,
  type Story,
  windowsOf,
} from "../story.ts";

/** A time in which the backend had a stale entry of a key. */
interface StaleSpan {
  readonly key: string;
  readonly value: unknown;
  /** When it was stored. */
  readonly written: Moment;
  /** Since when it was stale, and until when it was kept. */
  readonly from: number;
  readonly until: number;
  /** When something else took its place, or nothing. */
  readonly gone: Moment | undefined;
}

/** Which stale entries there were, where the history says what the backend did. */
function staleSpans(story: Story): StaleSpan[] {
  if (story.backend.seen !== "deeds") return [];
  const spans: StaleSpan[] = [];
  const current = new Map<string, Omit<StaleSpan, "gone">>();
  const end = (key: string, gone: Moment) => {
    const span = current.get(key);
    current.delete(key);
    if (span !== undefined && span.from <= gone.at) spans.push({ ...span, gone });
  };
  const deeds = [
    ...story.operations.flatMap(({ question, done }) => done ? [{ ...done, question }] : []),
    ...story.lost.map(({ key, at, seq }) => ({
      at,
      seq,
      answer: { is: "done" },
      question: { operation: "delete", key } as OperationStory["question"],
    })),
  ].sort((a, b) => a.seq - b.seq);
  for (const { question, answer, at, seq } of deeds) {
    const { operation, key, value, ttl = Infinity, staleFor = 0 } = question;
    const fills = operation === "fill" && answer.is === "true";
    if (operation === "expire") {
      const span = current.get(key);
      if (span === undefined || span.from <= at) continue;
      const kept = span.until - span.from;
      if (kept > 0) current.set(key, { ...span, from: at, until: at + kept });
      else current.delete(key);
      continue;
    }
    if (fills || operation === "set" || operation === "delete") end(key, { at, seq });
    if (fills || operation === "set") {
      const from = at + ttl;
      current.set(key, { key, value, written: { at, seq }, from, until: from + staleFor });
    }
  }
  for (const span of current.values()) spans.push({ ...span, gone: undefined });
  return spans;
}

/** The entry that was stale all the time from one moment to another. */
function staleDuring(
  story: Story,
  spans: readonly StaleSpan[],
  { key }: { readonly key: string },
  [from, to]: readonly [Moment, Moment],
): StaleSpan | undefined {
  return spans.find((span) =>
    span.key === key && span.written.seq < from.seq && span.from + story.slack < from.at &&
    span.until > to.at + story.slack && (span.gone?.seq ?? Infinity) > to.seq
  );
}

/** Whether nothing went wrong for a call: its reads were answered, and its process ran. */
export function isUndisturbed(story: Story, call: CallStory, until: Moment): boolean {
  const { operations } = story.sceneOf(call);
  return story.crashed(call.process) === undefined &&
    !story.paused(call.process, call.began.at, until.at) &&
    !operations.some((operation) =>
      operation.question.operation === "get" &&
      (operation.failed !== undefined || failedToAnswer(story, operation)) &&
      (overAt(operation)?.seq ?? Infinity) > call.began.seq && operation.asked.seq < until.seq
    );
}

/** Whether it may have joined who had read before it came: that there is no entry, or another one. */
function mayHaveJoined(story: Story, call: CallStory): boolean {
  const { operations, calls } = story.sceneOf(call);
  const reads = operations.filter(({ question, asked }) =>
    question.operation === "get" && asked.seq < call.began.seq
  );
  const isCold = ({ answered }: OperationStory) => (answered?.answer.is ?? "none") === "none";
  // Who doesn't coalesce may have read last; and who had joined leads the next flight without a read.
  const goesOn = () =>
    calls.some((other) =>
      other.terms.coalesce && other.began.seq < call.began.seq &&
      (activeUntil(other)?.seq ?? Infinity) > call.began.seq
    );
  // Who had joined a refresh whose lease another process has does so, too.
  const isLost = ({ question: { operation, owner }, asked, answered }: OperationStory) => {
    const other = callOf(story, owner);
    return operation === "acquire" && answered?.answer.is === "Follower" &&
      asked.seq < call.began.seq && answered.seq > call.began.seq &&
      other !== undefined && isRefreshing(other);
  };
  return operations.some(isLost) ||
    reads.some((read) =>
      (overAt(read)?.seq ?? Infinity) >= call.began.seq ||
      (isCold(read) && (read === reads.at(-1) || goesOn()))
    );
}

/** How long a read takes a process, and an operation at most. */
function slowest(story: Story, call: CallStory): number {
  return Math.max(0, ...story.sceneOf(call).operations.map((each) => durationOf(story, each)));
}

function isRefreshing(call: CallStory): boolean {
  return call.hooks.some(({ hook, tag }) => hook === "onStale" && tag === "refreshing");
}

/** Whether a call hit in L1. Where its own hook has failed it then, it was told of a hit before its process read anything. */
function hasHitInL1(story: Story, call: CallStory): boolean {
  const { began, ended, hooks, terms: { l1 } } = call;
  const ending = ended?.ending;
  if (ending?.type === "value") return ending.tier === "l1";
  const hit = hooks.find(({ hook }) => hook === "onHit");
  return l1 !== undefined && ending?.type === "error" && ending.own && hit !== undefined &&
    !story.sceneOf(call).operations.some(({ question, asked }) =>
      question.operation === "get" && asked.seq > began.seq && asked.seq < hit.seq
    );
}

/** 13. Nobody waits who may have a stale value, and one process of all refreshes it, whoever leaves. */
export const oneRefresh: Judge = (story, broken) => {
  const spans = staleSpans(story);
  for (const call of story.calls) {
    const { began, ended } = call;
    const { staleWhileRevalidate } = windowsOf(call);
    if (ended === undefined || call.left !== undefined || staleWhileRevalidate === 0) continue;
    if (!isUndisturbed(story, call, ended)) continue;
    const span = staleDuring(story, spans, call, [began, ended]);
    if (span === undefined || ended.at - span.from >= staleWhileRevalidate - story.slack) continue;
    if (mayHaveJoined(story, call) || !call.terms.coalesce) continue;
    const { ending } = ended;
    const isStale = ending.type === "value" && ending.cache === "STALE";
    // What was fresh when this process read it is judged by how old it is.
    if (!isStale && !hasHitInL1(story, call) && !isRefreshing(call)) {
      broken(`call ${call.call} didn't get the stale value that it may have`, ended);
    }
    const took = story.running(call.process, began.at, ended.at);
    if (took > 2 * slowest(story, call) + story.slack) {
      broken(`call ${call.call} waited for ${took} ms, and may have the stale value`, ended);
    }
  }
  for (const fetch of story.fetches) {
    if (isRefreshing(fetch.call) && fetch.unwanted !== undefined) {
      broken(`a refresh was interrupted that call ${fetch.call.call} had begun`, fetch.unwanted);
    }
  }
  for (const call of story.calls) {
    if (story.backend.seen !== "deeds" || !isRefreshing(call)) continue;
    const answered = call.hooks.find(({ tag }) => tag === "refreshing")!;
    if (isRefreshed(story, call, answered)) continue;
    broken(`call ${call.call} got a stale value that nobody refreshes`, answered);
  }
  for (const scene of story.scenes) asksOnce(story, scene, broken);
};

/** 13. Who may have a stale value in place of a failure waits for a fresh one for `softTimeout` at most. */
export const softly: Judge = (story, broken) => {
  const spans = staleSpans(story);
  for (const call of story.calls) {
    const { began, ended, terms: { softTimeout, coalesce } } = call;
    const { staleIfError } = windowsOf(call);
    if (softTimeout === undefined || ended === undefined || call.left !== undefined) continue;
    const took = story.running(call.process, began.at, ended.at);
    if (took <= softTimeout + 2 * slowest(story, call) + story.slack) continue;
    if (!isUndisturbed(story, call, ended) || mayHaveJoined(story, call) || !coalesce) continue;
    const span = staleDuring(story, spans, call, [began, ended]);
    if (span === undefined || ended.at - span.from >= staleIfError - story.slack) continue;
    broken(`call ${call.call} waited for ${took} ms, of ${softTimeout}, for a fresh value`, ended);
  }
};

/** Whether who answers with a value asks for its refresh, unless this process does or knows of another. */
export function isRefreshed(story: Story, call: CallStory, answered: Moment): boolean {
  const { process, began } = call;
  const crashed = story.crashed(process);
  if (crashed !== undefined && crashed.at <= answered.at + story.slack) return true;
  const scene = story.sceneOf(call);
  const isKnown = scene.operations.some((operation) => {
    const { question, asked } = operation;
    const goesOn = asked.seq < answered.seq && (overAt(operation)?.seq ?? Infinity) > answered.seq;
    // Who still reads it does so in the end; and beside a lease that is being let go of none can be won yet.
    if (goesOn && ["get", "release"].includes(question.operation)) return true;
    if (question.operation !== "acquire") return false;
    // Asked for now, or before, and so that nobody has to ask again.
    if (asked.at >= began.at) return asked.at <= answered.at + story.slack;
    const { is, remaining = Infinity } = operation.answered?.answer ?? {};
    const over = overAt(operation);
    if (over === undefined || over.at >= began.at) return true;
    if (is === "Follower" || is === "Failed") return over.at + remaining >= began.at;
    return is === undefined && over.at + (call.terms.errorBackoff ?? 1_000) >= began.at;
  });
  const isFetched = scene.fetches.some((fetch) => {
    const ends = (fetch.lease?.operations ?? []).map((each) => overAt(each)?.at ?? Infinity);
    const over = Math.max(fetch.ended?.at ?? Infinity, ...ends);
    const failure = fetch.lease?.operations.find(({ question }) => question.failure !== undefined);
    // Who has lost the lease tells it to this process alone.
    const quietFor = failure?.question.failure?.quietFor ??
      (fetch.ended?.result.type === "value" ? 0 : longestQuiet(fetch));
    return fetch.call.began.at <= answered.at && over + quietFor >= began.at;
  });
  return isKnown || isFetched || story.paused(process, began.at, answered.at);
}

/** For how long nobody fetches again after a fetch that failed, at most. */
function longestQuiet(fetch: FetchStory): number {
  const won = fetch.lease?.operations.find(({ answered }) => answered?.answer.is === "Leader");
  const shortest = shortestQuiet(fetch.call, fetch);
  const doubled = shortest * 2 ** (won?.answered?.answer.failures ?? 0);
  return 1.2 * Math.min(doubled, Math.max(30_000, shortest));
}

/** For how long nobody fetches again after a first fetch that failed: by its backoff, or while its failure is shared. */
function shortestQuiet(call: CallStory, fetch: FetchStory | undefined): number {
  const { shares, errorBackoff = 1_000 } = call.terms;
  return shares !== undefined && isTyped(fetch) ? shares : errorBackoff;
}

/** Whether a fetch failed with an error that can be shared. */
function isTyped(fetch: FetchStory | undefined): boolean {
  const result = fetch?.ended?.result;
  return result?.type === "failed" && result.typed === true;
}

/**
 * A process that has lost a refresh to another asks no more while it knows of that lease. A fetch of its own that fails
 * meanwhile, as its lease was lost, is what it knows then.
 */
function asksOnce(
  story: Story,
  { operations, fetches }: Scene,
  broken: Parameters<Judge>[1],
): void {
  const changes = operations.filter(({ question }) => isChange(question));
  const lost = operations.filter(({ question, asked, answered }) => {
    const call = callOf(story, question.owner);
    return question.operation === "acquire" && answered?.answer.is === "Follower" &&
      question.waitedFor === undefined && call !== undefined &&
      (isRefreshing(call) || hasHit(call, asked));
  });
  lost.forEach((first, index) => {
    const { remaining = 0, lease } = first.answered!.answer;
    const again = lost.slice(index + 1).find(({ asked, answered }) =>
      answered!.answer.lease === lease && asked.seq > first.answered!.seq &&
      asked.at < first.answered!.at + remaining - story.slack &&
      !failedToAnswer(story, first) &&
      !fetches.some(({ ended }) =>
        ended !== undefined && ended.result.type !== "value" &&
        ended.seq > first.asked.seq && ended.seq < asked.seq
      ) &&
      !changes.some((change) =>
        (overAt(change)?.seq ?? Infinity) > first.asked.seq && change.asked.seq < asked.seq
      )
    );
    if (again !== undefined) {
      broken("a refresh was asked for that another was known to do", again.asked);
    }
  });
}

/** 14. A stale value is as old as it says, and not older than it may be; changes are judged with all fences. */
export const honestlyStale: Judge = (story, broken) => {
  const spans = staleSpans(story);
  for (const lease of story.leases) {
    const { staleWhileRevalidate = 0, staleIfError = 0 } = lease.call.terms;
    for (const { question, asked } of lease.operations) {
      if (question.operation !== "fill") continue;
      if ((question.staleFor ?? 0) !== Math.max(staleWhileRevalidate, staleIfError)) {
        broken(`call ${lease.call.call} filled for another stale time`, asked);
      }
    }
  }
  for (const call of story.calls) {
    const { ended, began } = call;
    const { staleWhileRevalidate, staleIfError } = windowsOf(call);
    if (ended?.ending.type !== "value") continue;
    const { cache, value, staleFor } = ended.ending;
    if (cache !== "STALE" && cache !== "STALE-ERROR") {
      if (staleFor !== undefined) broken(`call ${call.call} got a fresh value as stale`, ended);
      continue;
    }
    const who = `call ${call.call}`;
    if (!hasReason(story, call, ended)) broken(`${who} had no reason for a stale value`, ended);
    const most = isRefreshing(call) ? staleWhileRevalidate : staleIfError;
    if (staleFor === undefined || staleFor >= most) {
      broken(`${who} got what was stale for ${staleFor} ms, of ${most}`, ended);
    }
    if (story.backend.seen !== "deeds" || story.paused(call.process, began.at, ended.at)) continue;
    const way = slowest(story, call) + 1 + story.slack;
    const isTrue = spans.some((span) =>
      span.key === call.key && Object.is(span.value, value) &&
      Math.abs(ended.at - span.from - staleFor!) <= way &&
      (span.gone?.at ?? Infinity) >= began.at - way
    );
    if (!isTrue) broken(`${who} got what wasn't stale for ${staleFor} ms`, ended);
  }
};

/** Whether somebody had waited for too long, or something had failed, of those that it may have been with. */
function hasReason(story: Story, call: CallStory, ended: Moment): boolean {
  const { calls, operations } = story.sceneOf(call);
  const before = (moment: Moment | undefined) => moment !== undefined && moment.seq < ended.seq;
  switch (call.hooks.find(({ hook }) => hook === "onStale")?.tag) {
    case "slow":
      if (ended.at - call.began.at >= (call.terms.softTimeout ?? Infinity) - story.slack) {
        return true;
      }
      return calls.some(({ began, terms }) =>
        began.seq < ended.seq && ended.at - began.at >= terms.waitMax - 1 - story.slack
      );
    case "failed":
      return operations.some((each) => before(overAt(each)) && failedToAnswer(story, each)) ||
        story.fetches.some(({ call: { key }, ended }) =>
          key === call.key && ended?.result.type === "failed" && before(ended)
        );
    default:
      return true;
  }
}

/** 15. After a failed fetch nobody who may have a stale value fetches for the backoff, and everybody of them has it. */
export const backsOff: Judge = (story, broken) => {
  const spans = staleSpans(story);
  for (const lease of story.leases) tellsFailure(story, lease, broken);
  if (story.backend.seen === "answers") return heedsFailures(story, broken);
  if (story.backend.seen !== "deeds") return;
  for (const fetch of story.fetches) {
    keepsQuiet(story, spans, fetch, broken);
    doesNotTakeOver(story, spans, fetch, broken);
  }
  for (const call of story.calls) {
    const { began, ended } = call;
    const { staleIfError } = windowsOf(call);
    if (ended?.ending.type !== "error" || staleIfError === 0 || call.left !== undefined) continue;
    if (ended.ending.own && call.hooks.some(({ hook }) => hook !== "onError")) continue;
    if (!isUndisturbed(story, call, ended) || mayHaveJoined(story, call)) continue;
    const span = staleDuring(story, spans, call, [began, ended]);
    if (span === undefined || ended.at - span.from >= staleIfError - story.slack) continue;
    broken(`call ${call.call} failed, and may have a stale value`, ended);
  }
};

/** The longest backoff, in milliseconds. */
const LONGEST_BACKOFF = 30_000;

/** A failed fetch says for how long all are to be quiet: twice as long as after the last failure. */
function tellsFailure(story: Story, lease: LeaseStory, broken: Parameters<Judge>[1]): void {
  const { call: { call, terms }, operations, fetch } = lease;
  const errorBackoff = shortestQuiet(lease.call, fetch);
  const { staleWhileRevalidate = 0, staleIfError = 0, refreshAhead, shares } = terms;
  const isHeeded = Math.max(staleWhileRevalidate, staleIfError) > 0 || refreshAhead !== undefined;
  // One that goes on when it is interrupted may still fail by itself.
  if (fetch?.deaf && fetch.unwanted !== undefined) return;
  const isShared = shares !== undefined && isTyped(fetch);
  const isTold = (isHeeded || isShared) && errorBackoff > 0;
  const won = operations.findLast(({ answered }) => answered?.answer.is === "Leader")?.answered;
  for (const { question: { operation, outcome, failure }, asked } of operations) {
    if (operation !== "release") continue;
    if ((failure !== undefined) !== (isTold && outcome === "failed")) {
      broken(
        `call ${call} let go as ${outcome}, ${failure ? "and" : "but"} told of a failure`,
        asked,
      );
    }
    if (failure !== undefined && (failure.payload !== undefined) !== isShared) {
      broken(`call ${call} ${isShared ? "didn't share" : "shared"} its failure`, asked);
    }
    if (failure === undefined || story.backend.seen !== "deeds") continue;
    const before = won?.answer.failures ?? 0;
    const wanted = Math.min(errorBackoff * 2 ** before, Math.max(LONGEST_BACKOFF, errorBackoff));
    const { failures, quietFor } = failure;
    if (failures !== before + 1 || quietFor < 0.8 * wanted || quietFor > 1.2 * wanted) {
      broken(`call ${call} told of ${failures} failures, and to be quiet for ${quietFor}`, asked);
    }
  }
}

/** When the lease of a fetch was won. */
function wonAt({ lease }: FetchStory): (Moment & { readonly after: boolean }) | undefined {
  const won = lease?.operations.findLast(({ question, done }) =>
    question.operation === "acquire" && done?.answer.is === "Leader"
  )?.done;
  return won && { ...won, after: won.answer.after === "failed" };
}

/** Whether the fetch was for a stale entry that its caller may have had. */
function mayDoWithout(story: Story, spans: readonly StaleSpan[], fetch: FetchStory): boolean {
  const { call, began } = fetch;
  if (isRefreshing(call)) return true;
  const { staleIfError } = windowsOf(call);
  const span = staleDuring(story, spans, call, [call.began, began]);
  return span !== undefined && began.at - span.from < staleIfError - story.slack &&
    isUndisturbed(story, call, began) && !mayHaveJoined(story, call) &&
    !mayBypass(story, call, began);
}

/** Whether an acquire that it waited for failed: with `bypass` a fetch comes first then, before a read for a stale value. */
function mayBypass(story: Story, call: CallStory, until: Moment): boolean {
  return call.terms.bypass &&
    story.sceneOf(call).operations.some((operation) =>
      operation.question.operation === "acquire" && failedToAnswer(story, operation) &&
      (overAt(operation)?.seq ?? Infinity) > call.began.seq && operation.asked.seq < until.seq
    );
}

function keepsQuiet(
  story: Story,
  spans: readonly StaleSpan[],
  fetch: FetchStory,
  broken: Parameters<Judge>[1],
): void {
  const won = wonAt(fetch);
  if (won === undefined) return;
  const { key, terms: { shares } } = fetch.call;
  const deeds = story.operations.filter(({ question, done }) =>
    question.key === key && done !== undefined && done.seq < won.seq
  ).sort((a, b) => a.done!.seq - b.done!.seq);
  const released = deeds.findLast(({ question }) => question.failure !== undefined);
  if (released === undefined) return;
  // Who has been told of one that it can't read looks once more, and heeds none then.
  const looksAgain = fetch.lease!.operations.some(({ answered }) =>
    answered?.answer.is === "Failed" && answered.seq < won.seq
  );
  const isTold = shares !== undefined && released.question.failure!.payload !== undefined &&
    !looksAgain;
  if (!isTold && !mayDoWithout(story, spans, fetch)) return;
  const { seq, at } = released.done!;
  const { owner } = released.question;
  // Whose lease had expired by its release has told nobody.
  if (heldUntil(deeds, owner, seq) <= at + story.slack) return;
  // Another lease or a change ends the quiet.
  const isHeld = !deeds.some(({ question, done }) =>
    done!.seq > (wonBy(story, owner)?.seq ?? Infinity) && done!.seq < won.seq &&
    done!.seq !== seq &&
    (isChange(question) || (question.operation === "acquire" && done!.answer.is === "Leader" &&
      question.owner !== owner))
  );
  if (isHeld && won.at < at + released.question.failure!.quietFor - story.slack) {
    broken(`call ${fetch.call.call} fetched when all were to be quiet`, fetch.began);
  }
}

/** As {@linkcode keepsQuiet}, of shared failures, where answers alone tell what the backend has done. */
function heedsFailures(story: Story, broken: Parameters<Judge>[1]): void {
  const told = story.leases.flatMap((lease) => {
    const release = lease.operations.find(({ question }) =>
      question.failure?.payload !== undefined
    );
    const released = release && deedOf(story, release);
    const won = wonAtOf(story, lease);
    if (released === undefined || won === undefined) return [];
    const last = lease.operations.findLast(({ question, answered }) =>
      question.operation === "renew" && answered?.answer.is === "true"
    );
    const until = (last?.asked.at ?? won.first.at) + lease.call.terms.leaseTtl;
    if (until <= released.last.at + story.slack) return [];
    return { lease, won, released, quietFor: release!.question.failure!.quietFor };
  });
  for (const lease of story.leases) {
    const { call, operations } = lease;
    const won = wonAtOf(story, lease);
    if (won === undefined || call.terms.shares === undefined) continue;
    // Who has been told of one that it can't read looks once more, and heeds none then.
    if (operations.some(({ answered }) => answered?.answer.is === "Failed")) continue;
    const early = told.some((failure) =>
      failure.lease !== lease && failure.lease.call.key === call.key &&
      // It was held until it was released: who won it later had to wait for that.
      story.isBefore(failure.won.last, won.first) && won.last.seq > failure.released.first.seq &&
      won.last.at < failure.released.first.at + failure.quietFor - story.slack &&
      isHeededUntil(story, failure, lease, won.last)
    );
    if (early) broken(`call ${call.call} led when all were to be quiet`, won.last);
  }
}

/** Whether nothing may have ended a lease before its owner told of a failure, or the quiet after it, by some moment. */
function isHeededUntil(
  story: Story,
  { lease, won }: { readonly lease: LeaseStory; readonly won: Deed },
  by: LeaseStory,
  until: Moment,
): boolean {
  const { key } = lease.call;
  const owners = [lease.owner, by.owner];
  return !story.lost.some((lost) =>
    lost.key === key && lost.seq > won.first.seq && lost.seq < until.seq
  ) && !story.operations.some(({ question, asked, answered }) => {
    const takes = isChange(question) ||
      (question.operation === "acquire" && !owners.includes(question.owner!));
    if (question.key !== key || !takes || asked.seq > until.seq) return false;
    // What wasn't answered may have been done, at any time.
    if (answered === undefined) return true;
    const { answer: { is }, seq } = answered;
    return seq > won.first.seq && (isChange(question) || is === "Leader");
  });
}

/** When the lease was won that a fetch ran under. */
function wonAtOf(story: Story, { operations }: LeaseStory): Deed | undefined {
  const won = operations.findLast(({ question, answered }) =>
    question.operation === "acquire" && answered?.answer.is === "Leader"
  );
  return won && deedOf(story, won);
}

/** When the lease of an owner expires that it had won or renewed last before a moment, by the backend. */
function heldUntil(deeds: readonly OperationStory[], owner: string | undefined, seq: number) {
  const last = deeds.findLast(({ question, done }) =>
    question.owner === owner && done!.seq < seq &&
    (done!.answer.is === "Leader" || (question.operation === "renew" && done!.answer.is === "true"))
  );
  return last === undefined ? -Infinity : last.done!.at + last.question.ttl!;
}

function wonBy(story: Story, owner: string | undefined): Moment | undefined {
  return story.operations.findLast(({ question, done }) =>
    question.owner === owner && question.operation === "acquire" && done?.answer.is === "Leader"
  )?.done;
}

/** Who may have a stale value takes over from nobody. */
function doesNotTakeOver(
  story: Story,
  spans: readonly StaleSpan[],
  fetch: FetchStory,
  broken: Parameters<Judge>[1],
): void {
  if (wonAt(fetch)?.after && mayDoWithout(story, spans, fetch)) {
    broken(`call ${fetch.call.call} took over, and may have a stale value`, fetch.began);
  }
}
