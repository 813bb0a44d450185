import { table, whole } from "../table.ts";
import { formatCost, formatRatio } from "./goals.ts";
import type { Comparison, Goal, Herd, Steady } from "./measured.ts";

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

/** Goals, each with what was found. */
export function goalTable(goals: readonly Goal[]): string {
  const rows = goals.map(({ name, met, found }) => [met ? "met" : "MISSED", found, name]);
  return table(["", "found", "goal"], rows);
}
