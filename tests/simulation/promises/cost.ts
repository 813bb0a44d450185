import {
  durationOf,
  failedToAnswer,
  isPlain,
  type Judge,
  mayBeGivenUp,
  mayBeTooLate,
  type Moment,
  type OperationStory,
  overAt,
  type Scene,
  type Story,
} from "../story.ts";

/** The shortest pause between two looks, in milliseconds. */
const SHORTEST_PAUSE = 10;

/** 12. A process asks the backend as one, whatever the number of its callers. */
export const cost: Judge = (story, broken) => {
  const timeout = Math.max(...story.calls.map(({ terms }) => terms.operationTimeout));
  for (const operation of story.operations) {
    const { operation: name } = operation.question;
    if (story.calls.length > 0 && durationOf(story, operation) > timeout + story.slack) {
      broken(`a ${name} took longer than it may`, operation.asked);
    }
  }
  for (const scene of story.scenes) {
    if (isPlain(story, scene)) asksAsOne(story, scene, broken);
  }
};

/** When the opening of a watch was a reason to look: as it stood, or failed, but not where there is none to be had. */
function reasonOf(story: Story, watch: OperationStory): readonly Moment[] {
  const over = overAt(watch);
  const none = watch.answered?.answer.is === "none" && !failedToAnswer(story, watch);
  return over === undefined || none ? [] : [over];
}

function asksAsOne(story: Story, scene: Scene, broken: Parameters<Judge>[1]): void {
  const of = (name: string) =>
    scene.operations.filter(({ question }) => question.operation === name);
  // Halves look at the entry once more, behind their leases.
  const names = story.backend.fenced ? ["get", "acquire", "watch"] : ["acquire", "watch"];
  for (const name of names) {
    of(name).forEach((operation, index, all) => {
      const before = all[index - 1];
      if (
        before !== undefined && (overAt(before)?.seq ?? Infinity) > operation.asked.seq &&
        // What a client has asked for is dropped, or answered, in the moment in which it is closed.
        !scene.calls.some(({ closing }) => closing?.at === operation.asked.at) &&
        !mayBeGivenUp(story, before, operation.asked) &&
        !(name === "acquire" &&
          [before, operation].some((look) => mayBeTooLate(story, look, operation.asked)))
      ) broken(`two of ${name} at once`, operation.asked);
    });
  }
  for (const { began, ended, lease } of scene.fetches) {
    const end = ended?.at ?? Infinity;
    for (const operation of [...of("get"), ...of("acquire")]) {
      const { question, asked } = operation;
      if (
        asked.at > began.at && asked.at < end && question.owner !== lease?.owner &&
        !story.paused(scene.process, began.at, asked.at)
      ) broken(`a ${question.operation} beside the process's own fetch`, asked);
    }
  }
  // Halves take several steps for one look.
  if (!story.backend.fenced) return;
  const watches = of("watch");
  for (const lease of story.leases) {
    if (lease.call.process !== scene.process || lease.call.key !== scene.key) continue;
    const looks = lease.operations.filter(({ question }) => question.operation === "acquire");
    const reasons = [...scene.pushes, ...watches.flatMap((watch) => reasonOf(story, watch))];
    let soon = 0;
    looks.forEach((look, index) => {
      const before = looks[index - 1];
      if (before?.answered === undefined) return;
      // Of a failure that it can't read a call makes nothing, and looks again.
      if (before.answered.answer.is === "Failed" && lease.call.terms.shares !== undefined) return;
      const pause = look.asked.at - before.answered.at;
      if (pause >= SHORTEST_PAUSE - story.slack) return;
      const enough = reasons.filter(({ seq }) => seq > looks[0]!.asked.seq && seq < look.asked.seq);
      if (++soon > enough.length) {
        broken(`call ${lease.call.call} looked again after ${pause} ms`, look.asked);
      }
    });
  }
}
