import type { KeyHistory } from "../../tests/support/recording.ts";
import { replacements } from "../../tests/simulation/promises/l1.ts";
import { replacementsOf } from "../../tests/simulation/promises/one_holder.ts";
import {
  type CallStory,
  durationOf,
  type FetchStory,
  type Moment,
  type Scene,
  type Story,
  storyOf,
} from "../../tests/simulation/story.ts";

/** What a run came to. */
export interface Figures {
  readonly calls: number;
  /** Calls that failed, or got nothing at all. */
  readonly failed: number;
  readonly fetches: number;
  /** Fetches without a lease, as the backend failed or waiting was in vain. */
  readonly alone: number;
  /** Keys of which no operation failed, or took longer than a third of a lease, that were neither lost nor deleted. */
  readonly untouched: number;
  /** The most fetches of a key that were begun within the time of a lease, in all processes: of an untouched key, and of any. */
  readonly mostUntouched: number;
  readonly most: number;
  /** The most fetches of a key without a lease that one process ran at once, between two changes of it. */
  readonly mostAtOnce: number;
  /** How long the slowest call took, in milliseconds. */
  readonly slowest: number;
  /** How long after each fault was over the last fetch without a lease was begun, or a watch was not to be had, in milliseconds. */
  readonly back: readonly number[];
}

/** What the fetches came to that take long, whose leaders die, and that fail. */
export interface LongFigures {
  readonly calls: number;
  /** Calls that failed otherwise than by the source, or got nothing at all. */
  readonly failed: number;
  /** Calls that failed with the error of a fetch of their own process, and of another's. */
  readonly own: number;
  readonly shared: number;
  readonly fetches: number;
  /** Fetches without a lease. */
  readonly alone: number;
  /** How many leases a process held that was killed amid a fetch, and how soon each was won by another, in milliseconds. */
  readonly killed: number;
  readonly replaced: readonly number[];
  /** How many leaders were replaced before their lease's time was over that were dead, and that were cut off. */
  readonly takeovers: number;
  readonly cutOff: number;
  /** How many takeovers came at most during the fetch of one that was cut off. */
  readonly mostDuring: number;
  readonly untouched: number;
  /** The most fetches of an untouched key that were begun within the time of a fetch and an entry, in all processes. */
  readonly mostUntouched: number;
  /** How long the slowest call took, in milliseconds. */
  readonly slowest: number;
}

/** What the calls came to whose processes have an L1. */
export interface L1Figures {
  readonly calls: number;
  /** Calls that failed, or got nothing at all. */
  readonly failed: number;
  /** How many hit in L1. */
  readonly hits: number;
  /** How often somebody changed a key. */
  readonly changes: number;
  /** How long ago the value had been replaced at most that a call hit in L1, in milliseconds, and how long that may be. */
  readonly oldest: number;
  readonly hides: number;
}

/** Reads these. */
export function l1FiguresOf(histories: readonly KeyHistory[], hides: number): L1Figures {
  const stories = histories.map(storyOf);
  const calls = stories.flatMap((story) => callsThatLived(story));
  const hits = stories.flatMap((story) => hitsInL1(story));
  return {
    calls: calls.length,
    failed: calls.filter(({ ended }) => ended?.ending.type !== "value").length,
    hits: hits.length,
    changes: stories.flatMap((story) => story.changes).filter(({ ended }) => ended?.ok).length,
    oldest: Math.round(Math.max(0, ...hits)),
    hides,
  };
}

/** For how long the value of each hit in L1 had been replaced. */
function hitsInL1(story: Story): number[] {
  const replacedAt = replacements(story);
  return story.calls.flatMap((call) => {
    const { ended, began } = call;
    if (ended?.ending.type !== "value" || ended.ending.tier !== "l1") return [];
    const { value } = ended.ending;
    const read = story.sceneOf(call).operations.findLast(({ answered }) =>
      answered !== undefined && answered.seq < ended.seq && Object.is(answered.answer.value, value)
    );
    const replaced = read && replacedAt(call, read);
    return replaced === undefined ? [0] : [began.at - replaced];
  });
}

/** Reads these. */
export function longFiguresOf(
  histories: readonly KeyHistory[],
  { leaseTtl, fetch }: { readonly leaseTtl: number; readonly fetch: number },
): LongFigures {
  const stories = histories.map(storyOf);
  const calls = stories.flatMap((story) => callsThatLived(story));
  const fetches = stories.flatMap((story) => story.fetches);
  const errors = calls.flatMap(({ call, ended }) =>
    ended?.ending.type === "error" && isOfSource(ended.ending) ? [{ call, ...ended.ending }] : []
  );
  const processes = new Map(
    stories.flatMap((story) => story.calls).map(({ call, process }) => [call, process]),
  );
  const shared =
    errors.filter(({ call, of }) => of !== undefined && processes.get(of) !== processes.get(call))
      .length;
  const killed = stories.flatMap((story) => killedIn(story));
  const replacements = stories.flatMap((story) => {
    const all = replacementsOf(story);
    return all.map(({ lease: { call, fetch } }) => ({
      isDead: story.crashed(call.process) !== undefined,
      during: all.filter(({ lease: { call: other }, at }) =>
        fetch !== undefined && story.crashed(other.process) === undefined &&
        at.seq > fetch.began.seq && at.seq < (fetch.ended?.seq ?? Infinity)
      ).length,
    }));
  });
  const cutOff = replacements.filter(({ isDead }) => !isDead);
  const untouched = stories.filter((story) =>
    story.fetches.length > 0 && !isTouched(story, leaseTtl)
  );
  return {
    calls: calls.length,
    failed: calls.filter(({ ended }) => ended?.ending.type !== "value").length - errors.length,
    own: errors.length - shared,
    shared,
    fetches: fetches.length,
    alone: fetches.filter(({ lease }) => lease === undefined).length,
    killed: killed.length,
    replaced: killed.flatMap((took) => took === undefined ? [] : Math.round(took)),
    takeovers: replacements.length - cutOff.length,
    cutOff: cutOff.length,
    mostDuring: Math.max(0, ...cutOff.map(({ during }) => during)),
    untouched: untouched.length,
    mostUntouched: Math.max(
      0,
      ...untouched.map((story) => mostWithin(story.fetches, fetch)),
    ),
    slowest: slowestOf(calls),
  };
}

/** How long it took until each lease was won by another whose leader was killed amid its fetch; undefined for never. */
function killedIn(story: Story): (number | undefined)[] {
  return story.leases.flatMap(({ owner, fetch, call: { process, key } }) => {
    const crashed = story.crashed(process);
    if (crashed === undefined || fetch === undefined || fetch.ended !== undefined) return [];
    const next = story.operations.find(({ question, answered }) =>
      question.operation === "acquire" && question.key === key && question.owner !== owner &&
      answered?.answer.is === "Leader" && answered.seq > crashed.seq
    );
    return [next && next.answered!.at - crashed.at];
  });
}

/** Whether a call failed as the source did. */
function isOfSource({ tag }: { readonly tag: string }): boolean {
  return tag === "SOURCE_DOWN" || tag === "FETCHER_FAILED";
}

/** The calls but those that ended with their process. */
function callsThatLived(story: Story): readonly CallStory[] {
  return story.calls.filter(({ ended, process }) =>
    ended !== undefined || story.crashed(process) === undefined
  );
}

function slowestOf(calls: readonly CallStory[]): number {
  return Math.round(
    Math.max(0, ...calls.map(({ began, ended }) => (ended?.at ?? Infinity) - began.at)),
  );
}

/** Reads the figures from what was recorded; `faults` are when each began and was over. */
export function figuresOf(
  histories: readonly KeyHistory[],
  { leaseTtl, faults }: {
    readonly leaseTtl: number;
    readonly faults: readonly { readonly began: number; readonly over: number }[];
  },
): Figures {
  const stories = histories.map(storyOf);
  const calls = stories.flatMap((story) => callsThatLived(story));
  const fetches = stories.flatMap((story) => story.fetches);
  const alone = fetches.filter(({ lease }) => lease === undefined);
  const unwell = [
    ...alone.map(({ began }) => began.at),
    ...stories.flatMap(({ operations }) => operations).flatMap(({ question, failed, dropped }) =>
      question.operation === "watch" ? (failed ?? dropped)?.at ?? [] : []
    ),
  ];
  const untouched = stories.filter((story) =>
    story.fetches.length > 0 && !isTouched(story, leaseTtl)
  );
  const most = (of: readonly Story[]) =>
    Math.max(0, ...of.map((story) => mostWithin(story.fetches, leaseTtl)));
  return {
    calls: calls.length,
    failed: calls.filter(({ ended }) => ended?.ending.type !== "value").length,
    fetches: fetches.length,
    alone: alone.length,
    untouched: untouched.length,
    mostUntouched: most(untouched),
    most: most(stories),
    mostAtOnce: Math.max(0, ...stories.flatMap(({ scenes }) => scenes).map(mostAtOnce)),
    slowest: slowestOf(calls),
    back: faults.map(({ over }, index) => {
      const next = faults[index + 1]?.began ?? Infinity;
      const after = unwell.flatMap((at) => at > over && at < next ? at - over : []);
      return Math.round(Math.max(0, ...after));
    }),
  };
}

/**
 * Whether a fault, or a change, had to do with a key, or an answer came later than a lease should be renewed, which a
 * machine that has no time for it may do to a lease as well.
 */
function isTouched(story: Story, leaseTtl: number): boolean {
  const { operations, changes, lost, calls, fetches, end } = story;
  const began = calls[0]?.began.at ?? Infinity;
  return changes.length > 0 ||
    // Whose process was killed is replaced, and so is who was cut off for the grace: the judges say whether it was.
    fetches.some(({ ended }) => ended === undefined) || replacementsOf(story).length > 0 ||
    operations.some((operation) =>
      operation.failed !== undefined || operation.dropped !== undefined ||
      durationOf(story, operation) > leaseTtl / 3
    ) ||
    lost.some(({ at }) => at >= began && at <= end.at);
}

function mostWithin(fetches: readonly FetchStory[], millis: number): number {
  const times = fetches.map(({ began }) => began.at).sort((a, b) => a - b);
  return Math.max(
    0,
    ...times.map((from) => times.filter((at) => at >= from && at < from + millis).length),
  );
}

/** Who comes after a change of the key starts anew, whatever is under way. */
function mostAtOnce({ fetches, changes }: Scene): number {
  const alone = fetches.filter(({ lease }) => lease === undefined);
  const isChangedBetween = (from: Moment, to: Moment) =>
    changes.some(({ began, ended }) => began.seq < to.seq && (ended?.seq ?? Infinity) > from.seq);
  return Math.max(
    0,
    ...alone.map(({ began }) =>
      alone.filter((other) =>
        other.began.seq <= began.seq && (other.ended?.seq ?? Infinity) > began.seq &&
        !isChangedBetween(other.began, began)
      ).length
    ),
  );
}
