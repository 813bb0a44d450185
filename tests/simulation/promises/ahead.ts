import { isRefreshed } from "./freshness.ts";
import {
  callOf,
  type CallStory,
  failedToAnswer,
  hasHit,
  type Judge,
  type Moment,
  type OperationStory,
  type Scene,
  type Story,
} from "../story.ts";

/** 13. Who finds an entry in the last part of its time has it refreshed, unless that is done, and nobody does so before. */
export const ahead: Judge = (story, broken) => {
  if (story.backend.seen !== "deeds") return;
  for (const scene of story.scenes) {
    const left = leftOf(scene);
    if (left === undefined) continue;
    for (const read of readsOf(story, scene)) {
      const { answer: { freshFor = Infinity }, ...answered } = read.answered!;
      const call = scene.calls.find((each) => hits(each, read));
      if (freshFor < left - story.slack && call !== undefined) {
        const asker = { ...call, began: read.asked };
        if (!isRefreshed(story, asker, answered)) {
          broken(
            `call ${call.call} hit, and nobody refreshes what ends in ${freshFor} ms`,
            answered,
          );
        }
      }
      if (freshFor <= left + story.slack) continue;
      const asked = scene.operations.find(({ question, asked }) =>
        question.operation === "acquire" && question.waitedFor === undefined &&
        asked.seq > answered.seq && asked.at <= answered.at + story.slack &&
        isForNobody(scene, question.owner, asked)
      );
      if (asked !== undefined) {
        broken(`what is fresh for ${freshFor} ms was refreshed`, asked.asked);
      }
    }
  }
};

/** With how much of its time left an entry is refreshed, in milliseconds, if all calls of a scene say the same. */
function leftOf({ calls }: Scene): number | undefined {
  const [first, ...others] = calls.map(({ terms }) => terms);
  const { refreshAhead, cacheTtl = 0 } = first ?? {};
  const isSame = others.every((terms) =>
    terms.refreshAhead === refreshAhead && terms.cacheTtl === cacheTtl
  );
  const isPlain = calls.every(({ terms }) =>
    terms.coalesce && !terms.refresh && terms.l1 === undefined
  );
  return isSame && isPlain && typeof refreshAhead === "number"
    ? (1 - refreshAhead) * cacheTtl
    : undefined;
}

/** The reads that found a fresh entry in time. */
function readsOf(story: Story, { operations }: Scene): OperationStory[] {
  return operations.filter((operation) =>
    operation.question.operation === "get" && operation.answered?.answer.is === "entry" &&
    !failedToAnswer(story, operation)
  );
}

/** Whether a call has what was read for it. */
function hits({ began, ended, left }: CallStory, { asked, answered }: OperationStory): boolean {
  return began.seq < asked.seq && began.at === asked.at && left === undefined &&
    ended?.ending.type === "value" && ended.ending.cache === "HIT" &&
    ended.at === answered!.at && ended.seq > answered!.seq;
}

/** Whether an owner's call has its value already. */
function isForNobody(scene: Scene, owner: string | undefined, asked: Moment): boolean {
  const call = callOf(scene, owner);
  return call !== undefined && hasHit(call, asked);
}
