import type { KeyHistory } from "../../tests/support/recording.ts";
import {
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

/** Reads the figures from what was recorded; `faults` are when each began and was over. */
export function figuresOf(
  histories: readonly KeyHistory[],
  { leaseTtl, faults }: {
    readonly leaseTtl: number;
    readonly faults: readonly { readonly began: number; readonly over: number }[];
  },
): Figures {
  const stories = histories.map(storyOf);
  const calls = stories.flatMap((story) => story.calls);
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
    slowest: Math.round(
      Math.max(0, ...calls.map(({ began, ended }) => (ended?.at ?? Infinity) - began.at)),
    ),
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
  const { operations, changes, lost, calls, end } = story;
  const began = calls[0]?.began.at ?? Infinity;
  return changes.length > 0 ||
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
