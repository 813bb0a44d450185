import * as Context from "effect/Context";
import * as Metric from "effect/Metric";
import type { Metrics } from "../model/metrics.ts";
import type { Attributes, Instrument, Instruments } from "./instruments.ts";
import { makeObserver, type MetricsOptions } from "./observer.ts";
import { makeSums, type Sums } from "./sums.ts";

/**
 * Metrics of Effect, in its registry for the whole process, which its exporters read: `PrometheusMetrics` and `OtlpMetrics`
 * of Effect 4, `@effect/opentelemetry` of Effect 3. A `MetricRegistry` that a program provides for itself isn't used.
 */
export function effectMetrics(options: MetricsOptions = {}): Metrics {
  return { observe: (client) => makeObserver(instruments, client, options) };
}

/** A metric of Effect 4, or of Effect 3, which is updated outside of a fiber. */
interface AnyMetric {
  updateUnsafe?(amount: number, context: unknown): void;
  unsafeUpdate?(amount: number, tags: readonly unknown[]): void;
}

/** What the two have that makes metrics. */
interface AnyEffect {
  /** Effect 3 knows no attributes here. */
  readonly counter: (name: string, options: object) => AnyMetric;
  /** Effect 4 takes options in place of boundaries. */
  readonly histogram: (name: string, boundaries: unknown, description?: string) => AnyMetric;
  /** Of Effect 4. */
  readonly boundariesFromIterable?: (boundaries: readonly number[]) => readonly number[];
  /** Of Effect 4.0.6 and later: has a metric read when it is asked for. */
  readonly registerUnsafe?: (
    metric: AnyMetric,
    context: unknown,
    hooks: { get(): unknown; update(): void; modify(): void },
  ) => unknown;
  /** Of Effect 3. */
  readonly tagged?: (metric: AnyMetric, key: string, value: string) => AnyMetric;
  /** Of Effect 3: the only way to boundaries but by a module that Effect 4 doesn't have. */
  readonly timerWithBoundaries?: (
    name: string,
    boundaries: readonly number[],
  ) => { readonly keyType: { readonly boundaries: unknown } };
}

// Asked for as in callback.ts.
const {
  counter,
  histogram,
  boundariesFromIterable,
  registerUnsafe,
  tagged,
  timerWithBoundaries,
} = Metric as unknown as AnyEffect;

const nowhere = Context.empty();
const counters = new Map<Instrument, Sums>();
/** Their boundaries. Two of Effect 3 that are equal make two series. */
const known = new Map<Instrument, unknown>();

const instruments: Instruments = {
  counter(instrument, own) {
    const { name, description, unit } = instrument;
    const make = (attributes: Attributes) =>
      counter(name, { description, incremental: true, attributes: { ...attributes, unit } });
    if (registerUnsafe === undefined) return updatesOf(make(own), { ...own, unit });
    const sums = counters.get(instrument) ?? makeSums((sum) => {
      const get = () => ({ count: sum.value, incremental: true });
      registerUnsafe(make(sum.attributes), nowhere, { get, update() {}, modify() {} });
    });
    counters.set(instrument, sums);
    return sums.series(own);
  },
  histogram(instrument, own) {
    const { name, description, unit } = instrument;
    const attributes = { ...own, unit };
    const boundaries = known.get(instrument) ?? boundariesOf(instrument);
    known.set(instrument, boundaries);
    const made = boundariesFromIterable === undefined
      ? histogram(name, boundaries, description)
      : histogram(name, { description, attributes, boundaries });
    return updatesOf(made, attributes);
  },
};

function boundariesOf({ name, boundaries = [] }: Instrument): unknown {
  return boundariesFromIterable === undefined
    ? timerWithBoundaries!(name, boundaries).keyType.boundaries
    : boundariesFromIterable(boundaries);
}

function updatesOf(metric: AnyMetric, attributes: Attributes): (amount: number) => void {
  if (metric.updateUnsafe !== undefined) {
    return (amount) => metric.updateUnsafe!(amount, nowhere);
  }
  // A tagged metric finds its series anew at each update, which takes microseconds; one that is given the same tags doesn't.
  let tags: readonly unknown[] = [];
  const asked: AnyMetric = { ...metric, unsafeUpdate: (_, given) => void (tags = given) };
  Object.entries(attributes).reduce(
    (metric, [key, value]) => tagged!(metric, key, value),
    asked,
  ).unsafeUpdate!(0, []);
  return (amount) => metric.unsafeUpdate!(amount, tags);
}
