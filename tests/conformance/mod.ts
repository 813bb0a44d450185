/**
 * The conformance suite, for people who write adapters.
 *
 * {@linkcode conformance} makes a list of cases from the description of a backend. Any test runner can run them. First
 * come the guarantees of the store, then the promises of `Cache.getOrSet` over it. Each case opens two stores, as two
 * processes, and uses its own keys.
 *
 * @example
 * ```ts
 * import { test } from "node:test";
 * import { Effect } from "effect";
 * import { memoryAdapter } from "cache-locking/memory";
 * import { conformance } from "cache-locking/testing";
 *
 * const memory = memoryAdapter();
 * const cases = conformance({
 *   // For a backend of your own, open a client here, and close it with the scope.
 *   open: Effect.sync(() => ({ ...memory })),
 *   gaps: { clocks: "one process has one clock", l1: "entries are in this process anyway" },
 *   damage: "nobody else can write to a process's memory",
 * });
 *
 * for (const { name, run, skipped = false } of cases) test(name, { skip: skipped }, run);
 * ```
 *
 * @module
 */
import { Cause, Effect } from "effect";
import type { Backend, Case } from "./backend.ts";
import { damaged } from "./damage.ts";
import { entries, keeps, values } from "./entries.ts";
import { fills } from "./fills.ts";
import { freshness } from "./freshness.ts";
import { l1 } from "./l1.ts";
import { leases } from "./leases.ts";
import { leftovers } from "./leftovers.ts";
import { many } from "./many.ts";
import { outcomes } from "./outcomes.ts";
import { presence } from "./presence.ts";
import { promises } from "./promises.ts";
import { watches } from "./watches.ts";
import { openWorld, PACE, type Property, scoped } from "./world.ts";

export type { Backend, Case, Damage, Damager, Gaps } from "./backend.ts";

/**
 * Makes the cases of a backend. A case that the backend can't pass is skipped with the reason from the description. No
 * case is skipped without a reason.
 */
export function conformance(backend: Backend): Case[] {
  const properties: readonly Property[] = [
    ...entries,
    ...[...values, ...backend.values ?? []].map(keeps),
    ...leases,
    ...fills,
    ...outcomes,
    ...freshness,
    ...watches,
    ...presence,
    ...promises,
    ...many,
    ...l1,
    ...damaged(backend),
    ...leftovers,
  ];
  return properties.map((property) => ({
    name: property.name,
    skipped: whySkipped(backend, property),
    alone: property.alone ?? false,
    run: () => runCase(backend, property),
  }));
}

function whySkipped(
  backend: Backend,
  { needs = [], given, skipped }: Property,
): string | undefined {
  if (skipped !== undefined) return skipped;
  const gap = needs.find((guarantee) => backend.gaps?.[guarantee] !== undefined);
  if (gap !== undefined) return `no ${gap}: ${backend.gaps?.[gap]}`;
  return given !== undefined && backend[given] === undefined
    ? `the backend's description has no \`${given}\``
    : undefined;
}

/** By how much slower the tries of a case are that depends on times. */
const tries = [1, 6, 6, 12];

/** The part of its pace by which a step may be late in a try that counts: what a case lets two steps take is more. */
const LATE = 0.1;

/** How late a step may be in a try that counts, in milliseconds: a value is given out that isn't stored in twice that time. */
const STORED = 250;

/**
 * Runs a case. One that depends on times and fails is judged by what it shows when all of them are longer; and if this
 * process or the store was so late in it that a lease may have ended that was to be renewed, by another try. Any case has
 * another where a value may have been given out before it was stored.
 */
async function runCase(backend: Backend, property: Property): Promise<void> {
  const { run = Effect.runPromiseExit, pace: usual = PACE } = backend;
  for (const [index, slower] of tries.entries()) {
    const pace = slower * usual;
    let again = false;
    const exit = await run(
      scoped(Effect.flatMap(openWorld({ ...backend, pace }), (world) =>
        Effect.onExit(
          Effect.gen(() => property.holds(world) as Generator<never, unknown, never>),
          () =>
            Effect.sync(() => {
              const late = world.delay() > (world.timed() ? Math.min(LATE * pace, STORED) : STORED);
              again = late || (world.timed() && index === 0);
            }),
        ))),
    );
    if (exit._tag === "Success") return;
    if (!again || index === tries.length - 1) throw Cause.squash(exit.cause);
  }
}
