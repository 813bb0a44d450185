/** The longest that a lease may live, in milliseconds: 30 days. What would live longer is no lease. */
export const LONGEST_LEASE = 2_592_000_000;

/** For how long it is remembered how many fetches have failed in a row, once another may be tried: in milliseconds. */
export const FAILURES_REMEMBERED = 60_000;

/** For how long the owner of a lease is absent at least when it is taken for dead: in milliseconds. */
export const GRACE = 1_000;

/** What a call does where its options say nothing. Durations are in milliseconds. */
export const defaults = {
  /** How long a lease lives without its leader. */
  leaseTtl: 5_000,
  /** The longest that a follower waits before it falls back. */
  waitMax: 10_000,
  /** The longest pause between two looks where the store has no push. */
  waitStep: 250,
  /** The longest that one operation of the backend may take. */
  operationTimeout: 2_000,
  /** For how long nobody refreshes after the first failed fetch. */
  errorBackoff: 1_000,
  /** How many times a failed fetch is tried again by another waiting caller. */
  takeovers: 1,
  /** What a failed read or acquire does to the call. */
  onCacheFailure: "fail",
} as const;

/** What an L1 keeps where its options say nothing. */
export const l1Defaults = {
  /** How old an entry may be, in milliseconds, and how old one of which changes are told. */
  ttl: 1_000,
  toldTtl: 60_000,
  /** The largest number of entries. */
  maxEntries: 10_000,
  /** What their values may weigh together, in bytes. */
  maxBytes: 64 * 1024 * 1024,
} as const;
