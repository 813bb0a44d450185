import { table, whole } from "../table.ts";
import { formatCost, formatRatio } from "./goals.ts";
import type {
  Comparison,
  Goal,
  Herd,
  L1Age,
  SharedFailures,
  Steady,
  Takeovers,
} from "./measured.ts";

/** Costs side by side. */
export function comparisonTable({ title, timings, unit }: Comparison): string {
  const gains = timings.some(({ gain }) => gain !== undefined);
  return table(
    [title, "median", "times as good as the first", ...gains ? ["as the build before"] : []],
    timings.map(({ name, median, ratio, gain }) => [
      name,
      formatCost(median, unit),
      formatRatio(ratio),
      ...gains ? [gain === undefined ? "–" : formatRatio(gain)] : [],
    ]),
  );
}

/** Herds, each in a row. */
export function herdTable(herds: readonly Herd[]): string {
  return table(
    ["cache", "processes", "callers", "fetches", "sent", "without a value", "the slowest caller"],
    herds.map(({ name, processes, callers, fetches, sent, failed, slowest }) => [
      name,
      ...[processes, processes * callers, fetches, sent, failed].map(whole),
      formatCost(slowest, "ms"),
    ]),
  );
}

/** Steady loads, each in a row. */
export function steadyTable(steady: readonly Steady[]): string {
  return table(
    [
      "cache",
      "p99",
      "median",
      "the slowest call",
      "fetches",
      "commands to Redis",
      "without a value",
    ],
    steady.map(({ name, p99, median, slowest, fetches, sent, failed }) => [
      name,
      ...[p99, median, slowest].map((millis) => formatCost(millis, "ms")),
      ...[fetches, sent, failed].map(whole),
    ]),
  );
}

/** Takeovers from leaders that were killed, each backend in a row. */
export function takeoverTable(takeovers: readonly Takeovers[]): string {
  return table(
    ["server", "client", "one takeover", "median", "longest", "the lease's end", "times as soon"],
    takeovers.map(({ server, client, rounds, single, median, longest, unannounced }) => [
      server,
      client,
      `${single} of ${rounds}`,
      ...[median, longest, unannounced.median].map((millis) => `${whole(millis)} ms`),
      formatRatio(unannounced.median / median),
    ]),
  );
}

/** Sources that are down, each backend in a row. */
export function sharedFailuresTable(failures: readonly SharedFailures[]): string {
  return table(
    ["backend", "calls", "with its own error", "fetches", "at most", "fetches without `failures`"],
    failures.map(({ backend, calls, told, fetches, most, unshared }) => [
      backend,
      ...[calls, told, fetches, most, unshared.fetches].map(whole),
    ]),
  );
}

/** How long an old value is still read in L1, each backend in a row. */
export function l1Table(ages: readonly L1Age[]): string {
  return table(
    [
      "backend",
      "writes",
      "an old value, median",
      "99 %",
      "longest",
      "hits in L1",
      "sent for 1,000 reads",
      "without L1",
      "beside that",
    ],
    ages.map(({ backend, writes, median, p99, longest, hits, reads, sent, without }) => [
      backend,
      whole(writes),
      ...[median, p99, longest].map((millis) => formatCost(millis, "ms")),
      `${(100 * hits / reads).toFixed(1)} %`,
      sent.toFixed(1),
      whole(without.sent),
      `${(sent / without.sent).toFixed(3)} ×`,
    ]),
  );
}

/** Goals, each with what was found. */
export function goalTable(goals: readonly Goal[]): string {
  const rows = goals.map(({ name, met, found }) => [met ? "met" : "MISSED", found, name]);
  return table(["", "found", "goal"], rows);
}
