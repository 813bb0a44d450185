import type { DurationInput } from "./duration.ts";
import * as Duration from "effect/Duration";

/** The context of a wait strategy. */
export interface WaitStrategyContext {
  /** The number of this call of the strategy, from 1: in this wait, or since it is known that there is no push. */
  readonly attempt: number;
  /** How long the follower has waited. */
  readonly elapsed: Duration.Duration;
  /** How much longer it may wait. */
  readonly remaining: Duration.Duration;
  /** The option `waitMax`. */
  readonly waitMax: Duration.Duration;
  /** The option `waitStep`. */
  readonly waitStep: Duration.Duration;
  /** Whether the store wakes the follower by push, or will as soon as its watch is open: looks are a precaution then. */
  readonly push: boolean;
}

/**
 * Returns the pause of a follower before its next look. A push, the end of the lease or the end of `waitMax` ends the pause
 * earlier. A pause is at least 10 ms.
 */
export type WaitStrategy = (context: WaitStrategyContext) => DurationInput;

/** Pauses `delay` each time; `waitStep` without one. */
export function fixedWaitStrategy(delay?: DurationInput): WaitStrategy {
  return ({ waitStep }) => delay ?? waitStep;
}

/** The options of {@linkcode backoffWaitStrategy}. */
export interface BackoffWaitStrategyOptions {
  /** The first pause; 20 ms by default. */
  readonly initial?: DurationInput | undefined;
  /** The factor from one pause to the next; 2 by default. */
  readonly factor?: number | undefined;
  /** The longest pause; `waitStep` by default. */
  readonly max?: DurationInput | undefined;
  /** The part of each pause that chance may take off, from 0 to 1; 0.5 by default, so that followers spread out. */
  readonly jitter?: number | undefined;
}

/** Pauses that grow from `initial` by `factor` up to `max`, with jitter. */
export function backoffWaitStrategy(
  { initial = 20, factor = 2, max, jitter = 0.5 }: BackoffWaitStrategyOptions = {},
): WaitStrategy {
  return ({ attempt, waitStep }) => {
    const pause = Math.min(
      Duration.toMillis(initial) * factor ** (attempt - 1),
      Duration.toMillis(max ?? waitStep),
    );
    return pause * (1 - jitter * Math.random());
  };
}

const polling = backoffWaitStrategy();
const pushed = ({ waitStep }: WaitStrategyContext) =>
  Duration.toMillis(waitStep) * (4 - Math.random());

/**
 * The default: jittered pauses that start at 20 ms and double up to `waitStep`. With push, three to four times `waitStep`,
 * in case a push is lost, and by chance, so that processes don't look all at once.
 */
export const defaultWaitStrategy: WaitStrategy = (context) =>
  context.push ? pushed(context) : polling(context);
