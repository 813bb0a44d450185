import { Redis } from "ioredis";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { must } from "../../tests/support/command.ts";
import { deno } from "../project.ts";
import { compare, type Effort, medianOf, type Subject, type Timing } from "./measure.ts";
import * as makers from "./redis_peers.ts";

/** How hits are timed. */
export interface Hits {
  readonly url: string;
  /** How many calls of the key at once. */
  readonly callers: number;
  readonly effort: Effort;
}

type Name = keyof typeof makers;

const PROGRAMS = 3;
const VALUE = JSON.stringify({ id: 42, name: "Ada", notes: "x".repeat(200) });

/**
 * Times each peer beside the reference in programs of their own, as users have one cache in theirs: how fast the same code
 * is differs by some hundredths from one program to the next, and more where it is compiled together with other caches.
 */
export async function compareHits(
  reference: Name,
  peers: readonly Name[],
  hits: Hits,
): Promise<Timing[]> {
  const found = new Map<string, Timing[]>();
  for (let program = 0; program < PROGRAMS; program++) {
    for (const peer of peers) {
      const pair = JSON.stringify([[reference, peer], hits]);
      const told = await must(deno, [
        "run",
        "-A",
        "--no-check",
        fileURLToPath(import.meta.url),
        pair,
      ]);
      for (const timing of JSON.parse(told.trimEnd().split("\n").at(-1)!) as Timing[]) {
        found.set(timing.name, [...found.get(timing.name) ?? [], timing]);
      }
    }
  }
  return [...found].map(([name, timings]) => ({
    name,
    median: medianOf(timings.map(({ median }) => median)),
    ratio: medianOf(timings.map(({ ratio }) => ratio)),
  }));
}

async function timeHits(names: readonly Name[], { url, callers, effort }: Hits): Promise<Timing[]> {
  const source = () => Promise.resolve(VALUE);
  const peers = names.map((name) => makers[name](() => new Redis(url), source));
  const subjects = peers.map(({ name, get }): Subject => ({
    name,
    calls: 50 * callers,
    run: async () => {
      for (let i = 0; i < 50; i++) {
        await Promise.all(Array.from({ length: callers }, () => get("hot")));
      }
    },
  }));
  for (const { get } of peers) await get("hot");
  const timings = await compare(subjects, effort);
  for (const { close } of peers) await close();
  return timings;
}

if (import.meta.main) {
  console.log(JSON.stringify(await timeHits(...JSON.parse(process.argv[2]!) as [Name[], Hits])));
  process.exit();
}
