import { GRACE } from "../../../src/model/defaults.ts";
import {
  type Deed,
  deedOf,
  isChange,
  type Judge,
  type LeaseStory,
  type Moment,
  type OperationStory,
  overAt,
  type Story,
  unsureSince,
} from "../story.ts";

/**
 * 1, 3 and 18. The backend lets one owner at a time hold a key's lease, unless that was gone for the grace, and only who holds
 * it still fill.
 */
export const oneHolder: Judge = (story, broken) => {
  if (story.backend.seen === "some answers") return;
  const holdings = story.leases.flatMap((lease) => holdingsOf(story, lease));
  for (const holding of holdings) {
    const { lease } = holding;
    const others = othersAfter(story, holding, holdings);
    // Who was replaced once holds it no more.
    const isReplaced = ({ first }: Deed) =>
      others.some(({ won }) => won.first.seq <= first.seq && isDeadAt(story, lease, won.last));
    const second = others.find((other) =>
      isHeldAt(story, holding, other.won.last) && !isReplaced(other.won)
    );
    if (second) {
      broken(`calls ${lease.call.call} and ${second.lease.call.call} led at once`, second.won.last);
    }
    if (story.backend.fenced && holding.isLast) fillsWhatItHolds(story, holding, others, broken);
  }
};

/** A lease that another has won before its time was over. */
export interface Replacement {
  readonly lease: LeaseStory;
  readonly by: LeaseStory;
  readonly at: Moment;
}

/** Who was replaced before the lease's time was over, and by whom at first. */
export function replacementsOf(story: Story): Replacement[] {
  const holdings = story.leases.flatMap((lease) => holdingsOf(story, lease));
  return holdings.flatMap((holding) => {
    const by = othersAfter(story, holding, holdings).find(({ won }) =>
      isHeldAt(story, holding, won.last)
    );
    return by === undefined ? [] : { lease: holding.lease, by: by.lease, at: by.won.last };
  });
}

/** Who won the lease of the same key surely later. */
function othersAfter(
  story: Story,
  { lease, won }: Holding,
  holdings: readonly Holding[],
): Holding[] {
  return holdings.filter((other) =>
    other.lease !== lease && other.lease.call.key === lease.call.key &&
    story.isBefore(won.last, other.won.first)
  );
}

/** What is known of an owner that won a lease. */
interface Holding {
  readonly lease: LeaseStory;
  readonly won: Deed;
  /** Whether the owner won no other after it. */
  readonly isLast: boolean;
  /** Until when the lease lives at least, if nobody ends it. */
  readonly until: number;
}

/**
 * An owner wins twice that didn't hear of the first time: if it has not lost the lease to a change meanwhile, it is told of
 * the lease that it holds, which lives no longer for that.
 */
function holdingsOf(story: Story, lease: LeaseStory): Holding[] {
  const deeds = lease.operations.flatMap((operation) => {
    const { operation: name, ttl = 0 } = operation.question;
    const deed = deedOf(story, operation);
    return deed === undefined ? [] : [{ name, ttl, deed }];
  });
  // What was asked first may be done last.
  const wins = deeds.filter(({ name, deed }) => name === "acquire" && deed.answer.is === "Leader")
    .sort((one, other) => one.deed.first.seq - other.deed.first.seq);
  let ends = Infinity;
  return wins.map(({ ttl, deed: won }, index) => {
    const at = Math.min(won.first.at, ...unheard(story, lease, won).map(({ asked }) => asked.at));
    if (at < ends) ends = Math.min(ends, at + ttl);
    // Where leases end by whoever has seen them for long enough, it may be the one that it had, whose time is out.
    else if (index > 0) ends = at + Math.min(ttl, won.answer.remaining ?? 0);
    else ends = at + ttl;
    // A renewal is of the lease that was won last.
    const next = wins[index + 1]?.deed.first.seq ?? Infinity;
    const renewed = deeds.filter(({ name, deed: { answer, first } }) =>
      name === "renew" && answer.is === "true" && first.seq < next
    ).map(({ ttl, deed }) => deed.first.at + ttl);
    return { lease, won, until: Math.max(ends, ...renewed), isLast: index === wins.length - 1 };
  });
}

/** What an owner asked for, and had no answer to, since it last heard that it didn't lead: one of these may have been done. */
function unheard(story: Story, lease: LeaseStory, { first }: Deed): readonly OperationStory[] {
  if (story.backend.seen === "deeds") return [];
  const before = lease.operations.filter(({ question, asked }) =>
    question.operation === "acquire" && asked.seq < first.seq
  ).sort((one, other) => one.asked.seq - other.asked.seq);
  return before.slice(before.findLastIndex(({ answered }) => answered !== undefined) + 1);
}

/** Whether an owner surely still held its lease: it had not run out, and nobody had ended it. */
function isHeldAt(story: Story, { lease, won, until }: Holding, at: Moment): boolean {
  const { key } = lease.call;
  const isEnd = ({ operation, owner }: { operation: string; owner?: string | undefined }) =>
    owner === lease.owner && (operation === "fill" || operation === "release");
  // What a client sends again is done again, at the latest when it is answered.
  const ends = [
    ...story.lost.filter((lost) => lost.key === key).map((lost) => ({ first: lost, last: lost })),
    ...story.operations.flatMap((operation) => {
      const { question, asked } = operation;
      if (question.key !== key || !(isEnd(question) || isChange(question))) return [];
      return story.backend.seen === "deeds"
        ? deedOf(story, operation) ?? []
        : { first: asked, last: overAt(operation) ?? story.end };
    }),
  ];
  const ended = ends.some(({ first, last }) => last.seq > won.first.seq && first.seq < at.seq);
  return !ended && at.at < until - story.slack && at.seq < unsureSince(story, key);
}

/** Whether the owner of a lease is to be taken for dead: it was announced, and its process gone for as long as the grace. */
function isDeadAt(story: Story, { announced, call }: LeaseStory, { at, seq }: Moment): boolean {
  return announced !== undefined && announced.seq < seq &&
    story.isGone(call.process, at - GRACE + story.instant, at);
}

/** Whose lease was won by another or revoked by a change can't fill. */
function fillsWhatItHolds(
  story: Story,
  { lease, won }: Holding,
  others: readonly Holding[],
  broken: Parameters<Judge>[1],
): void {
  const { key, call } = lease.call;
  const fill = lease.operations.find(({ question }) => question.operation === "fill");
  const filled = fill && deedOf(story, fill);
  if (filled?.answer.is !== "true") return;
  const isBetween = ({ first, last }: Deed) =>
    story.isBefore(won.last, first) && story.isBefore(last, filled.first);
  if (others.some((other) => isBetween(other.won))) {
    broken(`call ${call} filled, and another had won its lease before`, filled.last);
  }
  const changed = story.operations.some((operation) => {
    const deed = operation.question.key === key && isChange(operation.question) &&
      deedOf(story, operation);
    return deed && isBetween(deed);
  });
  if (changed) broken(`call ${call} filled what had been changed since`, filled.last);
}
