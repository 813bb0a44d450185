import {
  deedOf,
  isAhead,
  isChange,
  type Judge,
  type LeaseStory,
  type Moment,
  type OperationStory,
  type Story,
  unsureSince,
} from "../story.ts";

/** 2. Who won the lease fetches only if the entry was absent since. */
export const noSecondFetch: Judge = (story, broken) => {
  if (story.backend.seen === "some answers") return;
  const entries = entriesOf(story);
  for (const { call, lease, began } of story.fetches) {
    const acquire = lease?.operations.findLast(({ question }) => question.operation === "acquire");
    const won = acquire && deedOf(story, acquire);
    if (won === undefined) continue;
    const there = entries.some((entry) =>
      entry.key === call.key && story.isBefore(entry.from, won.first) && entry.until > began.at &&
      (entry.gone?.seq ?? Infinity) > began.seq &&
      (isAhead(call)
        ? entry.from.seq > (call.ended?.seq ?? Infinity) && isNewest(entry, entries)
        : !call.terms.refresh || isNewFor(lease!, entry, entries))
    );
    if (there) broken(`call ${call.call} fetched what had been stored`, began);
  }
};

/**
 * Whether a refresh can tell that an entry was stored while it waited: it is fresh for longer than all before, by more than
 * its first answer and its last look were under way.
 */
function isNewFor({ operations }: LeaseStory, entry: Stored, entries: readonly Stored[]): boolean {
  const looks = operations.filter(({ question }) => question.operation === "acquire");
  const first = looks.find(({ answered }) => answered?.answer.is === "Follower");
  const last = looks.at(-1)!;
  const trip = ({ asked, answered }: OperationStory) => (answered?.at ?? Infinity) - asked.at;
  return first !== undefined && entry.from.seq > first.answered!.seq &&
    last.answered?.answer.after !== "failed" && last.question.waitedFor !== undefined &&
    isNewest(entry, entries, trip(first) + trip(last));
}

function isNewest(entry: Stored, entries: readonly Stored[], millis = 0): boolean {
  return entries.every((other) =>
    other.key !== entry.key || other === entry || other.until + 10 + millis < entry.until
  );
}

/** An entry that surely was there, from one time to another. */
interface Stored {
  readonly key: string;
  readonly from: Moment;
  readonly until: number;
  /** When it may have gone at the earliest. */
  readonly gone: Moment | undefined;
}

/** Whether no entry is left; what is stale isn't one here. */
function removes({ question: { operation } }: OperationStory): boolean {
  return operation === "expire" || operation === "delete";
}

/** Which entries the backend had, and when. */
function entriesOf(story: Story): Stored[] {
  const writes = [
    ...story.operations.flatMap((operation) => {
      const { question: { operation: name, key, ttl = Infinity }, asked } = operation;
      if (name !== "fill" && !isChange(operation.question)) return [];
      const deed = deedOf(story, operation);
      if (deed?.answer.is === "false") return [];
      if (deed !== undefined) return [{ key, ...deed, ttl: removes(operation) ? 0 : ttl }];
      // It may yet be done, where only answers are known.
      return story.backend.seen === "deeds" ? [] : [{ key, first: asked, last: asked, ttl: 0 }];
    }),
    ...story.lost.map((at) => ({ key: at.key, first: at, last: at, ttl: 0 })),
  ].sort((a, b) => a.first.seq - b.first.seq);
  return writes.flatMap((write) => {
    const { key, first, last, ttl } = write;
    if (ttl <= 0 || last.seq >= unsureSince(story, key)) return [];
    // Another that was asked for before it may have been done after it.
    const gone = writes.find((other) =>
      other !== write && other.key === key && !story.isBefore(other.last, first)
    )?.first;
    return [{ key, from: last, until: first.at + ttl - story.slack, gone }];
  });
}
