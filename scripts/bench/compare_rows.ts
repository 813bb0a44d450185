import { randomUUID } from "node:crypto";
import { medianOf } from "../../tests/support/percentile.ts";
import type { BytesJob } from "./bytes.ts";
import { goalsOf } from "./goals.ts";
import { compare, type Effort, type Rounds, type Timing } from "./measure.ts";
import type { Comparison, Goal, Measured, Unit } from "./measured.ts";
import type { PeerName } from "./open_peer.ts";
import { type Fleet, startFleet } from "./redis_fleet.ts";
import type { Row } from "./rows.ts";
import type { Runtime } from "./runtime.ts";
import { comparisonTable } from "./tables.ts";

/** What rows are measured with. */
export interface Bench {
  readonly runtime: Runtime;
  readonly effort: Effort;
  /** Where the server of the rows is, if they have one. */
  readonly url?: string | undefined;
}

const PROCESSES = 4;
const CALLERS = 250;

/** Measures rows, prints each, and judges them by their goals. */
export async function compareRows(rows: readonly Row[], bench: Bench): Promise<Measured> {
  const comparisons: Comparison[] = [];
  const goals: Goal[] = [];
  const fleet = bench.url && rows.some((row) => "fetch" in row)
    ? await startFleet(PROCESSES, bench.runtime, bench.url)
    : undefined;
  try {
    for (const row of rows) {
      const comparison = await compareRow(row, bench, fleet);
      comparisons.push(comparison);
      console.log(`\n${comparisonTable(comparison)}`);
      for (const [i, own] of row.own.entries()) {
        goals.push(
          ...goalsOf(comparison, own, {
            timing: comparison.timings[1 + i]!,
            effect: bench.runtime.effect,
          }),
        );
      }
    }
  } finally {
    await fleet?.stop();
  }
  return { comparisons, goals };
}

/** The first of the row, this library, its builds before, and the others. */
async function compareRow(row: Row, bench: Bench, fleet?: Fleet): Promise<Comparison> {
  const { title, beside, own, others } = row;
  const owns = own.map(({ peer }) => peer);
  const befores: PeerName[] = "commit" in bench.runtime.before && !row.isNew
    ? owns.map((peer) => `before:${peer}` as const)
    : [];
  const theirs = [beside, ...others].filter((peer) =>
    bench.runtime.effect === 4 || !peer.startsWith("persisted")
  );
  const { programs } = bench.effort;
  const ours = await measure(row, [beside, ...owns, ...befores], {
    bench,
    fleet,
    programs: programs * ("isClose" in row ? 3 : 1),
  });
  const apart = await measure(row, theirs, { bench, fleet, programs: 1 });
  const timings = compare(ours).map((timing, i): Timing => {
    const before = 0 < i && i <= owns.length && ours[i + owns.length];
    return before ? { ...timing, gain: gainOf(ours[i]!, before) } : timing;
  });
  const unit: Unit = "load" in row ? "ns" : "fetch" in row ? "ms" : "bytes";
  return { title, unit, timings: [...timings, ...compare(apart).slice(1)] };
}

function gainOf(now: Rounds, before: Rounds): number {
  return medianOf(now.costs.map((cost, round) => before.costs[round]! / cost));
}

interface RowMeans {
  readonly bench: Bench;
  readonly fleet?: Fleet | undefined;
  readonly programs: number;
}

async function measure(
  row: Row,
  peers: readonly PeerName[],
  { bench: { runtime, effort, url }, fleet, programs }: RowMeans,
): Promise<Rounds[]> {
  if ("fetch" in row) return await timeHerds(row.fetch, peers, { fleet: fleet!, effort });
  const all: Rounds[][] = [];
  for (let program = 0; program < programs; program++) {
    // Which one the compiler sees first changes from one program to the next.
    const turned = peers.map((_, i) => peers[(i + program) % peers.length]!);
    const rounds = "load" in row
      ? await runtime.run("time", {
        load: row.load,
        peers: turned,
        effort,
        redis: row.redis && { url: url!, ...row.redis },
        postgres: row.postgres && url,
      })
      : await countBytes(turned, runtime, { of: row.bytesOf, redis: row.redis && { url: url! } });
    all.push(peers.map((peer) => rounds[turned.indexOf(peer)]!));
  }
  return peers.map((_, i) => ({
    name: all[0]![i]!.name,
    costs: all.flatMap((rounds) => rounds[i]!.costs),
  }));
}

async function countBytes(
  peers: readonly PeerName[],
  runtime: Runtime,
  job: Omit<BytesJob, "peer">,
): Promise<Rounds[]> {
  const rounds: Rounds[] = [];
  for (const peer of peers) {
    const { name, bytes } = await runtime.run("bytes", { peer, ...job });
    rounds.push({ name, costs: [bytes] });
  }
  return rounds;
}

/** In turns, in the same processes. */
async function timeHerds(
  fetch: number,
  peers: readonly PeerName[],
  { fleet, effort }: { readonly fleet: Fleet; readonly effort: Effort },
): Promise<Rounds[]> {
  const rows = peers.map(() => ({ name: "", costs: [] as number[] }));
  // The first calls of a program are slower than all others.
  for (let round = -2; round < Math.max(3, effort.rounds / 3); round++) {
    for (const [i, peer] of peers.entries()) {
      const task = { peer, key: randomUUID(), callers: CALLERS, fetch, down: false };
      const shares = await fleet.run(PROCESSES, task);
      rows[i]!.name = shares[0]!.name;
      const slowest = Math.max(...shares.map(({ slowest }) => slowest));
      if (round >= 0) rows[i]!.costs.push(slowest - fetch);
    }
  }
  return rows;
}
