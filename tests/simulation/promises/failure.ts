import type { Question } from "../history.ts";
import {
  type CallStory,
  durationOf,
  failedToAnswer,
  type FetchStory,
  isPlain,
  isToldLate,
  type Judge,
  type Moment,
  overAt,
  type Scene,
  type Story,
} from "../story.ts";

/** 5. Nobody fetches or waits who has learned of `1 + takeovers` failed fetches, and nobody else fails for it. */
export const failure: Judge = (story, broken) => {
  for (const scene of story.scenes) {
    const all = failuresOf(story, scene);
    for (const call of scene.calls) {
      const { ended, terms: { takeovers }, fetches } = call;
      const who = `call ${call.call}`;
      const learned = all.filter((failure) =>
        failure.of !== call && failure.at.at >= call.began.at &&
        failure.at.seq < (ended?.seq ?? Infinity)
      );
      if (ended?.ending.type === "error" && ended.ending.tag === "FETCHER_FAILED") {
        const threw = fetches.some((fetch) => fetch.ended?.result.type === "failed");
        if (!threw && learned.length <= takeovers) {
          broken(`${who} failed after ${learned.length} failed fetches`, ended);
        }
      }
      if (!isPlain(story, scene)) continue;
      // Who comes in the moment in which a fetch begins or ends may have joined or not.
      const surely = learned.filter(({ at, since }) =>
        at.at > Math.max(call.began.at, since) + story.instant
      );
      const last = surely[takeovers];
      if (last === undefined || (call.left?.seq ?? Infinity) < last.at.seq) continue;
      const fetch = fetches.find(({ began }) => began.seq > last.at.seq);
      if (fetch) broken(`${who} fetched after ${takeovers + 1} failed fetches`, fetch.began);
      if (isToldLate(call)) continue;
      const until = ended ?? call.left ?? story.crashed(call.process) ?? story.end;
      if (
        story.running(call.process, last.at.at, until.at) >
          releasing(story, call, last.at) + story.slack
      ) broken(`${who} waited on after ${takeovers + 1} failed fetches`, last.at);
    }
  }
};

interface Failure {
  /** Whose fetch failed, if it was one of this process. */
  readonly of: CallStory | undefined;
  /** Since when it could be waited for; `Infinity` if those who waited may not have been told, and when they were. */
  readonly since: number;
  readonly at: Moment;
}

/** The failed fetches that a process learned of, in their order. */
function failuresOf(story: Story, { calls, fetches, operations }: Scene): Failure[] {
  const { backend: { fenced } } = story;
  const hasRefreshes = calls.some(({ terms }) => terms.refresh);
  const here = fetches.flatMap((fetch) => {
    const result = fetch.ended?.result.type;
    // One that goes on when it is interrupted may still fail by itself.
    const isDeaf = fetch.deaf === true && fetch.unwanted !== undefined && result === "interrupted";
    const at = isDeaf || result === "failed" ? toldAt(fetch) : undefined;
    if (at === undefined) return [];
    // Of a flight that was interrupted before they are told, nobody learns.
    const untold = isDeaf || (fetch.unwantedLate?.seq ?? Infinity) < at.seq;
    return [{ of: fetch.call, since: untold ? Infinity : fetch.began.at, at }];
  });
  const elsewhere = operations.flatMap((operation) => {
    const { answered } = operation;
    if (answered?.answer.after !== "failed") return [];
    // Halves look at the entry before they tell.
    const look = fenced
      ? undefined
      : operations.find(({ question, asked }) =>
        question.operation === "get" && asked.seq > answered.seq
      );
    // Who finds the entry has no need to know, and who can't look is told of that.
    if (
      !hasRefreshes && look !== undefined && look.answered?.answer.is !== "none" &&
      !look.failed?.corrupt
    ) {
      return [];
    }
    const at = look === undefined ? answered : overAt(look);
    if (at === undefined) return [];
    // An answer that comes when its time is out, as after a pause, is not heard.
    const isLate = failedToAnswer(story, operation) ||
      (look !== undefined && failedToAnswer(story, look));
    return [{ of: undefined, since: isLate ? Infinity : -Infinity, at }];
  });
  return [...here, ...elsewhere].sort((a, b) => a.at.seq - b.at.seq);
}

/** When those who waited for a fetch were told of its end: once its lease was let go. */
function toldAt({ lease, ended }: FetchStory): Moment | undefined {
  const release = lease?.operations.findLast(({ question }) => question.operation === "release");
  return release === undefined ? ended : overAt(release);
}

/** How long a call takes to let go of a lease that it won in vain; halves look at the entry before that. */
function releasing(story: Story, { call, process, key }: CallStory, since: Moment): number {
  const counts = ({ operation, owner }: Question) =>
    owner?.startsWith(`call ${call}:`) || (operation === "get" && !story.backend.fenced);
  return story.sceneOf({ process, key }).operations.reduce(
    (sum, operation) =>
      counts(operation.question) && operation.asked.seq > since.seq
        ? sum + durationOf(story, operation)
        : sum,
    0,
  );
}
