import { isUndisturbed } from "./freshness.ts";
import type { Question } from "../history.ts";
import {
  activeUntil,
  type CallStory,
  durationOf,
  isChange,
  type Judge,
  type Moment,
  overAt,
  type Story,
} from "../story.ts";

/** 13. A refresh brings what was fetched or set since it was asked for, and nobody waits for it who finds a fresh entry. */
export const refreshes: Judge = (story, broken) => {
  for (const call of story.calls) {
    const { ended } = call;
    if (ended?.ending.type !== "value" || call.left !== undefined) continue;
    if (!call.terms.refresh) waitsForNone(story, call, ended, broken);
    // What halves have waited for is told by nothing but that it is there.
    else if (story.backend.fenced && !isNew(story, call, ended.ending.value)) {
      broken(`call ${call.call} got what had been there before it asked for a refresh`, ended);
    }
  }
};

function isNew(story: Story, call: CallStory, value: unknown): boolean {
  const { key, began } = call;
  const { operations } = story.sceneOf(call);
  const isTaken = operations.some(({ question, answered }) => {
    const { is, value: found } = answered?.answer ?? {};
    // It has heard the answer by the time that it lets go of the lease, in the same moment.
    const release = answered &&
      operations.find(({ question: { operation, owner }, asked }) =>
        operation === "release" && owner === question.owner && asked.seq > answered.seq &&
        asked.at <= answered.at + story.slack
      );
    const isFound = question.waitedFor !== undefined && answered !== undefined &&
      (release?.asked ?? answered).seq > began.seq &&
      (is === "Leader" || is === "Hit") && Object.is(found, value);
    // Who joined may have come just after the other's fetch. An entry without a time to live counts as new.
    return isFound && (!isOwner(call, question) || !hasTimes(story, call));
  });
  if (isTaken) return true;
  return story.fetches.some((fetch) =>
    fetch.call.key === key && fetch.ended?.result.type === "value" &&
    Object.is(fetch.ended.result.value, value) &&
    endOfFill(fetch.lease?.operations) >= began.at - story.instant
  ) || story.changes.some((change) =>
    change.key === key && Object.is(change.value, value) &&
    // One that failed may be done later.
    (change.ended?.ok ? change.ended.seq : Infinity) > began.seq
  );
}

function isOwner({ call }: CallStory, { owner }: Question): boolean {
  return owner?.startsWith(`call ${call}:`) === true;
}

/** When a fetch's value was surely stored, or in no way; a failure is reported before those who waited are told. */
function endOfFill(operations: Story["operations"] = []): number {
  if (operations.length === 0) return Infinity;
  return Math.max(...operations.map((each) => overAt(each)?.at ?? Infinity));
}

/** Whether all entries of the key have a time to live, which the backend tells. */
function hasTimes(story: Story, { key }: CallStory): boolean {
  return story.backend.fenced &&
    story.operations.every(({ question }) =>
      question.key !== key || (question.operation !== "fill" && question.operation !== "set") ||
      question.ttl !== undefined
    );
}

function waitsForNone(
  story: Story,
  call: CallStory,
  ended: Moment,
  broken: Parameters<Judge>[1],
): void {
  const { key, process, began } = call;
  const scene = story.sceneOf(call);
  const beside = scene.calls.filter((other) =>
    other !== call && other.began.seq < ended.seq &&
    (activeUntil(other)?.seq ?? Infinity) > began.seq
  );
  const isBesideRefreshes = beside.length > 0 &&
    beside.every(({ terms, left }) => terms.refresh && terms.coalesce && left === undefined);
  if (!isBesideRefreshes || story.backend.seen !== "deeds" || !call.terms.coalesce) return;
  // One that had joined a fetch of a key without an entry goes on as that did: nobody reads beside it.
  const mayBeCold = beside.some((refresh) =>
    scene.calls.some((other) =>
      !other.terms.refresh && other.began.seq < refresh.began.seq &&
      (activeUntil(other)?.seq ?? Infinity) > refresh.began.seq
    )
  );
  if (mayBeCold) return;
  if (!isUndisturbed(story, call, ended) || story.lost.some((lost) => lost.key === key)) return;
  // The entry that the key surely has all the time, as nothing else is done to it.
  const deeds = story.operations.filter(({ question, answered }) =>
    question.key === key && (isChange(question) || question.operation === "fill") &&
    answered?.answer.is !== "false"
  );
  const [last, ...later] = deeds.filter(({ asked }) => asked.seq < ended.seq).reverse();
  const isThere = last?.done !== undefined && last.done.seq < began.seq &&
    (last.question.operation === "set" || last.question.operation === "fill") &&
    (last.question.ttl ?? Infinity) > ended.at - last.asked.at + story.slack &&
    later.every(({ done }) => done !== undefined && done.seq < last.done!.seq);
  const way = Math.max(0, ...scene.operations.map((each) => durationOf(story, each)));
  const took = story.running(process, began.at, ended.at);
  if (isThere && took > 2 * way + story.slack) {
    broken(`call ${call.call} waited for ${took} ms for a refresh beside a fresh entry`, ended);
  }
}
