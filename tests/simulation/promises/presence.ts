import { GRACE } from "../../../src/model/defaults.ts";
import {
  failedToAnswer,
  type Judge,
  type LeaseStory,
  mayLapse,
  mayNoticeLoss,
  overAt,
  type Story,
} from "../story.ts";

/** For how long a fetch runs before its leader is announced, in milliseconds. */
const ANNOUNCED_AFTER = 500;

/**
 * 18. A leader whose fetch takes long is announced, from then on until its lease has ended; and a backend that can tell that
 * it is dead says so.
 */
export const presence: Judge = (story, broken) => {
  if (!story.backend.announces) return;
  for (const lease of story.leases) {
    const { call, fetch, announced, announcedUntil, operations } = lease;
    if (fetch === undefined) continue;
    const { call: number, process } = call;
    const { began } = fetch;
    const ended = fetch.ended ?? story.crashed(process) ?? story.end;
    const ran = story.running(process, began.at, announced?.at ?? ended.at);
    if (announced !== undefined && announced.at - began.at < ANNOUNCED_AFTER - story.slack) {
      broken(`call ${number} was announced early`, announced);
    }
    if (ran > ANNOUNCED_AFTER + story.slack) broken(`call ${number} was announced late`, ended);
    isFoundDead(story, lease, broken);
    const isLast = ({ operation }: { readonly operation: string }) =>
      operation === "fill" || operation === "release";
    // One without an answer is given up, and the lease released in the background.
    const end = operations.find(({ question, asked }) => isLast(question) && asked.seq > began.seq);
    if (announcedUntil === undefined || end === undefined) continue;
    if (mayNoticeLoss(lease) !== undefined || mayLapse(story, lease, announcedUntil.at)) continue;
    const over = overAt(end);
    if (over === undefined || over.seq > announcedUntil.seq) {
      broken(`call ${number} wasn't announced any more before its lease had ended`, announcedUntil);
    }
  }
};

/**
 * Of two looks at the lease of a process that has crashed, more than the grace apart, the later finds it dead. Where deeds are
 * known, that is the model's; and until a network is whole again, nobody knows that a connection has ended.
 */
function isFoundDead(
  story: Story,
  { owner, call: { call, process, key }, fetch, announced }: LeaseStory,
  broken: Parameters<Judge>[1],
): void {
  const crashed = story.crashed(process);
  if (story.backend.seen !== "answers" || crashed === undefined) return;
  if (announced === undefined || (fetch?.ended?.seq ?? Infinity) < crashed.seq) return;
  const cuts = story.scenes.flatMap((scene) => story.absences(scene.process))
    .filter(({ from, to }) => to < Infinity && from <= crashed.at && to >= crashed.at);
  const from = Math.max(crashed.at, ...cuts.map(({ to }) => to)) + story.slack;
  const looks = story.operations.filter((operation) => {
    const { question, answered, asked } = operation;
    return question.operation === "acquire" && question.key === key && asked.at > from &&
      answered?.answer.is === "Follower" && answered.answer.watched === true &&
      answered.answer.lease === owner && !failedToAnswer(story, operation);
  }).sort((one, other) => one.asked.seq - other.asked.seq);
  const [first] = looks;
  const late = looks.find(({ asked }) =>
    asked.at > first!.answered!.at + GRACE + story.instant &&
    // Each absence counts from its own first look on.
    !story.scenes.some((scene) =>
      story.absences(scene.process).some(({ from, to }) =>
        to < Infinity && from < asked.at && to > first!.answered!.at
      )
    )
  );
  if (late !== undefined) broken(`call ${call} is dead, and still waited for`, late.asked);
}
