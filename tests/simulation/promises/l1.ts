import { fewHashes } from "../changes.ts";
import { isRefreshed } from "./freshness.ts";
import {
  type CallStory,
  isChange,
  type Judge,
  type Moment,
  type OperationStory,
  overAt,
  type Scene,
  type Story,
} from "../story.ts";

/** For how long a wall clock that is set may mislead, in milliseconds. */
const MISLED = 6;

/**
 * 16. A hit in L1 is what the process has read last, no longer ago than its time, and fresh; the process has not changed the key
 * since. Where it is told of changes, it hasn't heard of one of the key since that read began, nor was one made so long ago that
 * it should have; and what was read before some may have been missed is as young as without. Where what it hears isn't seen, it is
 * nothing that another process has surely replaced for longer than a change may be hidden.
 */
export const l1: Judge = (story, broken) => {
  const replacedAt = replacements(story);
  // A change is told of once the L1 knows of it.
  const surely = Math.max(0.01, story.instant);
  for (const scene of story.scenes) {
    for (const call of scene.calls) {
      const { ended, began, terms: { l1: ttl = 0 } } = call;
      if (ended?.ending.type !== "value" || ended.ending.tier !== "l1") continue;
      const { value } = ended.ending;
      const reads = scene.operations.filter((read) =>
        tellsEntry(read) && read.answered!.seq < ended.seq && !isOutdated(scene, read, surely)
      );
      const found = reads.filter(({ answered }) =>
        isEntry(answered) && Object.is(answered.answer.value, value)
      );
      const who = `call ${call.call}`;
      const last = Math.max(...found.map(({ asked }) => asked.seq));
      const read = found.find(({ asked }) => asked.seq === last);
      if (read === undefined) {
        broken(`${who} hit in L1 what its process has not read`, ended);
        continue;
      }
      // One that is set back shows again, for a moment, what it has shown before.
      const isSetBack = story.setBack.some(({ process, at }) =>
        process === call.process && at >= read.asked.at && at <= began.at
      );
      if (isSetBack) continue;
      const age = began.at - read.asked.at;
      if (age > ttl + MISLED) broken(`${who} hit in L1 what was read ${age} ms ago`, ended);
      judgeTold(story, call, read, broken);
      const { hides = Infinity } = story.backend;
      const hidden = began.at - (replacedAt(call, read) ?? Infinity);
      if (hidden > hides + MISLED + story.instant) {
        broken(`${who} hit in L1 what was replaced ${hidden} ms before`, ended);
      }
      const left = leftAt(read, began);
      if (left < -MISLED) broken(`${who} hit in L1 what is not fresh any more`, ended);
      // Reads of one moment may be heard of in any order.
      const later = reads.find((other) =>
        other.asked.at > read.asked.at && other.answered!.at < began.at &&
        !isOutdated(scene, other, -story.instant)
      );
      if (later !== undefined) broken(`${who} hit in L1 what was read before another read`, ended);
      if (changedSince(scene, read, { at: began.at, instant: story.instant })) {
        broken(`${who} hit in L1 what its process has changed`, ended);
      }
      const isDue = isPlain(call) && left < leftOf(call) - MISLED;
      if (isDue && !isRefreshed(story, call, ended)) {
        broken(`${who} hit in L1, and nobody refreshes what ends in ${left} ms`, ended);
      }
    }
  }
};

function judgeTold(
  { backend: { tells }, counted, heard, missed }: Story,
  { call, process, key, began }: CallStory,
  { asked, done }: OperationStory,
  broken: Parameters<Judge>[1],
): void {
  if (tells === undefined) return;
  const isBetween = (each: Moment & { readonly process: number }) =>
    each.process === process && each.seq > asked.seq && each.seq < began.seq;
  if (heard.some((each) => isBetween(each) && each.hash === fewHashes(key))) {
    broken(`call ${call} hit in L1 what its process has heard a change of`, began);
  }
  const age = began.at - asked.at;
  if (age > tells.alone + MISLED && missed.some(isBetween)) {
    broken(`call ${call} hit in L1 what may have been changed without being told of`, began);
  }
  const unheard = counted(key).find(({ seq }) => seq > done!.seq);
  if (unheard !== undefined && began.at - unheard.at > tells.within + MISLED) {
    broken(`call ${call} hit in L1 what was changed ${began.at - unheard.at} ms before`, began);
  }
}

/**
 * When the value that a call has hit in L1 was surely replaced by another that was stored after it, once it was read: by what
 * the processes were answered. What nobody was told is stored may still be on its way.
 */
export function replacements(
  { operations, instant }: Story,
): (call: CallStory, read: OperationStory) => number | undefined {
  const writes = operations.flatMap(({ question, asked, answered }) => {
    const { operation } = question;
    const isDone = isChange(question) || (operation === "fill" && answered?.answer.is === "true");
    return isDone && answered !== undefined ? [{ question, asked, answered }] : [];
  });
  const writtenAt = new Map(
    writes.flatMap(({ question: { operation, value }, answered }) =>
      operation === "set" || operation === "fill" ? [[value, answered.at] as const] : []
    ),
  );
  const known = new Map<unknown, readonly number[]>();
  return ({ ended }, read) => {
    if (ended?.ending.type !== "value") return undefined;
    const { value } = ended.ending;
    const written = writtenAt.get(value);
    if (written === undefined) return undefined;
    const all = known.get(value) ??
      writes.filter(({ asked }) => asked.at > written + instant).map(({ answered }) => answered.at);
    known.set(value, all);
    // Of what is there after all, the other was lost.
    const since = all.filter((at) => at > read.asked.at);
    return since.length === 0 ? undefined : Math.min(...since);
  };
}

/** Whether an operation tells what entry there is. */
function tellsEntry({ question: { operation }, answered }: OperationStory): boolean {
  return answered !== undefined &&
    (operation === "get" || answered.answer.is === "Hit" || answered.answer.gone === true);
}

function isEntry(answered: OperationStory["answered"]): answered is NonNullable<typeof answered> {
  return answered?.answer.is === "entry" || answered?.answer.is === "Hit";
}

/** For how much longer what was read is fresh, at least. */
function leftAt({ answered, asked }: OperationStory, { at }: Moment): number {
  return asked.at + (answered!.answer.freshFor ?? Infinity) - at;
}

/** When this process knew of a change: its own, or one that it has given up, or a refresh elsewhere that it waited for. */
function ownChanges({ changes, operations, calls }: Scene): (Moment | undefined)[] {
  const fills = operations.filter(({ question }) => question.operation === "fill");
  const renewed = calls.filter(({ terms, fetches, ended }) =>
    terms.refresh && fetches.length === 0 && ended?.ending.type === "value"
  ).map(({ call }) =>
    operations.find(({ question: { operation, owner, waitedFor }, answered }) =>
      operation === "acquire" && owner!.startsWith(`call ${call}:`) && waitedFor !== undefined &&
      answered?.answer.is === "Leader"
    )?.answered
  );
  return [...changes.map(({ ended }) => ended), ...fills.map(overAt), ...renewed];
}

/** Whether the process has changed the key while it read it; surely, or maybe, if both came at the same time. */
function isOutdated(scene: Scene, { asked, answered }: OperationStory, margin: number): boolean {
  return ownChanges(scene).some((change) =>
    change !== undefined && change.seq > asked.seq && change.at >= asked.at + margin &&
    change.at <= answered!.at - margin
  );
}

function changedSince(
  scene: Scene,
  { asked }: OperationStory,
  { at, instant }: { readonly at: number; readonly instant: number },
): boolean {
  return ownChanges(scene).some((change) =>
    change !== undefined && change.seq > asked.seq && change.at > asked.at + instant &&
    change.at < at
  );
}

function isPlain({ left, terms: { coalesce, refresh } }: CallStory): boolean {
  return left === undefined && coalesce && !refresh;
}

/** With how much of its time left an entry is refreshed, in milliseconds. */
function leftOf({ terms: { refreshAhead, cacheTtl } }: CallStory): number {
  return typeof refreshAhead === "number" ? (1 - refreshAhead) * cacheTtl : -Infinity;
}
