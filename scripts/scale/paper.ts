import { defaults } from "../../src/model/defaults.ts";
import type { Fleet } from "./fleet.ts";

/** The first pause of the default strategy, in milliseconds; each after it is twice as long, up to `waitStep`. */
const FIRST = 20;
/** What is left of a pause on average: half of it is left to chance. */
const MEAN = 0.75;
/** Looks that a follower makes between two ends of pauses: E[X²] / 2E[X]² of pauses that are even from ½ to 1. */
const BETWEEN = 7 / 12 / (2 * MEAN ** 2);
/** How much of what a backend can do the looks of followers may take. */
const SHARE = 1 / 2;

/** The operations of a herd, by arithmetic: three of the leader's, and each follower's. */
export function operationsOnPaper(fleet: Fleet): number {
  const followers = fleet.processes - 1;
  return 3 + followers * (2 + (fleet.push ? looksWithPush(fleet) : looksByPolling(fleet)));
}

/**
 * After `get` and `acquire`: `watch`, one look once it stands, one for the push, and one for each long pause that is over
 * by then: the k-th ends some time from 3k to 4k × `waitStep`.
 */
function looksWithPush(fleet: Fleet): number {
  const waited = waitOf(fleet);
  let looks = 3;
  for (let k = 1; 3 * k * fleet.waitStep < waited; k++) {
    looks += Math.min(1, waited / (k * fleet.waitStep) - 3);
  }
  return looks;
}

/** Pauses that double up to `waitStep`, then as many as fit into the rest of the fetch. */
function looksByPolling(fleet: Fleet): number {
  const { waitStep, trip } = fleet;
  const waited = waitOf(fleet);
  const growing = Math.ceil(Math.log2(waitStep / FIRST));
  const grown = MEAN * FIRST * (2 ** growing - 1) + growing * 2 * trip;
  return growing + Math.max(0, waited - grown) / (MEAN * waitStep + 2 * trip) + BETWEEN;
}

/** What is left of the fetch when a follower comes, on average. */
function waitOf({ fetch, arrivals }: Fleet): number {
  return fetch - arrivals / 2;
}

/** What a fleet is told to set. */
export type Advice = Pick<Fleet, "waitStep" | "waitMax" | "operationTimeout">;

/** The least settings that let so many processes share one key of such a backend without push; never below the defaults. */
export function adviceFor({ processes, capacity, fetch }: Fleet): Advice {
  const waitStep = upTo(defaults.waitStep, (1000 * processes) / (SHARE * capacity * MEAN));
  const burst = (1000 * 2 * processes) / capacity;
  return {
    waitStep: Math.max(defaults.waitStep, waitStep),
    operationTimeout: Math.max(defaults.operationTimeout, upTo(1000, 2 * burst)),
    waitMax: Math.max(defaults.waitMax, upTo(1000, fetch + 2 * burst + waitStep)),
  };
}

function upTo(step: number, value: number): number {
  return Math.ceil(value / step) * step;
}
