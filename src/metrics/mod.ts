/**
 * Numbers of what clients do, by Effect's `Metric` or by OpenTelemetry: the option `metrics` of `Cache.make` and
 * `createCache`.
 *
 * | metric | kind | attributes beside `cache.name` and `cache.backend` |
 * | --- | --- | --- |
 * | `cache_locking.request.count` | counter | `cache.request.type`: the outcome in lower case, or `failed` with `error.type` |
 * | `cache_locking.wait.duration` | histogram, seconds | `cache.request.type` |
 * | `cache_locking.fetch.duration` | histogram, seconds | `error.type`, if it failed |
 * | `cache_locking.operation.duration` | histogram, seconds | `cache.operation.name`; `error.type`, if it failed |
 * | `cache_locking.refresh.count` | counter | |
 * | `cache_locking.takeover.count` | counter | |
 * | `cache_locking.refused_fill.count` | counter | |
 * | `cache_locking.lost_lease.count` | counter | |
 *
 * A key is no attribute.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { AggregationTemporality, InMemoryMetricExporter } from "@opentelemetry/sdk-metrics";
 * import { MeterProvider, PeriodicExportingMetricReader } from "@opentelemetry/sdk-metrics";
 * import { openTelemetryMetrics } from "cache-locking/metrics";
 * import { createCache } from "cache-locking/promise";
 *
 * const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
 * const reader = new PeriodicExportingMetricReader({ exporter });
 * const provider = new MeterProvider({ readers: [reader] });
 *
 * const users = createCache({
 *   name: "users",
 *   adapter: "memory",
 *   metrics: openTelemetryMetrics(provider.getMeter("my-service")),
 * });
 * await users.getOrSet("42", () => "Ada");
 *
 * await provider.forceFlush();
 * const [{ scopeMetrics }] = exporter.getMetrics();
 * const names = scopeMetrics.flatMap(({ metrics }) => metrics.map(({ descriptor }) => descriptor.name));
 * assert.deepEqual(names.sort(), ["cache_locking.fetch.duration", "cache_locking.request.count"]);
 * await provider.shutdown();
 * ```
 *
 * @module
 */
export type {
  CallEnd,
  Metrics,
  ObservedClient,
  ObservedEvent,
  Observer,
  OperationEnd,
  TimedEnd,
} from "../model/metrics.ts";
export { effectMetrics } from "./effect_metrics.ts";
export type { Attributes } from "./instruments.ts";
export type { MetricsOptions } from "./observer.ts";
export {
  type OpenTelemetryInstrument,
  type OpenTelemetryMeter,
  openTelemetryMetrics,
  type OpenTelemetryResult,
} from "./open_telemetry.ts";
