/** What {@linkcode Refusal} takes besides. */
export interface RefusalOptions {
  /** True for an entry that can't be read: a miss, but one to report. */
  readonly corrupt?: boolean;
  /** What it came from. */
  readonly cause?: unknown;
}

/** Why an operation can't be done, in words of its own: they become the message of its `AdapterError`. */
export class Refusal extends Error {
  /** True for an entry that can't be read. */
  readonly corrupt: boolean;

  /** `reason` ends the sentence 'Cannot store the value of "user:42": …'. */
  constructor(reason: string, { corrupt = false, cause }: RefusalOptions = {}) {
    super(reason, cause === undefined ? undefined : { cause });
    this.corrupt = corrupt;
  }
}
