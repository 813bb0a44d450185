import type { CacheLockingErrorTag } from "../../../mod.ts";
import {
  activeUntil,
  type CallStory,
  failedToAnswer,
  type Judge,
  type LeaseStory,
  mayBeGivenUp,
  type Moment,
  type OperationStory,
  overAt,
  type Story,
} from "../story.ts";

/** 5, 8 and 11. Each has its own errors, or those of what failed; what fails without failing a call is reported. */
export const errors: Judge = (story, broken) => {
  for (const call of story.calls) {
    const { ended } = call;
    if (ended?.ending.type !== "error") continue;
    const { tag, own } = ended.ending;
    const { of } = ended.ending;
    if (!own && of !== undefined) {
      if (!isShared(story, call, of)) {
        broken(`call ${call.call} failed with the error of call ${of}`, ended);
      }
    } else if (!isItsOwn(story, call, tag, own)) {
      broken(`call ${call.call} failed with ${tag}`, ended);
    }
    if (tag === "LEASE_ACQUIRE_FAILED" && story.backend.fenced && !hasWaited(story, call, ended)) {
      broken(`call ${call.call} gave up at one failed look`, ended);
    }
  }
  // An operation of halves has several parts, and is reported as a whole.
  if (!story.backend.fenced) return;
  for (const lease of story.leases) failedLookIsTold(story, lease, broken);
  for (const operation of story.operations) {
    const tag = reportedAs[operation.question.operation];
    const over = overAt(operation);
    if (tag === undefined || over === undefined || !isReportable(story, operation)) continue;
    const scene = story.sceneOf({ process: operation.process, key: operation.question.key });
    const told = scene.calls.some(({ hooks }) =>
      hooks.some((hook) => hook.hook === "onError" && hook.tag === tag && hook.seq > over.seq)
    );
    const crashed = story.crashed(operation.process);
    // A renewal that fails once the fetch has ended is of no more interest.
    const needless = operation.question.operation === "renew" &&
      scene.fetches.some((fetch) =>
        fetch.lease?.owner === operation.question.owner && (fetch.ended?.at ?? Infinity) <= over.at
      );
    if (!needless && !told && !(crashed !== undefined && crashed.at <= over.at + story.slack)) {
      broken(`a ${operation.question.operation} failed, and nobody was told`, over);
    }
  }
};

/** Of a follower's looks that fail, the first is reported, unless the wait is over with it. */
function failedLookIsTold(
  story: Story,
  { call, operations }: LeaseStory,
  broken: Parameters<Judge>[1],
): void {
  const looks = operations.filter(({ question }) => question.operation === "acquire");
  const follows = looks.findIndex(({ answered }) => answered?.answer.is === "Follower");
  // An answer that comes as its time is out may count or not.
  const failed = looks.find(({ answered, failed, dropped }, index) =>
    index > follows && follows >= 0 && answered === undefined &&
    (dropped !== undefined || failed?.corrupt === false)
  );
  const over = failed && overAt(failed);
  if (over === undefined || over.at >= call.began.at + call.terms.waitMax - SHORTEST_WAIT) return;
  // After a pause, its answer may come just as its time is out.
  if (story.paused(call.process, call.began.at, over.at)) return;
  const ends = [activeUntil(call), story.crashed(call.process)];
  if (ends.some((end) => end !== undefined && end.at <= over.at + story.slack)) return;
  const told = story.sceneOf(call).calls.some(({ hooks }) =>
    hooks.some(({ hook, tag, seq }) =>
      hook === "onError" && tag === "LEASE_ACQUIRE_FAILED" && seq > looks[0]!.asked.seq
    )
  );
  if (!told) broken(`call ${call.call} told nobody of a failed look`, over);
}

/** Whether a call that follows has waited for as long as it may; any other fails by its first acquire. */
function hasWaited(story: Story, call: CallStory, ended: Moment): boolean {
  const follows = story.leases.some((lease) =>
    lease.call === call &&
    lease.operations.some((operation) =>
      operation.answered?.answer.is === "Follower" && !failedToAnswer(story, operation)
    )
  );
  return !follows || ended.at - call.began.at >= call.terms.waitMax - SHORTEST_WAIT - story.slack;
}

/** With less than this left, in milliseconds, nobody waits any more. */
const SHORTEST_WAIT = 1;

const reportedAs: Partial<Record<string, CacheLockingErrorTag>> = {
  fill: "CACHE_SET_FAILED",
  renew: "LEASE_ACQUIRE_FAILED",
  get: "CACHE_GET_FAILED",
};

/**
 * A fill that is refused, a fill and a renewal that fail, and an entry that can't be decoded, unless it comes too late to be looked at. A renewal
 * is dropped with its fetch, too.
 */
function isReportable(story: Story, operation: OperationStory): boolean {
  const { question: { operation: name }, answered, failed, dropped } = operation;
  if (name === "get") {
    return failed?.corrupt === true && !failedToAnswer(story, operation) &&
      !mayBeGivenUp(story, operation, failed);
  }
  if (name === "fill" && answered?.answer.is === "false") return !failedToAnswer(story, operation);
  return failed !== undefined || (name === "fill" && dropped !== undefined);
}

/** Whether a call may fail with the error of another call's fetch: both share their failures. */
function isShared(
  { calls, isBefore }: Story,
  { key, terms, ended }: CallStory,
  of: number,
): boolean {
  const other = calls.find(({ call }) => call === of);
  return terms.shares !== undefined && other?.terms.shares !== undefined && other.key === key &&
    other.fetches.some((fetch) => {
      // One that goes on when it is interrupted may still fail by itself.
      const mayFail = fetch.deaf === true && fetch.unwanted !== undefined;
      return (mayFail || fetch.ended?.result.type === "failed") &&
        fetch.ended !== undefined && !isBefore(ended!, fetch.ended);
    });
}

function isItsOwn(story: Story, call: CallStory, tag: string, own: boolean): boolean {
  const { terms: { bypass }, fetches, hooks, left, began } = call;
  if (own) {
    return fetches.some(({ ended }) => ended?.result.type === "failed") ||
      hooks.some(({ hook }) => hook !== "onError");
  }
  const failed = (...operations: string[]) =>
    !bypass &&
    story.sceneOf(call).operations.some((operation) =>
      operations.includes(operation.question.operation) && failedToAnswer(story, operation) &&
      overAt(operation)!.at + story.slack >= began.at
    );
  const halves = story.backend.fenced ? [] : ["get", "ready", "release"];
  switch (tag) {
    case "CLOSED":
      return call.closing !== undefined;
    case "ABORTED":
      return left?.how === "abort";
    case "FETCHER_FAILED":
      return true; // by the judge of failures
    case "CACHE_GET_FAILED":
      return failed("get");
    case "LEASE_ACQUIRE_FAILED":
    case "LEASE_READY_FAILED":
    case "LEASE_RELEASE_FAILED":
      return failed("acquire", ...halves);
    default:
      return false;
  }
}
