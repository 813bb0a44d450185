import type {
  CallEnd,
  ObservedClient,
  ObservedEvent,
  Observer,
  OperationEnd,
  TimedEnd,
} from "../model/metrics.ts";
import {
  type Add,
  type Attributes,
  events,
  fetches,
  type Instrument,
  type Instruments,
  operations,
  requests,
  waits,
} from "./instruments.ts";

/** The options of metrics. */
export interface MetricsOptions {
  /**
   * More attributes of what is done for a key, such as the kind of thing that it names. Each combination is a series of its
   * own, which is kept for good: return few. A key itself is no attribute, unless this makes it one. For a key of which it throws there are none.
   */
  readonly attributes?: ((key: string) => Attributes) | undefined;
}

/** Takes down what one client does. */
export function makeObserver(
  instruments: Instruments,
  { name, backend }: ObservedClient,
  { attributes: ofKey }: MetricsOptions,
): Observer {
  const own: Attributes = {
    ...name !== undefined && { "cache.name": name },
    "cache.backend": backend,
  };
  const attributesFor = (key: string) => {
    try {
      return ofKey!(key);
    } catch {
      return undefined;
    }
  };
  /** The series of an instrument that something belongs to, by its key, and by a label of all else that tells it apart. */
  const seriesOf = <A>(
    kind: keyof Instruments,
    instrument: Instrument,
    attributesOf: (what: A) => Attributes,
  ) => {
    const known = new Map<string, Add>();
    const make = (id: string, more: Attributes | undefined, what: A) => {
      const series = instruments[kind](instrument, { ...more, ...own, ...attributesOf(what) });
      known.set(id, series);
      return series;
    };
    return (key: string, label: string, what: A): Add => {
      if (ofKey === undefined) return known.get(label) ?? make(label, undefined, what);
      const more = attributesFor(key);
      const id = `${label} ${JSON.stringify(more)}`;
      return known.get(id) ?? make(id, more, what);
    };
  };
  const ofRequest = ({ outcome, error, tier }: CallEnd): Attributes =>
    outcome === undefined
      ? { "cache.request.type": "failed", "error.type": errorType(error) }
      : { "cache.request.type": outcome.toLowerCase(), ...tier && { "cache.tier": tier } };
  const request = seriesOf("counter", requests, ofRequest);
  const wait = seriesOf("histogram", waits, ofRequest);
  const fetch = seriesOf("histogram", fetches, ({ error }: TimedEnd) => ofError(error));
  const operation = seriesOf(
    "histogram",
    operations,
    ({ operation, error }: OperationEnd) => ({
      "cache.operation.name": operation,
      ...ofError(error),
    }),
  );
  const nothing = () => ({});
  const counted: Readonly<Record<ObservedEvent, ReturnType<typeof seriesOf<undefined>>>> = {
    refreshes: seriesOf("counter", events.refreshes, nothing),
    takeovers: seriesOf("counter", events.takeovers, nothing),
    refusedFills: seriesOf("counter", events.refusedFills, nothing),
    lostLeases: seriesOf("counter", events.lostLeases, nothing),
  };
  return {
    call(key, end) {
      const label = end.tier ?? end.outcome ?? errorType(end.error);
      request(key, label, end)(end.calls);
      if (end.waited === undefined) return;
      const add = wait(key, label, end);
      for (let call = 0; call < end.calls; call++) add(end.waited / 1000);
    },
    fetch(key, end) {
      fetch(key, labelOf(end), end)(end.took / 1000);
    },
    operation(key, end) {
      operation(key, `${end.operation} ${labelOf(end)}`, end)(end.took / 1000);
    },
    event(key, event) {
      counted[event](key, "", undefined)(1);
    },
  };
}

function labelOf({ error }: TimedEnd): string {
  return error === undefined ? "" : errorType(error);
}

function ofError(error: unknown): Attributes {
  return error === undefined ? {} : { "error.type": errorType(error) };
}

/** What kind of error it is: one of few texts, as OpenTelemetry's conventions ask for. */
function errorType(error: unknown): string {
  try {
    const { _tag, name } = error as { readonly _tag?: unknown; readonly name?: unknown };
    if (typeof _tag === "string") return _tag;
    if (error instanceof Error && typeof name === "string") return name;
  } catch {
    // A getter of its own threw.
  }
  return "_OTHER";
}
