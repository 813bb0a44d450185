import {
  activeUntil,
  type CallStory,
  durationOf,
  type FetchStory,
  isPlain,
  isRefresh,
  isToldLate,
  type Judge,
  type LeaseStory,
  longestFetch,
  mayLapse,
  mayNoticeLoss,
  type Moment,
  overAt,
  type Scene,
  type Story,
  windowsOf,
} from "../story.ts";

/** How many operations may be in the way of a caller, besides its waiting: to read, and to ask for the lease. */
const OPERATIONS = 2;

/** How many more where it may have a stale value: to read beside a fetch, and in the end. */
const MORE_OPERATIONS = 2;

/** One more where failures are shared: to look again behind one that it can't read. */
const SECOND_LOOK = 1;

/** Of how many parts one operation of halves may be. */
const PARTS = 3;

/** How long a value waits to be stored before it is given out, in milliseconds. */
const PATIENCE = 500;

/** 6. Nobody waits for others longer than `waitMax`, but for a fallback that it shares. */
export const waiting: Judge = (story, broken) => {
  for (const scene of story.scenes) {
    const slowest = Math.max(0, ...scene.operations.map((each) => durationOf(story, each)));
    const parts = story.backend.fenced ? 1 : PARTS;
    for (const call of scene.calls) {
      const { staleWhileRevalidate = 0, staleIfError = 0 } = call.terms;
      const more = staleWhileRevalidate + staleIfError > 0 ? MORE_OPERATIONS : 0;
      const again = scene.calls.some(({ terms }) => terms.shares !== undefined) ? SECOND_LOOK : 0;
      const way = (OPERATIONS + more + again) * parts * slowest;
      waitsInBounds(story, scene, call, way, broken);
    }
    sharesFetches(story, scene, broken);
    if (isPlain(story, scene)) withholdsNothing(story, scene, broken);
  }
  for (const lease of story.leases) looksInBounds(story, lease, broken);
};

function waitsInBounds(
  story: Story,
  scene: Scene,
  call: CallStory,
  way: number,
  broken: Parameters<Judge>[1],
): void {
  const { process, began, ended, left, terms: { waitMax } } = call;
  const own = call.fetches.find((fetch) => !isRefresh(story, fetch));
  const who = `call ${call.call}`;
  const crashed = story.crashed(process);
  const end = activeUntil(call) ?? crashed ?? story.end;
  const until = own?.began ?? end;
  const waited = story.running(process, began.at, until.at);
  const allowed = waitMax + way + story.slack;
  const beyond = { from: until.at - (waited - allowed), to: until.at, way };
  if (waited > allowed && !isToldLate(call) && !isCovered(story, scene, call, beyond)) {
    broken(`${who} waited for ${waited} ms, of ${waitMax}`, until);
  }
  if (crashed !== undefined) return;
  if (ended === undefined && left === undefined && (own === undefined || own.ended)) {
    return broken(`${who} never returned`, began);
  }
  if (left !== undefined && ended === undefined) return broken(`${who} left and never ended`, left);
  if (isToldLate(call)) return;
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

/** A follower doesn't look once its wait is over, which began by its first answer at the latest, nor waits for a look then. */
function looksInBounds(story: Story, lease: LeaseStory, broken: Parameters<Judge>[1]): void {
  const { call, operations } = lease;
  const { process, terms: { waitMax } } = call;
  // Those of halves have several parts.
  if (!story.backend.fenced) return;
  const looks = operations.filter(({ question }) => question.operation === "acquire");
  const first = looks.findIndex(({ answered }) => answered?.answer.is === "Follower");
  const since = looks[first]?.answered;
  if (since === undefined) return;
  // A fetch for many keys waits for their looks, also for one that nobody waits for any more.
  const gathered = call.batch === undefined ? 0 : Math.min(PATIENCE, waitMax);
  const allowed = Math.ceil(waitMax) + gathered + story.slack;
  for (const { asked } of looks.slice(first + 1)) {
    if (story.running(process, since.at, asked.at) > allowed) {
      broken(`call ${call.call} looked beyond its wait`, asked);
    }
  }
  // Who may have a stale value reads once more when its wait is over.
  const reads = windowsOf(call).staleIfError > 0 &&
    story.sceneOf(call).operations.some(({ question, asked }) =>
      question.operation === "get" && asked.seq > since.seq
    );
  if (reads) return;
  const last = overAt(looks.at(-1)!) ?? story.crashed(process) ?? story.end;
  const until = call.fetches[0]?.began ?? activeUntil(call) ?? last;
  const waited = story.running(process, since.at, last.at);
  const beyond = { from: last.at - (waited - allowed), to: last.at, way: 0 };
  if (
    waited > allowed && until.seq >= last.seq && until.at <= last.at + story.slack &&
    !isCovered(story, story.sceneOf(call), call, beyond)
  ) {
    broken(`call ${call.call} waited for a look beyond its wait`, last);
  }
}

/** How long a fetch goes on that nobody wants any more: one that is deaf to that has failed after `fetchTimeout`. */
function cleanupOf({ unwanted, began, ended, call: { terms } }: FetchStory): number {
  const over = ended?.at ?? began.at + (terms.fetchTimeout ?? Infinity);
  return unwanted === undefined || over === Infinity ? 0 : over - unwanted.at;
}

/** Whether fetches of its process are what a call waited for. */
function isCovered(
  story: Story,
  { fetches }: Scene,
  { process, terms: { coalesce } }: CallStory,
  { from, to, way }: { readonly from: number; readonly to: number; readonly way: number },
): boolean {
  let at = from;
  for (const { began, ended, call } of coalesce ? fetches : []) {
    if (story.running(process, at, began.at) > way + story.slack) continue;
    const pauses = to - began.at - story.running(process, began.at, to);
    // Waits end at whole milliseconds.
    const longest = Math.ceil(began.at + longestFetch(call) + pauses);
    at = Math.max(at, Math.min(ended?.at ?? Infinity, longest));
  }
  return story.running(process, at, to) <= way + story.slack;
}

/** For how long the key of a fetch may have waited for others to be fetched with. */
function gatheredFor({ batch }: FetchStory): number {
  return batch === undefined ? 0 : PATIENCE;
}

/** Nobody fetches without a lease beside a fetch of its process, whatever `waitMax` says. */
function sharesFetches(story: Story, scene: Scene, broken: Parameters<Judge>[1]): void {
  // A change that failed may have been made nevertheless.
  const retired = (from: Moment, to: Moment) =>
    scene.changes.some(({ ended }) => ended && ended.at >= from.at && ended.at <= to.at);
  const fetches = scene.fetches.filter(({ call }) => call.terms.coalesce);
  for (const fetch of fetches.filter(({ lease }) => lease === undefined)) {
    const { began, call } = fetch;
    const beside = fetches.find((other) =>
      other.began.at + story.slack < began.at && (other.ended?.seq ?? Infinity) > began.seq &&
      began.at - other.began.at < longestFetch(other.call) - gatheredFor(other) - story.slack &&
      // A pause may be between the decision and its fetch.
      !story.paused(scene.process, other.call.began.at, began.at) &&
      !retired(other.call.began, began) && !retired(call.began, began) &&
      !isLost(story, other, began) && !isTimedOut(story, other, began) &&
      !isLeftIn(story, scene, other, fetch)
    );
    if (beside !== undefined) {
      broken(`call ${call.call} fetched beside another fetch of its process`, began);
    }
    // Halves look at the entry before a wait begins. Those who waited for a fetch that hung go on in one moment, one after the
    // other: what takes no time has ended before the last of them asks, and the last may wait for one that fails.
    const inOneMoment = ({ began: first }: FetchStory) =>
      fetches.some((last) =>
        last.lease === undefined && last.began.seq > first.seq &&
        last.began.at <= first.at + story.slack && (last.ended?.seq ?? Infinity) < began.seq &&
        last.ended!.result.type !== "value"
      );
    const before = story.backend.fenced &&
      fetches.find((other) =>
        other.lease === undefined && other.ended?.result.type === "value" &&
        other.began.at + story.slack < began.at &&
        other.ended.seq < began.seq && !inOneMoment(other) &&
        outOfTime(story, call, began) + story.slack < other.ended.at &&
        !story.paused(scene.process, other.call.began.at, began.at) &&
        !retired(other.call.began, began) && !retired(call.began, began)
      );
    if (before) {
      broken(`call ${call.call} had to have what its process had fetched`, began);
    }
  }
}

/**
 * When a call has waited for as long as it may, at the latest: it may have read and asked before. One that may have a stale
 * value in place of a fetch reads once more then.
 */
function outOfTime(story: Story, call: CallStory, before: Moment): number {
  const over = waitOver(story, call);
  if (windowsOf(call).staleIfError === 0) return over;
  const reads = story.sceneOf(call).operations.filter(({ question, asked }) =>
    question.operation === "get" && asked.seq > call.began.seq && asked.seq < before.seq
  );
  return Math.max(over, ...reads.map((read) => overAt(read)?.at ?? Infinity));
}

function waitOver({ leases }: Story, call: CallStory): number {
  const asked = leases.filter((lease) => lease.call === call).flatMap(({ operations }) =>
    operations
  )
    .map((operation) => overAt(operation)?.at ?? Infinity);
  return Math.min(...asked, Infinity) + call.terms.waitMax;
}

/** Whether a fetch's time was out by then: that it is told nothing of, once it is unwanted. */
function isTimedOut({ slack }: Story, { unwanted, began, call }: FetchStory, at: Moment): boolean {
  const { fetchTimeout = Infinity } = call.terms;
  return unwanted !== undefined && at.at - began.at >= fetchTimeout - slack;
}

/**
 * Whether nobody waited any more for a key of a batch when it was fetched anew: then its flight was over, while the batch went
 * on for other keys.
 */
function isLeftIn(
  story: Story,
  scene: Scene,
  { batch, call: { left } }: FetchStory,
  { began, call }: FetchStory,
): boolean {
  return batch !== undefined && left !== undefined && left.seq < began.seq &&
    scene.calls.every((other) =>
      other === call || other.began.seq > began.seq ||
      (activeUntil(other)?.seq ?? Infinity) < began.seq ||
      waitOver(story, other) + story.slack >= began.at
    );
}

/** Whether a fetch had lost its lease by then, so that nobody joined it any more. */
function isLost(story: Story, { lease }: FetchStory, at: Moment): boolean {
  if (lease === undefined) return false;
  const lost = mayNoticeLoss(lease);
  return (lost !== undefined && lost.seq < at.seq) || mayLapse(story, lease, at.at);
}

/** A value that is there is given to all who wait for it, whatever its fill does. */
function withholdsNothing(story: Story, scene: Scene, broken: Parameters<Judge>[1]): void {
  for (const { ended: fetched } of scene.fetches) {
    if (fetched?.result.type !== "value") continue;
    for (const call of scene.calls) {
      const { began, terms: { waitMax } } = call;
      const until = activeUntil(call) ?? story.crashed(scene.process) ?? story.end;
      const since = readUntil(story, scene, call) ?? began;
      if (began.seq > fetched.seq || until.seq < fetched.seq || isToldLate(call)) continue;
      const patience = Math.min(PATIENCE, Math.max(0, since.at + waitMax - fetched.at));
      const first = call.fetches.length > 0;
      const took = story.running(scene.process, fetched.at, until.at);
      if (took > (first ? PATIENCE : patience) + story.slack) {
        broken(`call ${call.call} had its value ${took} ms after the fetch`, until);
      }
    }
  }
}

/** Until when a call has read by itself what it finds stale: another may lead then, for whom it waits only from then on. */
function readUntil(
  { slack }: Story,
  { operations }: Scene,
  { began }: CallStory,
): Moment | undefined {
  const read = operations.find(({ question, asked }) =>
    question.operation === "get" && asked.seq > began.seq && asked.at <= began.at + slack
  );
  return read?.answered?.answer.is === "stale" ? read.answered : undefined;
}
