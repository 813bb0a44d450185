/** The context of a fetcher. */
export interface FetchContext {
  /** The key of the call. */
  readonly key: string;
  /**
   * Fires when the last caller of the fetch has left, and no caller needs the value any more, unless `abandonedFetch` has it
   * finish; or after `fetchTimeout`, with what the fetch then has failed with as its reason. It is made when it is first read.
   */
  readonly signal: AbortSignal;
}
