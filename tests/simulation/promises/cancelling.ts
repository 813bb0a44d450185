import {
  activeUntil,
  type CallStory,
  durationOf,
  failedToAnswer,
  type FetchStory,
  isPlain,
  isRefresh,
  isSlow,
  isToldLate,
  type Judge,
  type LeaseStory,
  mayNoticeLoss,
  type Moment,
  type Scene,
  slowAt,
  type Story,
} from "../story.ts";

/** 7. Who leaves takes nobody along, and the last to leave leaves nothing behind. */
export const cancelling: Judge = (story, broken) => {
  for (const call of story.calls) endsAsItWants(call, broken);
  for (const scene of story.scenes) {
    for (const fetch of scene.fetches) {
      if (isPlain(story, scene)) goesOnForOthers(story, scene, fetch, broken);
      endsWithItsCallers(story, scene, fetch, broken);
    }
  }
  for (const lease of story.leases) isLetGo(story, lease, broken);
};

function endsAsItWants({ call, ended, left, fetches }: CallStory, broken: Parameters<Judge>[1]) {
  if (ended === undefined) return;
  const { ending } = ended;
  const failed = fetches.some((fetch) => fetch.ended?.result.type === "failed");
  if (ending.type === "interrupted" && left?.how !== "interrupt" && !failed) {
    broken(`call ${call} was interrupted, and nobody had asked for it`, ended);
  }
  if (ending.type === "error" && ending.tag === "ABORTED" && left?.how !== "abort") {
    broken(`call ${call} was aborted, and nobody had asked for it`, ended);
  }
}

/** Whether the caller of a fetch had waited for as long as it may while it asked, or led; and not while it followed. */
function isSlowHere({ call, lease }: FetchStory): boolean {
  const slow = slowAt(call);
  const told = (is: string) =>
    lease?.operations.find(({ answered }) => answered?.answer.is === is)?.answered?.seq ?? Infinity;
  return slow !== undefined && (slow.seq < told("Follower") || slow.seq > told("Leader"));
}

/** A fetch is not interrupted while somebody waits for it. */
function goesOnForOthers(
  story: Story,
  scene: Scene,
  { unwanted }: FetchStory,
  broken: Parameters<Judge>[1],
): void {
  if (unwanted === undefined) return;
  // Who came or went in the same moment may have joined or not.
  const waiting = scene.calls.find((call) =>
    call.began.at + story.instant < unwanted.at &&
    call.began.at + call.terms.waitMax > unwanted.at &&
    (activeUntil(call)?.at ?? Infinity) > unwanted.at && !isToldLate(call) &&
    !story.paused(call.process, call.began.at, unwanted.at)
  );
  if (waiting) broken(`a fetch was interrupted that call ${waiting.call} waited for`, unwanted);
}

/** A fetch for nobody is interrupted at once, and its signal fires. */
function endsWithItsCallers(
  story: Story,
  scene: Scene,
  fetch: FetchStory,
  broken: Parameters<Judge>[1],
): void {
  const { call, began, ended, unwanted } = fetch;
  if (isRefresh(story, fetch)) return;
  if (isSlow(story, fetch)) {
    if (unwanted === undefined) return;
    const isNow = (moment: Moment | undefined) =>
      moment !== undefined && Math.abs(moment.at - unwanted.at) <= story.slack;
    const isLast = scene.calls.some((each) => isNow(slowAt(each))) &&
      !scene.calls.some(({ left }) => isNow(left));
    if (!isSlowHere(fetch) && !isLast) return;
    return broken(`call ${call.call}'s slow fetch was interrupted`, unwanted);
  }
  // In a pause its time for a fresh value may have ended before it left.
  const { softTimeout = Infinity } = call.terms;
  const over = call.began.at + softTimeout;
  if (call.left !== undefined && over <= call.left.at && story.paused(call.process, over, over)) {
    return;
  }
  if (call.terms.finish && fetch.lease !== undefined) {
    return goesOnAlone(story, scene, fetch, broken);
  }
  const end = ended ?? story.crashed(call.process) ?? story.end;
  const callers = call.terms.coalesce ? scene.calls : [call];
  const last = Math.max(
    ...callers.filter((caller) => caller.began.seq < end.seq)
      .map((caller) => activeUntil(caller)?.at ?? Infinity),
  );
  const until = unwanted ?? end;
  if (story.running(call.process, Math.max(last, began.at), until.at) > story.slack) {
    broken(`call ${call.call}'s fetch went on for nobody`, until);
  }
}

/** A fetch that is to be finished goes on for nobody, and its failure is told. */
function goesOnAlone(
  story: Story,
  { calls }: Scene,
  { call, began, ended, unwanted }: FetchStory,
  broken: Parameters<Judge>[1],
): void {
  if (unwanted !== undefined) {
    broken(`call ${call.call}'s fetch was interrupted, and was to be finished`, unwanted);
  }
  if (ended?.result.type !== "failed" || story.crashed(call.process) !== undefined) return;
  const isHeard = calls.some((each) =>
    each.began.seq < ended.seq && (activeUntil(each)?.at ?? Infinity) + story.slack >= ended.at
  );
  const isTold = calls.some(({ hooks }) =>
    hooks.some(({ hook, tag, seq }) =>
      hook === "onError" && tag === "FETCHER_FAILED" && seq > began.seq
    )
  );
  if (!isHeard && !isTold) {
    broken(`call ${call.call}'s fetch failed alone, and nobody was told`, ended);
  }
}

/** Until when a follower, and those who joined it, may go on after a look without an answer: no lease is let go before. */
function waitedUntil(story: Story, lease: LeaseStory, over: Moment): number {
  const { call, operations } = lease;
  const acquires = operations.filter(({ question }) => question.operation === "acquire");
  // With a lease, one of many keys waits for the others to be fetched with, for whoever has joined it.
  if (acquires.length < 2 && call.batch === undefined && !hasFollowed(story, lease, over)) {
    return over.at;
  }
  const callers = call.terms.coalesce ? story.sceneOf(call).calls : [call];
  let until = over.at;
  // Others join while somebody waits.
  for (const caller of callers) {
    if (caller.began.seq > over.seq && caller.began.at >= until) continue;
    until = Math.max(until, activeUntil(caller)?.at ?? story.end.at);
  }
  return until;
}

/** Whether it had waited for a lease before, of which a flight was told that it had joined: another process's, or its own. */
function hasFollowed(story: Story, { call, operations }: LeaseStory, over: Moment): boolean {
  const scene = story.sceneOf(call);
  const looks = call.terms.coalesce ? scene.operations : operations;
  const isTold = looks.some(({ question, answered }) =>
    question.operation === "acquire" && answered?.answer.is === "Follower"
  );
  return isTold ||
    (call.terms.coalesce &&
      scene.fetches.some(({ lease, began, ended }) =>
        lease !== undefined && lease.call !== call && began.seq < over.seq &&
        (ended?.seq ?? Infinity) > call.began.seq
      ));
}

/** A lease that was won, or may have been, is ended as soon as it is of no more use, and by what became of it. */
function isLetGo(story: Story, lease: LeaseStory, broken: Parameters<Judge>[1]): void {
  const { call, operations, fetch } = lease;
  const { process, terms: { cacheTtl } } = call;
  const asked = operations.findLast(({ question }) => question.operation === "acquire");
  if (asked === undefined) return;
  const answered = asked.answered?.answer.is;
  if (answered !== "Leader" && asked.answered !== undefined) return;
  // What is to be fetched with others waits for them.
  const { left } = call;
  const waits = call.batch !== undefined && left !== undefined &&
    left.seq > (asked.answered?.seq ?? Infinity) &&
    !operations.some(({ question, asked: { seq } }) =>
      question.operation === "release" && seq < left.seq
    );
  const over: Moment | undefined = fetch !== undefined
    ? fetch.ended
    : waits
    ? left
    : asked.answered ?? asked.failed ?? asked.dropped;
  if (over === undefined || mayNoticeLoss(lease) !== undefined) return;
  // Whose process crashes meanwhile, or whose halves still look, isn't seen to wait.
  const isUnseen = story.crashed(process) !== undefined || !story.backend.fenced;
  if (fetch === undefined && call.batch !== undefined && isUnseen) return;

  // Halves say first that they are ready, and when that hangs, the lease ends by itself.
  const hung = !story.backend.fenced &&
    story.sceneOf(call).operations.some((operation) =>
      operation.asked.seq > over.seq && failedToAnswer(story, operation)
    );
  if (hung) return;
  const slowest = story.backend.fenced ? 0 : Math.max(
    0,
    ...story.sceneOf(call).operations.map((each) => durationOf(story, each)),
  );
  const isUnanswered = asked.answered === undefined ||
    (fetch === undefined && (failedToAnswer(story, asked) || call.batch !== undefined));
  const from = isUnanswered ? waitedUntil(story, lease, over) : over.at;
  const crashed = story.crashed(process);
  // Halves take several steps for one.
  const steps = story.backend.fenced ? 1 : 4;
  if (crashed && story.running(process, from, crashed.at) <= steps * slowest + story.slack) {
    return;
  }
  const end = operations.find(({ question, asked }) =>
    (question.operation === "fill" || question.operation === "release") && asked.seq > over.seq
  );
  const took = story.running(process, from, end?.asked.at ?? story.end.at);
  if (end === undefined || took > steps * slowest + story.slack) {
    return broken(`call ${call.call} kept its lease`, over);
  }
  const { operation, outcome } = end.question;
  const result = fetch?.ended?.result.type;
  const wanted = result === "failed"
    ? "failed"
    : result === "value" && cacheTtl === 0
    ? "uncached"
    : result === "value"
    ? undefined
    : "cancelled";
  if (operation === "release" && outcome !== wanted) {
    // A fetch may end otherwise than by its interruption, or in the moment of it; halves may be unable to store.
    const isNow = (moment: Moment | undefined) =>
      moment !== undefined && Math.abs(moment.at - over.at) <= story.instant;
    const cancels = fetch?.unwanted !== undefined || isNow(call.closing) || isNow(call.left) ||
      (wanted === undefined && !story.backend.fenced);
    if (cancels && outcome === "cancelled") return;
    // One that goes on when it is interrupted may still fail by itself.
    if (fetch?.deaf && fetch.unwanted !== undefined && outcome === "failed") return;
    broken(`call ${call.call} let its lease go as ${outcome}, and not as ${wanted}`, end.asked);
  }
}
