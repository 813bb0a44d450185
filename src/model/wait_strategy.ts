import type { DurationInput } from "./duration.ts";
import { Duration } from "../effect/effect.ts";

/** What a wait strategy sees. */
export interface WaitStrategyContext {
  /** How many times the strategy was asked, from 1: in this wait, or since there is known to be no push. */
  readonly attempt: number;
  /** How long the follower has waited. */
  readonly elapsed: Duration.Duration;
  /** How much longer it may wait. */
  readonly remaining: Duration.Duration;
  /** The option `waitMax`. */
  readonly waitMax: Duration.Duration;
  /** The option `waitStep`. */
  readonly waitStep: Duration.Duration;
  /** Whether the store wakes the follower by push, or will once its watch stands, so that looking is only a precaution. */
  readonly push: boolean;
}

/**
 * How long a follower pauses before it looks again, unless a push, the end of the lease or the end of `waitMax` comes
 * first. Pauses below 10 ms are taken as 10 ms.
 */
export type WaitStrategy = (context: WaitStrategyContext) => DurationInput;

/** Pauses `delay` each time; `waitStep` without one. */
export function fixedWaitStrategy(delay?: DurationInput): WaitStrategy {
  return ({ waitStep }) => delay ?? waitStep;
}

/** What {@linkcode backoffWaitStrategy} takes. */
export interface BackoffWaitStrategyOptions {
  /** The first pause; 20 ms by default. */
  readonly initial?: DurationInput | undefined;
  /** What each pause is multiplied by for the next one; 2 by default. */
  readonly factor?: number | undefined;
  /** The longest pause; `waitStep` by default. */
  readonly max?: DurationInput | undefined;
  /** How much of each pause is left to chance, from 0 to 1; 0.5 by default, so that followers spread out. */
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
 * What followers do by default: jittered pauses that start at 20 ms and double up to `waitStep`; where the store pushes,
 * three to four times `waitStep`, in case a push is lost, so that a fleet doesn't look all at once.
 */
export const defaultWaitStrategy: WaitStrategy = (context) =>
  context.push ? pushed(context) : polling(context);
