import { setTimeout as sleep } from "node:timers/promises";
import { type Caller, startCallers } from "../../tests/support/callers.ts";
import type { Load } from "../../tests/support/load.ts";
import {
  judgeAll,
  type KeyHistory,
  sharedClock,
  startRecording,
} from "../../tests/support/recording.ts";
import type { Running } from "../../tests/servers/description.ts";
import type { FaultyBackend } from "./backend.ts";
import { cutShortly, type Fault, faults, pushFaults } from "./faults.ts";
import {
  type Figures,
  figuresOf,
  type L1Figures,
  l1FiguresOf,
  type LongFigures,
  longFiguresOf,
} from "./figures.ts";
import { diedAmid, findLeader, type Leader, untilReplaced } from "./kill.ts";
import { leftoversOf } from "./leftovers.ts";
import { openSite } from "./site.ts";

/** How much is done to a backend. */
export interface Extent {
  readonly processes: number;
  /** How long each fault takes, and how long there is peace before and after, in milliseconds. */
  readonly fault: number;
  readonly peace: number;
  readonly load: Load;
  /** Beside it, fetches that take so long that their leaders are announced, and that fail now and then. */
  readonly long: Load;
  /** And keys that are set by hand now and then, whose entries processes keep in an L1, for backends with push. */
  readonly kept: Load & { readonly l1: number };
  /** How long each of the faults of the connections alone takes that tell of changes, which there are, and the peace after it. */
  readonly push: { readonly faults: readonly (number | undefined)[]; readonly peace: number };
  /** How long the lease of these lives where nobody can tell that a leader is dead, in milliseconds. */
  readonly unannounced: number;
  /** In which faults a leader is killed amid such a fetch, by their places; and whether another process is started for it. */
  readonly kills: readonly number[];
  readonly again: boolean;
}

/** What became of a backend. */
export interface Outcome {
  readonly figures: Figures;
  readonly long: LongFigures;
  /** Of backends without push, none. */
  readonly l1: L1Figures | undefined;
  /** The promises that were broken, told in a line each. */
  readonly broken: readonly string[];
  /** Keys with a lease or an entry that stayed. */
  readonly leftovers: readonly string[];
  /** All that was recorded. */
  readonly histories: readonly KeyHistory[];
}

/** A load that a process is under. */
type Stoppable = ReturnType<Caller["load"]>;

/** How far measured times may be off on a busy machine, in milliseconds. */
export const SLACK = 500;

/** How long it may take until the network knows that a process is dead, in milliseconds. */
const NOTICED = 200;

/** How long a leader is looked for that can be killed, and then somebody who has won its lease, in milliseconds. */
const PATIENCE = 30_000;

/** How long a change may be hidden from an L1 where changes are told, and how old an entry may be where they aren't, in milliseconds. */
const HIDDEN = { told: 3000, untold: 1000 } as const;

/** Puts a backend under load, has every fault happen to it, and judges all that was recorded. */
export async function runFaults(
  backend: FaultyBackend,
  servers: { readonly running: Running; readonly toxiproxy: string },
  { processes, fault, peace, load, long, kept, push, unannounced, kills, again }: Extent,
): Promise<Outcome> {
  const recording = startRecording();
  const began = sharedClock();
  const site = await openSite(backend, { ...servers, recording });
  const callers: Caller[] = [];
  const loads = new Map<Caller, Stoppable[]>();
  const announces = site.direct.store.announce !== undefined;
  const longOptions = announces ? long.options : { ...long.options, leaseTtl: unannounced };
  const isTold = site.direct.store.changes !== undefined;
  const hides = isTold ? backend.hides ?? HIDDEN.told : HIDDEN.untold;
  const keeps = backend.push === undefined
    ? []
    : [{ ...kept, l1: isTold ? backend.hides ?? kept.l1 : HIDDEN.untold }];
  const start = async (count: number) => {
    const over = { connection: backend.connection, place: site.place };
    const started = await startCallers(count, over, recording);
    callers.push(...started);
    for (const caller of started) {
      loads.set(caller, [
        caller.load(backend.deletes === false ? { ...load, deletes: 0 } : load),
        caller.load({ ...long, options: longOptions }),
        ...keeps.map((kept) => caller.load(kept)),
      ]);
    }
  };
  const replacing: Promise<void>[] = [];
  const kill = async () => {
    const options = { prefix: long.prefix, within: PATIENCE };
    for (let isAmid = false; !isAmid;) {
      const leader = await findLeader([...loads.keys()], recording, options);
      if (leader === undefined) return;
      const { caller } = leader;
      // Before it is dead: what it can't answer any more is no failure.
      loads.delete(caller);
      await site.inTurn(async () => {
        await caller.die();
        await sleep(NOTICED);
      });
      isAmid = diedAmid(leader, recording);
      if (again || !isAmid) await start(1);
      if (!isAmid) continue;
      const replaced = replace(leader);
      replaced.catch(() => {});
      replacing.push(replaced);
    }
  };
  /** Keys change, and who waited may have gone on without the backend: others ask until one of them has the lease. */
  const replace = async (leader: Leader) => {
    const asking = [...loads.keys()].map((caller) =>
      [caller, caller.load({ ...long, options: longOptions, key: leader.key })] as const
    );
    await untilReplaced(leader, recording, { within: PATIENCE });
    await Promise.all(asking.map(endOf));
  };
  /** Of a process that was killed meanwhile, nothing is left to end. */
  const endOf = ([caller, load]: readonly [Caller, Stoppable]) =>
    load.stop().catch((error: unknown) => {
      if (loads.has(caller)) throw error;
    });
  const endLong = ([caller, [, long]]: [Caller, Stoppable[]]) => endOf([caller, long!]);
  try {
    await start(processes);
    await sleep(peace / 2);
    await cutShortly(site);
    await sleep(peace / 2);
    const happened: { began: number; over: number }[] = [];
    const all: (readonly [Fault, fault: number, peace: number])[] = [
      ...faults.map((each) => [each, fault, peace] as const),
      ...keeps.length === 0 ? [] : pushFaults.flatMap((each, index) => {
        const millis = push.faults[index];
        return millis === undefined ? [] : [[each, millis, push.peace] as const];
      }),
    ];
    for (const [index, [{ happen }, fault, peace]] of all.entries()) {
      const from = sharedClock() - began;
      const killing = kills.includes(index) ? kill() : undefined;
      await happen(site, fault);
      happened.push({ began: from, over: sharedClock() - began });
      // Who waits long goes on while the others are still observed.
      const isLast = index === all.length - 1;
      const ending = isLast ? [...loads].map(endLong) : [];
      await Promise.all([sleep(peace), killing, ...ending]);
    }
    await Promise.all(replacing);
    await Promise.all([...loads.values()].flat().map((load) => load.stop()));
    await Promise.all([...loads.keys()].map((caller) => caller.end()));
    const histories = recording.histories(SLACK, { announces, hides });
    // What is kept lives for longer than anybody waits for it to end.
    const keys = histories.flatMap(({ key }) =>
      key?.startsWith(`${kept.prefix}:`) ? [] : key ?? []
    );
    const { leaseTtl = 0, cacheTtl = 0 } = load.options;
    const [short, others, inL1] = [load, long, kept].map(({ prefix }) =>
      histories.filter(({ key }) => key === undefined || key.startsWith(`${prefix}:`))
    );
    return {
      figures: figuresOf(short!, { leaseTtl, faults: happened }),
      long: longFiguresOf(others!, { leaseTtl: longOptions.leaseTtl!, fetch: long.fetch }),
      l1: keeps.length === 0 ? undefined : l1FiguresOf(inL1!, hides),
      broken: judgeAll(histories).map(({ promise, what, at, key }) =>
        `${promise}: ${what}, at ${at.toFixed(0)} ms, key ${key}`
      ),
      // Of the last that was asked for, and found a dead lease at the first look.
      leftovers: await leftoversOf(site.direct.store, keys, {
        leaseTtl,
        within: 2 * leaseTtl + cacheTtl + 4000,
      }),
      histories,
    };
  } finally {
    await Promise.allSettled(callers.map((caller) => caller.end()));
    await site.close();
  }
}
