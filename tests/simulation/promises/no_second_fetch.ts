import type { Judge } from "../judge.ts";
import type { Moment, Story } from "../story.ts";

/** 2. Who won the lease fetches only if the entry was absent since. */
export const noSecondFetch: Judge = (story, broken) => {
  if (!story.backend.seen) return;
  const entries = entriesOf(story);
  for (const { call, lease, began } of story.fetches) {
    const won = lease?.operations.findLast(({ question }) => question.operation === "acquire")
      ?.done;
    if (won === undefined) continue;
    const there = entries.some(({ key, from, until, gone }) =>
      key === call.key && from.seq <= won.seq && until > began.at &&
      (gone?.seq ?? Infinity) > began.seq
    );
    if (there) broken(`call ${call.call} fetched what had been stored`, began);
  }
};

interface Stored {
  readonly key: string;
  readonly from: Moment;
  readonly until: number;
  gone?: Moment;
}

/** Which entries the backend had, and when. */
function entriesOf({ operations, lost }: Story): Stored[] {
  const writes = [
    ...operations.flatMap(({ question: { operation, key, ttl = Infinity }, done }) => {
      if (done === undefined) return [];
      const stores = operation === "set" || (operation === "fill" && done.answer.is === "true");
      return stores || operation === "delete" ? [{ key, at: done, ttl: stores ? ttl : 0 }] : [];
    }),
    ...lost.map((at) => ({ key: at.key, at, ttl: 0 })),
  ].sort((a, b) => a.at.seq - b.at.seq);
  const entries: Stored[] = [];
  for (const { key, at, ttl } of writes) {
    const last = entries.findLast((entry) => entry.key === key);
    if (last !== undefined) last.gone ??= at;
    if (ttl > 0) entries.push({ key, from: at, until: at.at + ttl });
  }
  return entries;
}
