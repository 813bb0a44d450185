import { before, it } from "node:test";
import type { Case } from "../conformance/mod.ts";
import { atOnce } from "./at_once.ts";

/** How cases are run. */
export interface SideBySide {
  /** Why they can't be run here. */
  readonly skip: string | false;
  /** How many at once: few enough for a slow machine to keep none waiting, and more where most of them sleep. */
  readonly atOnce: number;
}

/** Makes a test of each case, and runs several at once where they may, as most of what they do is wait. */
export function sideBySide(cases: readonly Case[], { skip, atOnce: most }: SideBySide): void {
  const done = new Map<Case, (outcome: Promise<void>) => void>();
  const outcomes = new Map<Case, Promise<void>>();
  // The last ones take longest.
  const inOrder = [...cases].reverse().sort((a, b) => Number(a.alone) - Number(b.alone));
  const together = inOrder.filter(({ alone, skipped }) => !alone && !skipped);
  for (const each of together) {
    const outcome = new Promise<void>((resolve) => done.set(each, resolve));
    outcome.catch(() => {});
    outcomes.set(each, outcome);
  }
  const start = (each: Case) => {
    const outcome = each.run();
    done.get(each)!(outcome);
    return outcome.catch(() => {});
  };
  before(() => {
    if (!skip) void atOnce(most, together.map((each) => () => start(each)));
  });
  // As they begin, so that the one that is waited for is the one that hangs, if any does.
  for (const each of inOrder) {
    const { name, run, skipped = false } = each;
    it(name, { skip: skip || skipped }, () => outcomes.get(each) ?? run());
  }
}

/** The cases whose names begin with one of these. Throws where none does, as a case that has another name would be lost. */
export function casesNamed(cases: readonly Case[], beginnings: readonly string[]): Case[] {
  const lost = beginnings.find((beginning) =>
    !cases.some(({ name }) => name.startsWith(beginning))
  );
  if (lost !== undefined) throw new Error(`Cannot find a case whose name begins with "${lost}"`);
  return cases.filter(({ name }) => beginnings.some((beginning) => name.startsWith(beginning)));
}

/** The cases for which the options of an adapter matter: its keys and its codec. */
export const ofOptions: readonly string[] = [
  ...["keeps", "set", "delete", "keys", "acquire", "an owner", "renew never takes"],
  ...["release", "fill", "a new leader", "a follower"],
];
