import { drawLines, type Line } from "../charts/lines.ts";
import { percentile } from "../../tests/support/percentile.ts";
import { whole } from "../table.ts";
import type { Fared } from "./fleet.ts";
import { operationsOnPaper } from "./paper.ts";

/** Draws what a fleet costs and how late its followers are, by its size. */
export function drawScale(growing: readonly Fared[]): string {
  const pushed = growing.filter(({ fleet }) => fleet.push);
  const polled = growing.filter(({ fleet }) => !fleet.push);
  const processes = {
    name: "processes",
    ticks: pushed.map(({ fleet }) => fleet.processes),
    format: whole,
  };
  return drawLines("One cold key, one caller in each process", [
    {
      name: "Operations of the backend for the herd",
      x: processes,
      y: { name: "", ticks: [1, 10, 100, 1000, 10_000, 100_000], format: whole },
      lines: [
        line("polling", "own-too", polled, ({ herd }) => herd.operations),
        line("push", "own", pushed, ({ herd }) => herd.operations),
        {
          ...line("polling, on paper", "floor", polled, ({ fleet }) => operationsOnPaper(fleet)),
          dashed: true,
        },
      ],
    },
    {
      name: "How late followers have the value",
      x: { ...processes, ticks: processes.ticks.slice(1) },
      y: { name: "", ticks: [1, 10, 100, 1000], format: (millis) => `${whole(millis)} ms` },
      lines: [
        line("polling, p99", "own-too", polled.slice(1), late(0.99)),
        line("polling, median", "own-too", polled.slice(1), late(0.5)),
        line("push, p99", "own", pushed.slice(1), late(0.99)),
        line("push, median", "own", pushed.slice(1), late(0.5)),
      ],
    },
  ]);
}

function late(portion: number): (fared: Fared) => number {
  return ({ herd }) => percentile(herd.late, portion);
}

function line(
  name: string,
  tone: Line["tone"],
  all: readonly Fared[],
  value: (fared: Fared) => number,
): Line {
  return { name, tone, points: all.map((fared) => [fared.fleet.processes, value(fared)]) };
}
