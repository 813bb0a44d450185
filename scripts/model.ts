/** Has spin prove the promises on the model of the protocol, and refute broken models: `deno task model`. */
import { mkdirSync, rmSync } from "node:fs";
import { atOnce } from "../tests/support/at_once.ts";
import { backendsRequired } from "../tests/servers/environment.ts";
import { readArguments } from "./arguments.ts";
import { cache, root } from "./project.ts";
import { type Count, report, type Result, tally } from "./result.ts";
import { must, run } from "../tests/support/command.ts";

const source = `${root}tests/model/lease.pml`;

/** A model: so many processes, and how often what may go wrong. */
interface Model {
  readonly processes: 2 | 3;
  readonly changes?: number;
  readonly troubles?: number;
  readonly pauses?: number;
  readonly crashes?: number;
  /** How often a leader is cut off, where the store can tell which process is there. */
  readonly cuts?: number;
  /** Whether pushes may be lost. */
  readonly pushLost?: boolean;
  /** Whether an entry grows old, and is refreshed early, or when it is stale. */
  readonly stale?: boolean;
  /** What is broken in it. */
  readonly broken?: string;
}

/** What is to be proved: all that must never happen, what must happen in the end, or one of them. */
type Claim =
  | "safe"
  | "one_healthy_leader"
  | "no_old_value"
  | "no_lease_left_behind"
  | "everybody_ends";

const once = { changes: 1, troubles: 1, pauses: 1, crashes: 1 };

const proofs: readonly (readonly [Model, readonly Claim[]])[] = [
  [{ processes: 2, ...once }, ["safe", "everybody_ends"]],
  [{ processes: 2, ...once, pushLost: true }, ["safe", "everybody_ends"]],
  [{ processes: 3, pauses: 1 }, ["safe", "everybody_ends"]],
  [{ processes: 3, crashes: 1 }, ["safe", "everybody_ends"]],
  [{ processes: 3, changes: 1 }, ["safe", "everybody_ends"]],
  [{ processes: 3, troubles: 1 }, ["safe"]],
  [{ processes: 3, pauses: 1, pushLost: true }, ["safe"]],
  [{ processes: 2, changes: 1, pauses: 1, crashes: 1, stale: true }, ["safe", "everybody_ends"]],
  [{ processes: 2, changes: 1, troubles: 1, pauses: 1, stale: true }, ["safe"]],
  [{ processes: 3, stale: true }, ["safe", "everybody_ends"]],
  [{ processes: 2, changes: 1, pauses: 1, crashes: 1, cuts: 2 }, ["safe", "everybody_ends"]],
  [{ processes: 2, troubles: 1, cuts: 2 }, ["safe", "everybody_ends"]],
  [{ processes: 3, cuts: 1 }, ["safe"]],
];

/** Each is broken in one way, and which claim that breaks. */
const refutations: readonly (readonly [string, Claim])[] = [
  ["NO_RECHECK", "safe"],
  ["UNFENCED_FILL", "safe"],
  ["UNFENCED_RELEASE", "one_healthy_leader"],
  ["DELETE_KEEPS_LEASE", "no_old_value"],
  ["UNCOUNTED_FAILURE", "safe"],
  ["FORGOTTEN_RELEASE", "no_lease_left_behind"],
  ["LATE_WATCH", "everybody_ends"],
];

/** As {@linkcode refutations}, where entries grow old. */
const staleRefutations: readonly (readonly [string, Claim])[] = [
  ["EARLY_TWICE", "safe"],
  ["EXPIRE_KEEPS_LEASE", "no_old_value"],
  ["UNHEARD_FAILURE", "safe"],
];

/** As {@linkcode refutations}, where leaders are cut off. */
const cutRefutations: readonly (readonly [string, Claim])[] = [
  ["UNHEARD_RETURN", "safe"],
  ["UNFENCED_FILL", "safe"],
];

/** Runs all of it, so many models at a time. Without spin and gcc it is skipped, unless they are required. */
export function testModel({ lanes = 1 }: { readonly lanes?: number } = {}): Promise<Result> {
  return tally("Model", async (count) => {
    for (const [tool, version] of [["spin", "-V"], ["gcc", "--version"]] as const) {
      const { ok, output } = await run(tool, [version]);
      if (ok) continue;
      const missing = `${tool} is missing: ${output.trim()}`;
      return backendsRequired ? count.fail(missing) : count.skip(missing);
    }
    const work = [
      ...proofs.map(([model, claims]) => () => prove(count, model, claims)),
      ...refutations.map(([broken, claim]) => () => refute(count, { broken }, claim)),
      ...staleRefutations.map(([broken, claim]) => () =>
        refute(count, { broken, stale: true }, claim)
      ),
      ...cutRefutations.map(([broken, claim]) => () =>
        refute(count, { broken, pauses: 0, cuts: 2 }, claim)
      ),
    ];
    await atOnce(lanes, work);
  });
}

async function prove(count: Count, model: Model, claims: readonly Claim[]): Promise<void> {
  const check = await compile(model);
  for (const claim of claims) {
    const { proved, states, output } = await check(claim);
    if (!proved) count.fail(`${describe(model)}: ${claim} is not proved\n${output}`);
    else {
      count.pass();
      count.note(`${describe(model)}: ${claim}, in ${states} states`);
    }
  }
}

async function refute(
  count: Count,
  how: Pick<Model, "broken" | "stale" | "pauses" | "cuts">,
  claim: Claim,
): Promise<void> {
  const model: Model = { processes: 2, changes: 1, pauses: 1, ...how };
  const check = await compile(model);
  const { refuted, output } = await check(claim);
  if (refuted === undefined) {
    count.fail(`${describe(model)}: ${claim} is not refuted\n${output}`);
  } else {
    count.pass();
    count.note(`${describe(model)}: ${claim} is refuted, ${refuted}`);
  }
}

/** What spin's verifier found. */
interface Verdict {
  /** Whether it went through all states and found no error. */
  readonly proved: boolean;
  /** What the counterexample shows. */
  readonly refuted?: string | undefined;
  readonly states: number;
  readonly output: string;
}

/** Makes the verifier of a model, in a folder under .cache/. */
async function compile(model: Model): Promise<(claim: Claim) => Promise<Verdict>> {
  const folder = `${cache}model/${describe(model).replaceAll(/\W+/g, "_")}/`;
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const words = {
    N: model.processes,
    CHANGES: model.changes ?? 0,
    TROUBLES: model.troubles ?? 0,
    PAUSES: model.pauses ?? 0,
    CRASHES: model.crashes ?? 0,
  };
  const flags = Object.entries(words).map(([word, value]) => `-D${word}=${value}`);
  if (model.cuts !== undefined) flags.push(`-DCUTS=${model.cuts}`);
  if (model.pushLost) flags.push("-DPUSH_LOST");
  if (model.stale) flags.push("-DSTALE");
  if (model.broken) flags.push(`-D${model.broken}`);
  await must("spin", [...flags, "-a", source], { cwd: folder });
  // A model that is refuted at once is sooner compiled than run.
  const optimize = model.broken ? "-O0" : "-O2";
  await must("gcc", [optimize, "-w", "-DMEMLIM=1500", "-o", "pan", "pan.c"], { cwd: folder });

  return async (claim) => {
    const fair = claim === "everybody_ends" ? ["-a", "-f"] : [];
    const { output } = await run("./pan", [...fair, "-m100000", "-N", claim], { cwd: folder });
    const complete = !/Search not completed|max search depth too small/.test(output);
    const replay = `To see the counterexample, in ${folder}: spin ${
      flags.join(" ")
    } -t -p ${source}`;
    return {
      proved: complete && /errors: 0$/m.test(output),
      refuted: /(?:assertion violated|acceptance cycle).*/.exec(output)?.[0],
      states: Number(/(\d+) states, stored/.exec(output)?.[1]),
      output: `${output}\n${replay}`,
    };
  };
}

function describe({ processes, pushLost, stale, broken, ...trouble }: Model): string {
  const often = Object.entries(trouble).map(([what, times]) => `${what} ${times}`);
  const words = [pushLost && "pushes lost", stale && "entries grow old", broken];
  return [`${processes} processes`, ...often, ...words].filter(Boolean).join(", ");
}

if (import.meta.main) {
  readArguments({
    name: "model",
    does: "Has spin prove the promises on the model of the protocol, and refute broken models.",
  });
  console.log("Compiles and verifies the models, two at a time");
  report([await testModel({ lanes: 2 })]);
}
