import type { Metrics } from "../model/metrics.ts";
import type { Add, Instrument, Instruments } from "./instruments.ts";
import { makeObserver, type MetricsOptions } from "./observer.ts";
import { makeSums, type Sums } from "./sums.ts";

/**
 * What is used of a meter of OpenTelemetry's API: `metrics.getMeter("my-service")` of
 * [`@opentelemetry/api`](https://open-telemetry.github.io/opentelemetry-js/modules/_opentelemetry_api.html).
 */
export interface OpenTelemetryMeter {
  /** Makes an instrument that is asked for its sums when they are collected. */
  createObservableCounter(
    name: string,
    options: OpenTelemetryInstrument,
  ): {
    addCallback(callback: (result: OpenTelemetryResult) => void): void;
  };
  /** Makes an instrument that counts by buckets. */
  createHistogram(
    name: string,
    options: OpenTelemetryInstrument & {
      readonly advice: { readonly explicitBucketBoundaries: number[] };
    },
  ): {
    record(value: number, attributes: Record<string, string>): void;
  };
}

/** What is told of an instrument. */
export interface OpenTelemetryInstrument {
  /** What it measures. */
  readonly description: string;
  /** Its unit. */
  readonly unit: string;
}

/** Takes the sums of an instrument. */
export interface OpenTelemetryResult {
  /** Takes the sum of one series. */
  observe(value: number, attributes: Record<string, string>): void;
}

/** What the clients of a meter share: two with one name, and two metrics of one meter, add to the same sums. */
const known = new WeakMap<OpenTelemetryMeter, Instruments>();

/**
 * Metrics of OpenTelemetry, by a meter of yours. Counters are read when they are collected, so a hit does nothing but add to
 * a number.
 */
export function openTelemetryMetrics(
  meter: OpenTelemetryMeter,
  options: MetricsOptions = {},
): Metrics {
  const instruments = known.get(meter) ?? makeInstruments(meter);
  known.set(meter, instruments);
  return { observe: (client) => makeObserver(instruments, client, options) };
}

function makeInstruments(meter: OpenTelemetryMeter): Instruments {
  const counters = new Map<Instrument, Sums>();
  const sumsOf = (instrument: Instrument) => {
    const known = counters.get(instrument);
    if (known !== undefined) return known;
    const { name, description, unit } = instrument;
    const sums = makeSums();
    counters.set(instrument, sums);
    meter.createObservableCounter(name, { description, unit }).addCallback((result) => {
      for (const { value, attributes } of sums.all) result.observe(value, { ...attributes });
    });
    return sums;
  };
  const histograms = new Map<Instrument, ReturnType<OpenTelemetryMeter["createHistogram"]>>();
  const histogramOf = (instrument: Instrument) => {
    const { name, description, unit, boundaries = [] } = instrument;
    const made = histograms.get(instrument) ?? meter.createHistogram(name, {
      description,
      unit,
      advice: { explicitBucketBoundaries: [...boundaries] },
    });
    histograms.set(instrument, made);
    return made;
  };
  return {
    counter: (instrument, attributes) => sumsOf(instrument).series(attributes),
    histogram(instrument, attributes): Add {
      const made = histogramOf(instrument);
      const own = { ...attributes };
      return (seconds) => made.record(seconds, own);
    },
  };
}
