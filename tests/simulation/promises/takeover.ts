import { GRACE } from "../../../src/model/defaults.ts";
import {
  beginningOf,
  durationOf,
  failedToAnswer,
  isPlain,
  type Judge,
  type LeaseStory,
  type Moment,
  type OperationStory,
  overAt,
  type Scene,
  shortestTimeout,
  type Story,
} from "../story.ts";

/** Of how many parts one operation of halves may be. */
const PARTS = 5;

/** The shortest pause between two looks, in milliseconds. */
const SHORTEST_PAUSE = 10;

/** The longest pause until a look at a lease whose owner may be found dead, in milliseconds. */
const WATCHED_PAUSE = 250;

/** 4. Whoever waits looks in time, at once when it is woken, and says what it waited for. */
export const takeover: Judge = (story, broken) => {
  for (const lease of story.leases) {
    const looks = lease.operations.filter(({ question }) => question.operation === "acquire");
    const scene = story.sceneOf(lease.call);
    const { process, call, terms: { longestPause } } = lease.call;
    if (mayFailInParts(story, scene)) continue;
    const who = `call ${call}`;
    if (looks[0]?.question.waitedFor !== undefined) {
      broken(`${who} waited for a lease before it looked`, looks[0].asked);
    }
    const pushed = endedByPush(story, scene, looks);
    looks.forEach((look, index) => {
      const { answered } = look;
      const next = looks[index + 1];
      // After one that failed the next comes as a strategy has it.
      if (answered === undefined || next === undefined || failedToAnswer(story, look)) return;
      const { is, lease: name, remaining = Infinity, watched } = answered.answer;
      // Of a failure that can't be read it makes nothing.
      if (is === "Failed" && lease.call.terms.shares !== undefined) return;
      if (is !== "Follower") {
        // Halves look at the entry behind the lease, which may fail.
        return story.backend.fenced &&
          broken(`${who} looked again after it was told ${is}`, next.asked);
      }
      // Halves look at the entry last: where that fails, or its answer comes as its time is out, who leads now may not be told.
      const mayBeUntold = next.question.waitedFor === look.question.waitedFor &&
        scene.operations.some((each) => isPartOf(story, look, each) && failedToAnswer(story, each));
      if (story.backend.names && next.question.waitedFor !== name && !mayBeUntold) {
        broken(`${who} did not say which lease it had waited for`, next.asked);
      }
      const others = besides(story, scene, answered.at, next.asked.at);
      const soon = watched ? WATCHED_PAUSE : story.backend.announces ? GRACE : Infinity;
      const pause = Math.max(Math.min(longestPause, remaining + 1, soon), SHORTEST_PAUSE);
      const from = pausesSince(scene, answered, next.asked);
      // A look of halves that failed before it asked for the lease is one more pause.
      const looked = 1 + failedParts(story, scene, answered.at, next.asked.at);
      if (story.running(process, from, next.asked.at) > looked * pause + others + story.slack) {
        broken(`${who} looked late`, next.asked);
      }
      const broke = scene.operations.some((operation) =>
        operation.question.operation === "watch" && failedToAnswer(story, operation)
      );
      if (!isPlain(story, scene) || broke) return;
      const push = scene.pushes.find(({ seq }) => seq > answered.seq && seq < next.asked.seq);
      // After a push that told of nothing new, the next is heeded at the strategy's own pace.
      const inVain = pushed[index] && next.question.waitedFor === look.question.waitedFor;
      const lastPart = scene.operations.findLast((each) => isPartOf(story, look, each))!;
      const pausedAt = overAt(lastPart)?.at ?? answered.at;
      const heeded = pausedAt + (inVain ? longestPause : SHORTEST_PAUSE);
      if (
        push &&
        story.running(process, Math.max(heardAt(scene, push), heeded), next.asked.at) >
          others + story.slack
      ) {
        broken(`${who} slept through a push`, next.asked);
      }
    });
    fallsBackAtOnce(story, lease, scene, broken);
  }
  for (const scene of story.scenes) {
    if (isPlain(story, scene) && !mayFailInParts(story, scene)) {
      looksBehindWatches(story, scene, broken);
    }
  }
};

/** Whether an operation of halves may fail though one of its parts has an answer: slow ones take all the time together. */
function mayFailInParts(story: Story, { operations, calls }: Scene): boolean {
  const slowest = Math.max(0, ...operations.map((each) => durationOf(story, each)));
  return !story.backend.fenced && PARTS * slowest >= shortestTimeout(calls);
}

/**
 * Whether a push ended the pause before each look. One that comes later, beside the rest of the shortest pause or the look,
 * ends the next pause; all that have come by the beginning of a pause are one.
 */
function endedByPush(
  story: Story,
  { operations, pushes }: Scene,
  looks: readonly OperationStory[],
): boolean[] {
  let heard = -1;
  return looks.map((look, index) => {
    const before = looks[index - 1];
    const paused = before && overAt(operations.findLast((each) => isPartOf(story, before, each))!);
    if (paused === undefined) return false;
    const stands = operations.findLast(({ question, asked }) =>
      question.operation === "watch" && asked.seq < look.asked.seq
    )?.answered;
    // That it stands ends a pause of its own.
    if ((stands?.seq ?? Infinity) > beginningOf(story, before!).seq) return false;
    const began = beginningOf(story, look);
    const push = pushes.find(({ seq }) => seq > heard && seq < began.seq);
    if (push === undefined) return false;
    heard = Math.max(push.seq, paused.seq);
    return true;
  });
}

/** Whether an operation is a look, or the end of it: halves look at the entry last. */
function isPartOf({ backend, slack }: Story, look: OperationStory, other: OperationStory): boolean {
  const { answered } = look;
  return other === look ||
    (!backend.fenced && other.question.operation === "get" && answered !== undefined &&
      other.asked.seq > answered.seq && other.asked.at <= answered.at + slack);
}

/** When a push is heard: as the watch stands, if it was still being opened. */
function heardAt({ operations }: Scene, push: Moment): number {
  return operations.reduce((at, operation) => {
    const { question, asked, answered } = operation;
    const opening = question.operation === "watch" && asked.seq < push.seq &&
      (overAt(operation)?.seq ?? Infinity) > push.seq;
    return opening ? Math.max(at, answered?.at ?? Infinity) : at;
  }, push.at);
}

/** When the pause before a look began: with the answer before, or as it was learned that there is no push to be had. */
function pausesSince({ operations }: Scene, before: Moment, look: Moment): number {
  return operations.reduce((at, { question, answered }) => {
    const none = question.operation === "watch" && answered?.answer.is === "none" &&
      answered.seq < look.seq;
    return none ? Math.max(at, answered.at) : at;
  }, before.at);
}

/** How long other operations took between two times: halves take several for one look. */
function besides(story: Story, { operations }: Scene, from: number, to: number): number {
  return operations.reduce((sum, operation) => {
    const { operation: name } = operation.question;
    const counts = (name === "ready" || name === "get") &&
      operation.asked.at <= to && (overAt(operation)?.at ?? to) >= from;
    return counts ? sum + durationOf(story, operation) : sum;
  }, 0);
}

/** How many parts of looks failed between two times, of halves. */
function failedParts(story: Story, { operations }: Scene, from: number, to: number): number {
  return operations.filter((operation) => {
    const { question: { operation: name }, asked } = operation;
    return (name === "ready" || name === "get") && asked.at >= from && asked.at <= to &&
      failedToAnswer(story, operation);
  }).length;
}

/** Who learns that nothing was stored falls back, and doesn't queue for the lease. */
function fallsBackAtOnce(
  story: Story,
  { operations, call }: LeaseStory,
  scene: Scene,
  broken: Parameters<Judge>[1],
): void {
  const { answered } =
    operations.find((each) =>
      each.answered?.answer.is === "Ended" && !failedToAnswer(story, each)
    ) ?? {};
  if (answered === undefined || call.left !== undefined) return;
  // Halves look at the entry behind that, which may fail: then it was told of nothing.
  const behind = story.backend.fenced
    ? undefined
    : scene.operations.find(({ question, asked }) =>
      question.operation === "get" && asked.seq > answered.seq
    );
  if (behind !== undefined && failedToAnswer(story, behind)) return;
  const by = (at: number) =>
    story.running(call.process, answered.at, at) <=
      besides(story, scene, answered.at, at) + story.slack;
  // Its process may lead again, behind a change.
  const fetches = scene.fetches.some(({ call: other, lease, began, ended }) => {
    const ends = [ended, ...(lease?.operations ?? []).map(overAt)];
    return (lease === undefined || other !== call) && by(began.at) &&
      ends.some((end) => (end?.seq ?? Infinity) > answered.seq);
  });
  const over = call.ended !== undefined && by(call.ended.at);
  const crashed = story.crashed(call.process);
  if (!fetches && !over && !(crashed && by(crashed.at))) {
    broken(`call ${call.call} did not fall back when nothing was stored`, answered);
  }
}

/** Once a watch stands, a look follows at once: something may have come about before. */
function looksBehindWatches(story: Story, scene: Scene, broken: Parameters<Judge>[1]): void {
  const looks = scene.operations.filter(({ question }) => question.operation === "acquire");
  for (const operation of scene.operations) {
    const { question, answered } = operation;
    if (question.operation !== "watch" || answered?.answer.is !== "done") continue;
    if (failedToAnswer(story, operation)) continue;
    const before = looks.findLast((look) => look.asked.seq < answered.seq);
    const next = looks.find((look) => look.asked.seq > answered.seq);
    if (next?.question.owner !== before?.question.owner || next === undefined) continue;
    // A look may be under way.
    const from = Math.max(answered.at, overAt(before!)?.at ?? Infinity);
    // Halves may ask first whether the leader is done, and that may fail.
    const begun = scene.operations.find(({ question, asked }) =>
      (question.operation === "acquire" || question.operation === "ready") &&
      asked.seq > answered.seq
    )!;
    const pause = story.running(scene.process, from, begun.asked.at);
    if (pause > besides(story, scene, from, begun.asked.at) + story.slack) {
      broken("a watch stood, and nobody looked what had come about before", answered);
    }
  }
}
