import type { SpanNote } from "../history.ts";
import { callOf, failedToAnswer, type Judge, type Moment, type OperationStory } from "../story.ts";

const TRACE = /:00-[\da-f]{32}-([\da-f]{16})-01$/;

/** The id of the span that an owner tells of. */
const spanIn = (owner: string | undefined) => TRACE.exec(owner ?? "")?.[1];

/** Spans are linked to the fetch that they waited for, and the owner of a lease tells of its call. */
export const links: Judge = (story, broken) => {
  const { spans } = story;
  const byId = new Map(spans.map((span) => [span.id, span]));
  const momentOf = ({ at, seq }: SpanNote): Moment => ({ at, seq });
  const isCall = (span: SpanNote | undefined) => span?.name === "cache-locking.getOrSet";
  const parents = new Set(spans.map(({ parent }) => parent));
  const acquires = story.operations.filter(({ question }) => question.operation === "acquire");
  const bySpan = new Map<string | undefined, OperationStory[]>();
  for (const acquire of acquires) {
    const id = spanIn(acquire.question.owner);
    const known = bySpan.get(id);
    if (known === undefined) bySpan.set(id, [acquire]);
    else known.push(acquire);
  }

  for (const { question: { owner, key }, process, asked } of acquires) {
    const id = spanIn(owner);
    const span = id === undefined ? undefined : byId.get(id);
    const { call, left } = callOf(story, owner)!;
    // Those who have joined who left before the flight had spans go on without.
    const isTraced = left === undefined || asked.seq < left.seq ? story.traced(process) : undefined;
    if (isTraced !== undefined && isTraced !== (id !== undefined)) {
      broken(`the owner ${owner} of a ${id === undefined ? "" : "not "}traced call`, asked);
    } else if (span !== undefined && (!isCall(span) || span.key !== key || span.call !== call)) {
      broken(`the owner ${owner} tells of another span`, asked);
    }
  }

  /** Of what spans a call's span may have been told last, before a moment, when it asked for the lease. */
  const followed = (span: SpanNote | undefined, before: number) => {
    const told = (bySpan.get(span?.id) ?? []).filter(({ answered }) =>
      answered?.answer.is === "Follower" && answered.seq <= before
    );
    // An answer that comes as its time is out may be heeded or not.
    const sure = told.findLastIndex((acquire) => !failedToAnswer(story, acquire));
    const leases = told.slice(Math.max(sure, 0)).map(({ answered }) => answered!.answer.lease);
    return (sure < 0 ? [undefined, ...leases] : leases).map(spanIn);
  };

  for (const [index, span] of spans.entries()) {
    const parent = byId.get(span.parent ?? "");
    if (span.name === "cache-locking.wait" && story.backend.fenced) {
      const awaited = followed(parent, span.seq);
      if (!awaited.some((id = "") => id === span.links.join())) {
        broken(`a wait is linked to ${span.links}, and waits for ${awaited}`, momentOf(span));
      }
    }
    if (!isCall(span)) continue;
    const isAlone = parents.has(span.id);
    if (span.outcome === "MISS-FOLLOWER-HIT" && !isAlone && span.links.length === 0) {
      broken(`call ${span.call} joined another, and isn't linked to it`, momentOf(span));
    }
    for (const id of span.links) {
      const known = byId.get(id);
      if (known === span || !isCall(known) || known?.key !== span.key) {
        broken(`call ${span.call} is linked to a span that is no other call`, momentOf(span));
      }
    }
    // What a stale call begins has its name, and a span of its own.
    const stale = spans.slice(0, index).find((each) =>
      each.outcome === "STALE" && isCall(each) &&
      each.call === span.call && each.key === span.key &&
      !parents.has(each.id)
    );
    if (stale === undefined) continue;
    if (span.parent !== undefined || !span.links.includes(stale.id)) {
      broken(`the refresh of call ${span.call} isn't linked to it alone`, momentOf(span));
    }
    // Where a fiber yields at once, the refresh goes on when that has ended.
    const first = spans.findIndex(({ parent }) => parent === span.id);
    const isInTime = first >= 0 && first < stale.others;
    if (isInTime && !stale.links.includes(span.id)) {
      broken(`the stale call ${span.call} isn't linked to its refresh`, momentOf(stale));
    }
    // A client that is closed meanwhile heeds no answer.
    const closing = story.calls.find(({ call }) => call === span.call)?.closing;
    const elsewhere = followed(span, closing?.seq ?? Infinity);
    if (!elsewhere.some((id) => id === undefined || span.links.includes(id))) {
      broken(`call ${span.call}'s refresh isn't linked to another process's`, momentOf(span));
    }
  }
};
