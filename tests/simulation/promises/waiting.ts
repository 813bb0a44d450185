import {
  activeUntil,
  type CallStory,
  durationOf,
  failedToAnswer,
  type FetchStory,
  type Judge,
  type Moment,
  type Scene,
  type Story,
} from "../story.ts";

/** How many operations may be in the way of a caller, besides its waiting: read, ask, and look for the last time. */
const OPERATIONS = 3;

/** Of how many parts one operation of halves may be. */
const PARTS = 3;

/** 6. Nobody waits for others longer than `waitMax`, but for a fallback that it shares. */
export const waiting: Judge = (story, broken) => {
  for (const scene of story.scenes) {
    const slowest = Math.max(0, ...scene.operations.map((each) => durationOf(story, each)));
    const parts = story.backend.fenced ? 1 : PARTS;
    const way = OPERATIONS * parts * slowest;
    for (const call of scene.calls) waitsInBounds(story, scene, call, way, broken);
    sharesFallbacks(story, scene, broken);
  }
};

function waitsInBounds(
  story: Story,
  scene: Scene,
  call: CallStory,
  way: number,
  broken: Parameters<Judge>[1],
): void {
  const { process, began, ended, left, fetches: [own], terms: { waitMax } } = call;
  const who = `call ${call.call}`;
  const crashed = story.crashed(process);
  const end = activeUntil(call) ?? crashed ?? story.end;
  const until = own?.began ?? end;
  const waited = story.running(process, began.at, until.at);
  const allowed = waitMax + way + story.slack;
  if (waited > allowed && !isCovered(story, scene, call, until.at - (waited - allowed), until.at)) {
    broken(`${who} waited for ${waited} ms, of ${waitMax}`, until);
  }
  if (crashed !== undefined) return;
  if (ended === undefined && left === undefined && (own === undefined || own.ended)) {
    return broken(`${who} never returned`, began);
  }
  if (left !== undefined && ended === undefined) return broken(`${who} left and never ended`, left);
  const cleanup = Math.max(0, ...scene.fetches.map(cleanupOf));
  if (left !== undefined && ended !== undefined) {
    const took = story.running(process, left.at, ended.at);
    if (took > cleanup + way + story.slack) broken(`${who} needed ${took} ms to leave`, left);
  }
  if (own?.ended !== undefined && ended !== undefined) {
    const took = story.running(process, own.ended.at, ended.at);
    if (took > way + story.slack) broken(`${who} returned ${took} ms after its fetch`, own.ended);
  }
}

function cleanupOf({ unwanted, ended }: FetchStory): number {
  return unwanted === undefined || ended === undefined ? 0 : ended.at - unwanted.at;
}

/** Whether fetches without a lease, each shared for as long as a lease lives, are what was waited for. */
function isCovered(
  story: Story,
  { fetches, operations }: Scene,
  { process, terms: { leaseTtl } }: CallStory,
  from: number,
  to: number,
): boolean {
  const slowest = Math.max(0, ...operations.map((each) => durationOf(story, each)));
  let at = from;
  for (const { lease, began, ended } of fetches) {
    if (lease !== undefined || began.at > at + slowest + story.slack) continue;
    const pauses = to - began.at - story.running(process, began.at, to);
    at = Math.max(at, Math.min(ended?.at ?? Infinity, began.at + 2 * leaseTtl + pauses));
  }
  return at >= to - slowest - story.slack;
}

/** One fallback of a process is shared for as long as a lease lives. */
function sharesFallbacks(story: Story, scene: Scene, broken: Parameters<Judge>[1]): void {
  if (
    scene.calls.some(({ terms }) => terms.bypass) &&
    scene.operations.some((operation) => failedToAnswer(story, operation))
  ) return;
  // A change that failed may have been made nevertheless.
  const retired = (from: Moment, to: Moment) =>
    scene.changes.some(({ ended }) => ended && ended.at >= from.at && ended.at <= to.at);
  const fallbacks = scene.fetches.filter(({ lease, call }) =>
    lease === undefined && call.terms.coalesce
  );
  fallbacks.forEach(({ call, began }, index) => {
    const before = fallbacks[index - 1];
    if (before === undefined || (before.ended?.seq ?? Infinity) < began.seq) return;
    const age = began.at - before.began.at;
    // A pause may be between a fallback and its fetch.
    if (story.paused(scene.process, before.call.began.at, before.began.at)) return;
    if (age < call.terms.leaseTtl - story.slack && !retired(before.began, began)) {
      broken(`call ${call.call} fell back while another of its process did`, began);
    }
  });
}
