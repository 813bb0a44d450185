import { table, whole } from "../charts/markdown.ts";
import { percentile } from "../percentile.ts";
import type { Fared, Scale } from "../scale.ts";
import { operationsOnPaper } from "./paper.ts";

/** Writes what fleets cost as a page. */
export function scalePage({ growing, jitter, advised }: Scale): string {
  const { fleet } = growing[0]!;
  return `# From one process to ten thousand

<!-- Written by \`deno task scale\`. -->

What one cold key costs a backend, and how soon its followers have the value, as the fleet grows. It
is the engine itself that runs, in virtual time: each process is one of its own, with one caller,
since more callers of a process cost nothing more. A fetch takes ${fleet.fetch} ms, all callers come
within ${fleet.arrivals} ms, a way to the backend takes ${fleet.trip} ms, and the backend does
${whole(fleet.capacity)} operations or pushes a second, one after the other, about what one Redis
does. Options are the defaults.

![Operations and lateness by the number of processes](./charts/scale.svg)

${table(grownHead, growing.filter(isOneOfAKind).map(grownRow))}

_Late_ is the time from the end of the fetch, wherever it ran, to the value in a caller's hands.
_Busiest_ is the most operations in a tenth of a second: the opening, when all come at once. Where
fewer operations are simulated than are on paper, the backend is full, and looks wait in its queue.

## On paper

The leader costs 3 operations: \`get\`, \`acquire\`, \`fill\`. With **push**, a follower costs 5 —
\`get\`, \`acquire\`, \`watch\`, an \`acquire\` for what came about before the watch stood, and an
\`acquire\` for the push — and one more for each 3 to 4 × \`waitStep\` that the fetch takes, in case a
push was lost; the k-th of them comes between 3k and 4k × \`waitStep\`. Of N processes:

\`\`\`text
push:    3 + (N − 1) × (5 + Σ min(1, max(0, fetch / (k × waitStep) − 3))), over k from 1
\`\`\`

By **polling**, a follower costs \`get\`, \`acquire\` and its looks, each an \`acquire\`. Pauses double
from 20 ms up to \`waitStep\`, which takes k = ⌈log2(waitStep / 20)⌉ of them, and a quarter of each is
taken off by chance, on average:

\`\`\`text
polling: 3 + (N − 1) × (2 + k + (fetch − 15 × (2^k − 1)) / (0.75 × waitStep + round trip) + 0.52)
\`\`\`

The last term is the look that finds the value: the end of the fetch falls into a pause, and more
likely into a long one. In both, the cost grows with the processes and never with the callers, and
one process fetches.

How late a follower is: with push, a round trip and the backend's time for the N pushes and N looks
that all come at once, 2 × N / capacity for the last one. By polling, what is left of a pause: 0.39 ×
\`waitStep\` on average, and \`waitStep\` at most.

## Jitter

What ${
    whole(jitter[0]!.fleet.processes)
  } processes ask of the backend in the second half of a fetch that takes ${
    whole(jitter[0]!.fleet.fetch)
  } ms:

${table(jitterHead, jitter.map(jitterRow))}

The default strategy leaves half of each pause to chance, so that looks are spread out by the time
that pauses have grown; without jitter, those who came together look together for as long as they
wait. Followers that are pushed look only each 3 to 4 × \`waitStep\`, in case a push was lost.

## What to set

Where followers are pushed (Redis, Postgres, MongoDB with a replica set), the defaults serve a fleet
of any size that the backend can answer at all. Where they poll, all looks of N processes must leave
the backend room for its other work. With the default strategy they are N / (0.75 × waitStep) a
second, so that half of what the backend can do is kept free by

\`\`\`text
waitStep         ≥ N / (0.375 × capacity)
operationTimeout ≥ 4 × N / capacity, since all begin with a get and an acquire
waitMax          ≥ fetch + waitStep + 4 × N / capacity
\`\`\`

with times in seconds and the capacity in operations a second. The capacity is that of
whatever is narrowest for one key: an item of DynamoDB, say, takes 1,000 writes a second, and every
look is one.

${
    table(
      advisedHead,
      advised.flatMap(({ before, after }) => [advisedRow(before), advisedRow(after)]),
    )
  }

Each fleet is simulated with the defaults, then with what the formulas give, rounded up; a fetch takes ${
    whole(advised[0]!.before.fleet.fetch)
  } ms. _Load_ is what the looks take of the capacity in the
second half of the fetch. A longer \`waitStep\` is paid for in lateness. Beyond N = capacity, let
fewer processes ask for the key: put a tier in front, or fill it from one place.

To repeat it: \`deno task scale\`.
`;
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
