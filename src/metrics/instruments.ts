/** What tells one series of an instrument from its others. */
export type Attributes = Readonly<Record<string, string>>;

/** Something that is measured. Names and units follow OpenTelemetry's conventions. */
export interface Instrument {
  readonly name: string;
  readonly description: string;
  /** By the case-sensitive UCUM: `s`, or what is counted in braces. */
  readonly unit: string;
  /** The upper bounds of a histogram's buckets. */
  readonly boundaries?: readonly number[];
}

/** Adds to a series: so many of what is counted, or one that took so many seconds. */
export type Add = (amount: number) => void;

/** What keeps the numbers. */
export interface Instruments {
  /** The series of a counter. */
  counter(instrument: Instrument, attributes: Attributes): Add;
  /** The series of a histogram. */
  histogram(instrument: Instrument, attributes: Attributes): Add;
}

/** Those of OpenTelemetry's `http.server.request.duration`. */
const seconds = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10];

export const requests: Instrument = {
  name: "cache_locking.request.count",
  description: "The calls, by their outcome",
  unit: "{request}",
};
export const waits: Instrument = {
  name: "cache_locking.wait.duration",
  description: "How long calls waited for others, if they did",
  unit: "s",
  boundaries: seconds,
};
export const fetches: Instrument = {
  name: "cache_locking.fetch.duration",
  description: "How long fetches took",
  unit: "s",
  boundaries: seconds,
};
export const operations: Instrument = {
  name: "cache_locking.operation.duration",
  description: "How long the backend took for an operation",
  unit: "s",
  // Those of `db.client.operation.duration`.
  boundaries: [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10],
};
export const events = {
  refreshes: {
    name: "cache_locking.refresh.count",
    description: "The fetches in the background",
    unit: "{refresh}",
  },
  takeovers: {
    name: "cache_locking.takeover.count",
    description: "The fetches of callers that had waited for another's lease",
    unit: "{takeover}",
  },
  refusedFills: {
    name: "cache_locking.refused_fill.count",
    description:
      "The fetched values that were not stored, as the lease was lost or the key had changed",
    unit: "{fill}",
  },
  lostLeases: {
    name: "cache_locking.lost_lease.count",
    description: "The leases that were gone when they were renewed",
    unit: "{lease}",
  },
} as const satisfies Readonly<Record<string, Instrument>>;
