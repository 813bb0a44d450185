import type { Flags } from "./flags.ts";
import type { Herd, HerdEvent } from "./herd.ts";

/** What a caller is doing for a while. */
export interface Segment {
  readonly start: number;
  readonly end: number;
  readonly doing: "waiting" | "fetching" | "falling back";
}

/** How a caller's time ends. */
export interface Mark {
  readonly time: number;
  readonly kind: "value" | "failed" | "cancelled";
}

/** One line of the picture: a caller, or a group of them. */
export interface Row {
  /** The number of its first caller, in its process. */
  readonly first: number;
  readonly process: number;
  readonly segments: readonly Segment[];
  readonly marks: readonly Mark[];
}

/**
 * The lines of a picture that has room for `most`, process by process. If there are more callers, those of one process
 * who came one after the other share a line.
 */
export function rowsOf(herd: Herd, most: number): Row[] {
  const processes = [...Map.groupBy(herd, ({ process }) => process).entries()]
    .sort(([a], [b]) => a - b);
  const linesOf = (size: number) =>
    processes.reduce((lines, [, callers]) => lines + Math.ceil(callers.length / size), 0);
  let size = Math.ceil(herd.length / most);
  while (linesOf(size) > Math.max(most, processes.length)) size++;
  return processes.flatMap(([process, callers]) => {
    const ordered = callers.toSorted((a, b) => a.caller - b.caller);
    return Array.from({ length: Math.ceil(ordered.length / size) }, (_, row) => {
      const group = ordered.slice(row * size, (row + 1) * size);
      return {
        first: row * size + 1,
        process,
        segments: merged(group.flatMap(segmentsOf)),
        marks: group.flatMap(marksOf),
      };
    });
  });
}

function segmentsOf({ start, end, outcome, fetches }: HerdEvent): Segment[] {
  const doing = outcome === "MISS-FOLLOWER-FALLBACK" ? "falling back" : "fetching";
  return [
    { start, end, doing: "waiting" },
    ...fetches.map(({ start, end }): Segment => ({ start, end, doing })),
  ];
}

function marksOf({ end, outcome }: HerdEvent): Mark[] {
  if (outcome === "UNDER WAY") return [];
  const left = outcome === "CANCELLED" || outcome === "KILLED";
  return [{ time: end, kind: outcome === "FAILED" ? "failed" : left ? "cancelled" : "value" }];
}

const order: readonly Segment["doing"][] = ["waiting", "fetching", "falling back"];

/** What overlaps and is the same becomes one; what is to be drawn on top comes last. */
function merged(segments: readonly Segment[]): Segment[] {
  return order.flatMap((doing) => {
    const same = segments.filter((segment) => segment.doing === doing);
    const result: Segment[] = [];
    for (const segment of same.toSorted((a, b) => a.start - b.start)) {
      const last = result.at(-1);
      if (last !== undefined && segment.start <= last.end) {
        result[result.length - 1] = { ...last, end: Math.max(last.end, segment.end) };
      } else {
        result.push(segment);
      }
    }
    return result;
  });
}

/** The times of an axis up to `last`, some four to six of them. */
export function ticks(last: number): number[] {
  const step = [1, 2, 5, 10, 20, 50, 100, 200, 250, 500, 1000, 2000, 5000, 10_000, 20_000, 50_000]
    .find((step) => last / step < 6) ?? 100_000;
  return Array.from({ length: Math.floor(last / step) + 1 }, (_, index) => index * step);
}

/** Milliseconds as people read them. */
export function formatMillis(millis: number): string {
  if (millis < 0.5) return "0 ms";
  return millis < 10_000 ? `${Math.round(millis)} ms` : `${(millis / 1000).toFixed(1)} s`;
}

/** What the picture shows, in one line. */
export function headline(
  { adapter, callers, processes, fetchMs, fail, cancel, stale }: Flags,
): string {
  const who = callers === 1 ? "1 caller" : `${callers} callers`;
  const from = processes === 1 ? "1 process" : `${processes} processes`;
  const name = adapter === "redis" ? "Redis" : "SQLite";
  const where = adapter === "memory" ? "" : ` in ${name}, from ${from}`;
  const mishap = fail ? "; the first fetch fails" : cancel ? "; the first caller is cancelled" : "";
  return `${who} of one ${stale ? "stale" : "cold"} key${where}; ${
    formatMillis(fetchMs)
  } a fetch${mishap}`;
}
