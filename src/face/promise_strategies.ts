import * as effects from "../model/wait_strategy.ts";
import type { Duration, WaitStrategy } from "./promise_options.ts";

/** The options of {@linkcode backoffWaitStrategy}. */
export interface BackoffWaitStrategyOptions {
  /** The first pause; 20 ms by default. */
  readonly initial?: Duration | undefined;
  /** The factor from one pause to the next; 2 by default. */
  readonly factor?: number | undefined;
  /** The longest pause; `waitStep` by default. */
  readonly max?: Duration | undefined;
  /** The part of each pause that chance may take off, from 0 to 1; 0.5 by default, so that followers spread out. */
  readonly jitter?: number | undefined;
}

/** Makes a strategy that pauses `delay` each time; `waitStep` without one. */
export const fixedWaitStrategy: (delay?: Duration) => WaitStrategy = effects
  .fixedWaitStrategy as never;

/** Makes a strategy whose pauses grow from `initial` by `factor` up to `max`, with jitter. */
export const backoffWaitStrategy: (options?: BackoffWaitStrategyOptions) => WaitStrategy = effects
  .backoffWaitStrategy as never;
