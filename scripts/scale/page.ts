import { percentile } from "../../tests/support/percentile.ts";
import { writeFigures } from "../figures.ts";
import { table, whole } from "../table.ts";
import type { Fared } from "./fleet.ts";
import { operationsOnPaper } from "./paper.ts";

/** Everything that the page tells of. */
export interface Scale {
  /** Fleets that grow, with push and by polling. */
  readonly growing: readonly Fared[];
  /** The same fleet: polling with jitter and without, and pushed. */
  readonly jitter: readonly Fared[];
  /** Fleets that poll small backends: with the defaults, and as they are advised. */
  readonly advised: readonly { readonly before: Fared; readonly after: Fared }[];
}

/** Writes what fleets cost to docs/scale.md. */
export async function writeScale({ growing, jitter, advised }: Scale): Promise<void> {
  const { fetch, arrivals, trip, capacity } = growing[0]!.fleet;
  const { fleet: waiting } = jitter[0]!;
  const rows = advised.flatMap(({ before, after }) => [advisedRow(before), advisedRow(after)]);
  await writeFigures("docs/scale.md", {
    fleet: `A fetch takes ${fetch} ms, all callers come within ${arrivals} ms, a way to the backend
takes ${trip} ms, and the backend does ${whole(capacity)} operations or pushes a second, one after
the other, about what one Redis does. Options are the defaults.`,
    growth: table(grownHead, growing.filter(isOneOfAKind).map(grownRow)),
    jitter: `${whole(waiting.processes)} processes, and a fetch of ${whole(waiting.fetch)} ms:

${table(jitterHead, jitter.map(jitterRow))}`,
    advice: `A fetch takes ${whole(advised[0]!.before.fleet.fetch)} ms:

${table(advisedHead, rows)}`,
  });
}

const grownHead = [
  "processes",
  "followers",
  "fetches",
  "operations",
  "on paper",
  "per process",
  "busiest",
  "late, median",
  "late, p99",
];

/** One process has no followers, so that it is the same with push and without. */
function isOneOfAKind({ fleet }: Fared): boolean {
  return fleet.processes > 1 || fleet.push;
}

function grownRow({ fleet, herd }: Fared): string[] {
  return [
    whole(fleet.processes),
    fleet.processes === 1 ? "none" : fleet.push ? "pushed" : "poll",
    whole(herd.fetches),
    whole(herd.operations),
    whole(operationsOnPaper(fleet)),
    (herd.operations / fleet.processes).toFixed(1),
    whole(herd.busiest),
    ...lateness(herd.late),
  ];
}

const jitterHead = ["followers", "looks a second", "most in 0.1 s", "late, median", "late, p99"];

function jitterRow({ fleet, herd }: Fared): string[] {
  return [
    fleet.push ? "pushed" : fleet.jitter === undefined ? "poll" : "poll, without jitter",
    whole(herd.waiting.rate),
    whole(herd.waiting.busiest),
    ...lateness(herd.late),
  ];
}

const advisedHead = [
  "processes",
  "capacity",
  "`waitStep`",
  "`operationTimeout`",
  "`waitMax`",
  "load",
  "fetches",
  "late, median",
  "late, p99",
];

function advisedRow({ fleet, herd }: Fared): string[] {
  return [
    whole(fleet.processes),
    `${whole(fleet.capacity)}/s`,
    millis(fleet.waitStep),
    millis(fleet.operationTimeout),
    millis(fleet.waitMax),
    `${whole((100 * herd.waiting.rate) / fleet.capacity)} %`,
    whole(herd.fetches),
    ...lateness(herd.late),
  ];
}

function lateness(late: readonly number[]): string[] {
  return [0.5, 0.99].map((portion) => millis(percentile(late, portion)));
}

function millis(value: number): string {
  return `${whole(value)} ms`;
}
