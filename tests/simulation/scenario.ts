import { seededRandom } from "../support/random.ts";
import { FOR_GOOD, type Terms } from "./history.ts";

/** The kinds of backends that there are. */
export type BackendKind = "memory" | "push" | "poll" | "observed" | "halves";

/** What hand-written halves can do. */
export interface HalvesTraits {
  readonly renew: boolean;
  readonly ready: boolean;
  readonly watch: boolean;
  /** Whether leases have names and are remembered. */
  readonly outcomes: boolean;
}

/** How a process is off for its backend. */
export interface ProcessPlan {
  /** The shortest and the longest way there or back, in milliseconds. */
  readonly trip: readonly [number, number];
  /** How many of its operations meet with trouble, from 0 to 1. */
  readonly trouble: number;
}

/** What becomes of one call's fetch. */
export interface FetchPlan {
  readonly takes: number;
  readonly result: "value" | "fails" | "hangs" | "throws" | "interrupts itself";
  /** What it finds, in place of a value that nobody else has. */
  readonly value?: "null" | "undefined" | "zero" | "empty" | "false" | undefined;
  /** How long it takes to stop, once it is interrupted. */
  readonly cleanup: number;
  /** Whether it goes on when it is interrupted. */
  readonly deaf?: boolean | undefined;
}

/** What becomes of what is told of changes. */
export interface ChangesPlan {
  /** How many get lost, come late, or twice, from 0 to 1. */
  readonly lost: number;
  readonly late: number;
  readonly twice: number;
  /** How many looks are answered late. */
  readonly slow: number;
  /** How often it is looked whether all was heard, and for how long the line is believed then, in milliseconds. */
  readonly every: number;
  readonly lostAfter: number;
  /** How old an entry may be while changes aren't told. */
  readonly alone: number;
  /** After how long without a read a process is told of none any more; when nothing can be left without it. */
  readonly idle?: number | undefined;
}

/** One thing that somebody does, `at` milliseconds after the beginning. */
export type Deed =
  | {
    readonly type: "call";
    readonly at: number;
    readonly process: number;
    readonly key: string;
    readonly fetch: FetchPlan;
    /** When it leaves, if it is still there. */
    readonly leave?: { readonly after: number; readonly how: "interrupt" | "abort" } | undefined;
    /** A hook of it that fails. */
    readonly failingHook?:
      | "onHit"
      | "onLeader"
      | "onFollowerWait"
      | "onFallback"
      | "onStale"
      | undefined;
    /** What is different from the scenario's terms. */
    readonly terms: Partial<Terms>;
  }
  /** A call for many keys. */
  | {
    readonly type: "batch";
    readonly at: number;
    readonly process: number;
    readonly keys: readonly string[];
    /** What its fetch finds no value for. */
    readonly leavesOut: readonly string[];
    readonly maxBatch: number;
    readonly fetch: FetchPlan;
    readonly leave?: { readonly after: number; readonly how: "interrupt" | "abort" } | undefined;
    readonly terms: Partial<Terms>;
  }
  | {
    readonly type: "set" | "expire" | "delete";
    readonly at: number;
    readonly process: number;
    readonly key: string;
  }
  | { readonly type: "crash"; readonly at: number; readonly process: number }
  /** Cuts the connection that shows that a process is there. */
  | { readonly type: "cut"; readonly at: number; readonly process: number; readonly for: number }
  /** Closes the clients of a process's calls until then: of each that its number says. */
  | {
    readonly type: "close";
    readonly at: number;
    readonly process: number;
    readonly each: number;
  }
  | { readonly type: "pause"; readonly at: number; readonly process: number; readonly for: number }
  | { readonly type: "skew"; readonly at: number; readonly process: number; readonly by: number }
  /** Nothing comes over a process's line of changes, or that is cut, which it may be told of. */
  | { readonly type: "mute"; readonly at: number; readonly process: number; readonly for: number }
  | {
    readonly type: "unplug";
    readonly at: number;
    readonly process: number;
    readonly for: number;
    readonly told: boolean;
  }
  /** Changes are counted anew; or by a replica that lags, and that no line is at yet. */
  | { readonly type: "recount"; readonly at: number; readonly how: "anew" | "back" }
  | { readonly type: "corrupt"; readonly at: number; readonly key: string }
  | { readonly type: "evict"; readonly at: number; readonly key: string };

/** Everything that is to happen, but for the chances of the way. */
export interface Scenario {
  readonly seed: number;
  readonly backend: BackendKind;
  readonly halves: HalvesTraits;
  /** How likely a fiber is to yield after a step. */
  readonly yields: number;
  readonly processes: readonly ProcessPlan[];
  readonly terms: Terms;
  /** The pause of a fixed wait strategy; the default strategy without it. */
  readonly pause?: number | undefined;
  readonly waitStep: number;
  /** How many pushes get lost, from 0 to 1, and how late the others come, in milliseconds. */
  readonly push: { readonly lost: number; readonly late: number };
  /** Whether a watch finds that there are no pushes. */
  readonly pushless?: boolean | undefined;
  /** Whether operations are promises, as clients of databases have them. */
  readonly promises?: boolean | undefined;
  /** Whether the store has operations on many keys. */
  readonly together?: boolean | undefined;
  /** Whether it can be told that a process is gone, and how much later that is noticed of one that has crashed. */
  readonly presence?: { readonly noticed: number } | undefined;
  /** What becomes of what an L1 is told of changes; it is told of none without it. */
  readonly changes?: ChangesPlan | undefined;
  /** Which processes have a tracer that keeps spans; none without it. */
  readonly traced?: readonly boolean[] | undefined;
  readonly deeds: readonly Deed[];
}

const themes = [
  "calm",
  "failing",
  "leaving",
  "crashing",
  "pausing",
  "network",
  "skewed",
  "changing",
  "uncached",
  "slow",
  "fallible hooks",
  "mixed options",
  "falsy",
] as const;

/** Makes the scenario of a seed: most are small, some have up to 50 processes of 20 callers. */
export function scenarioOf(seed: number): Scenario {
  const random = seededRandom(Math.imul(seed, 0x9e3779b1) ^ 0x5bd1e995);
  const upTo = (most: number) => Math.floor(random() * (most + 1));
  const pick = <A>(...items: readonly A[]) => items[upTo(items.length - 1)]!;
  const chance = (of: number) => random() < of;

  const chosen = new Set(Array.from({ length: pick(1, 1, 2, 3) }, () => pick(...themes)));
  const has = (theme: typeof themes[number]) => chosen.has(theme);
  const size = random();
  const backend = pick<BackendKind>("push", "push", "push", "poll", "observed", "halves", "memory");
  const processes = backend === "memory"
    ? 1
    : size < 0.004
    ? 20 + upTo(30)
    : size < 0.05
    ? 4 + upTo(6)
    : 1 + upTo(3);
  const calls = size < 0.004
    ? processes * (5 + upTo(15))
    : size < 0.05
    ? processes * (2 + upTo(6))
    : 1 + upTo(pick(3, 6, 6, 12, 24));
  const keys = pick(["a"], ["a"], ["a"], ["a", "b"]);
  const longestTrip = pick(0, 2, 5, 12);
  // Long ones now and then: a lease is renewed for minutes, and then it ends.
  const leaseTtl = has("slow") && chance(0.02) ? 30_000 : pick(60, 90, 300);
  const waitStep = pick(10, 25, 80);
  const pause = pick(undefined, undefined, 0, waitStep);
  const trouble = has("network") ? pick(0.03, 0.1, 0.3, 1) : 0;
  const terms: Terms = {
    takeovers: pick(1, 1, 0, 2),
    leaseTtl,
    waitMax: has("slow") ? pick(0, 5, 40, 150) : pick(150, 600, 2_000, 2_000),
    operationTimeout: pick(50, 120, 1_000),
    longestPause: pause === undefined ? 4 * waitStep : Math.max(10, pause),
    cacheTtl: has("uncached") ? pick(0, 20) : pick(FOR_GOOD, FOR_GOOD, 15, 200),
    coalesce: true,
    bypass: chance(trouble > 0 ? 0.5 : 0.1),
  };

  // Halves say `null` for a miss.
  const misses = backend === "halves" ? [] : ["null"] as const;
  const span = pick(0, 0, 5, 60, 400);
  const disturbed = has("changing") || has("pausing");
  const fetchTime = disturbed ? pick(5, 40, 150, 400) : pick(0, 5, 40, 40, 150);
  const deeds: Deed[] = [];
  for (let call = 0; call < calls; call++) {
    const fails = has("failing") && chance(0.7);
    const hangs = has("slow") && chance(0.3);
    const leaves = hangs || (has("leaving") && chance(0.5));
    const takes = has("slow") ? upTo(pick(10, 600)) : pick(fetchTime, upTo(fetchTime));
    deeds.push({
      type: "call",
      at: upTo(span),
      process: upTo(processes - 1),
      key: pick(...keys),
      fetch: {
        takes,
        result: hangs
          ? "hangs"
          : fails
          ? pick("fails", "fails", "fails", "throws", "interrupts itself")
          : "value",
        value: has("falsy") ? pick(...misses, "undefined", "zero", "empty", "false") : undefined,
        cleanup: has("leaving") ? pick(0, 0, 30) : 0,
      },
      leave: leaves
        ? {
          after: hangs ? upTo(pick(500, 30 * leaseTtl)) : chance(0.25)
            // As the fetch ends, if it is its own.
            ? takes + 4 * longestTrip
            : upTo(pick(10, 60, 200)),
          how: pick("interrupt", "abort"),
        }
        : undefined,
      failingHook: has("fallible hooks") && chance(0.3)
        ? pick("onHit", "onLeader", "onFollowerWait", "onFallback")
        : undefined,
      terms: has("network") && chance(0.15)
        ? { bypass: !terms.bypass }
        : has("mixed options") && chance(0.5)
        ? pick<Partial<Terms>>(
          { takeovers: upTo(3) },
          { waitMax: pick(0, 10, 100, 1_000) },
          { coalesce: false },
          { bypass: chance(0.5) },
          { cacheTtl: pick(0, 10) },
        )
        : {},
    });
  }
  const sometimes = (theme: typeof themes[number], most: number, add: () => void) => {
    if (has(theme)) { for (let count = 1 + upTo(most - 1); count > 0; count--) add(); }
  };
  const at = () => upTo(pick(20, span + 100, span + 400));
  const process = () => upTo(processes - 1);
  const key = () => pick(...keys);
  sometimes("changing", 4, () => {
    deeds.push({ type: pick("set", "delete", "delete"), at: at(), process: process(), key: key() });
  });
  sometimes("changing", 1, () => {
    deeds.push({ type: pick("corrupt", "evict"), at: at(), key: key() });
  });
  if (backend !== "memory") {
    sometimes("crashing", 2, () => deeds.push({ type: "crash", at: at(), process: process() }));
    sometimes("pausing", 3, () => {
      deeds.push({
        type: "pause",
        at: at(),
        process: process(),
        for: upTo(pick(20, 2 * leaseTtl, 5 * leaseTtl)),
      });
    });
  }
  sometimes("skewed", 4, () => {
    const by = (chance(0.5) ? -1 : 1) * upTo(pick(100, 10_000, 86_400_000));
    deeds.push({ type: "skew", at: chance(0.5) ? 0 : at(), process: process(), by });
  });

  const scenario: Scenario = {
    seed,
    backend,
    halves: {
      renew: chance(0.7),
      ready: chance(0.5),
      watch: chance(0.4),
      outcomes: chance(0.5),
    },
    yields: pick(0, 0.02, 0.2),
    processes: Array.from({ length: processes }, () => ({
      trip: [chance(0.5) ? 0 : upTo(longestTrip), longestTrip],
      trouble: chance(0.6) ? trouble : 0,
    })),
    terms,
    pause,
    waitStep,
    push: has("network")
      ? { lost: pick(0, 0.2, 1), late: pick(0, 10, 100) }
      : { lost: 0, late: pick(0, 0, 3) },
    promises: backend !== "halves" && !has("pausing") && chance(0.4),
    pushless: chance(0.05),
    deeds: deeds.sort((a, b) => a.at - b.at),
  };
  return additions.reduce((scenario, add) => add(scenario), scenario);
}

/** The scenarios of some seeds with stale times in which callers don't wait for long who may have a stale value. */
function withSoftTimeout(scenario: Scenario): Scenario {
  const random = seededRandom(Math.imul(scenario.seed, 0x5be0cd19) ^ 0x1f83d9ab);
  const pick = <A>(...items: readonly A[]) => items[Math.floor(random() * items.length)]!;
  // Calls that don't coalesce are rare, and others need them as they are.
  const isRare = scenario.deeds.some((deed) =>
    deed.type === "call" && deed.terms.coalesce === false
  );
  const isChosen = random() < (isRare ? 0.05 : 0.3);
  if (scenario.terms.errorBackoff === undefined || !isChosen) return scenario;
  const some = () => pick(0, 5, 20, 20, 60, 150);
  const softTimeout = some();
  const staleIfError = pick(30, 150, 2_000, 2_000);
  const staleWhileRevalidate = pick(0, 0, 30);
  const differ = random() < 0.3;
  const slower = pick(0, 0, 30, 100);
  const deeds = scenario.deeds.map((deed): Deed => {
    if (deed.type !== "call") return deed;
    const { fetch, terms } = deed;
    const { staleWhileRevalidate: _, staleIfError: __, ...rest } = terms;
    const own = differ
      ? pick<Partial<Terms>>({}, { softTimeout: some() }, { softTimeout: 1_000 })
      : {};
    const takes = fetch.takes + Math.floor(random() * slower);
    return { ...deed, fetch: { ...fetch, takes }, terms: { ...rest, ...own } };
  });
  const terms = { ...scenario.terms, softTimeout, staleIfError, staleWhileRevalidate };
  return { ...scenario, terms, deeds };
}

/** The scenarios of some seeds in which fetches fail, and their failures are shared by all processes. */
function withSharing(scenario: Scenario): Scenario {
  const random = seededRandom(Math.imul(scenario.seed, 0x6a09e667) ^ 0x3c6ef372);
  const pick = <A>(...items: readonly A[]) => items[Math.floor(random() * items.length)]!;
  if (scenario.backend === "halves" || random() < 0.88) return scenario;
  const shares = pick(10, 50, 50, 300);
  const fails = pick(0.3, 0.8, 1);
  const stretch = pick(1, 1, 3, 8);
  const isShared = random() < 0.7;
  const deeds = scenario.deeds.map((deed): Deed => {
    const at = deed.at * stretch;
    if (deed.type !== "call") return { ...deed, at };
    const { fetch, terms } = deed;
    const result = fetch.result === "value" && random() < fails ? "fails" : fetch.result;
    const own = isShared || random() < 0.6 ? { shares } : {};
    return { ...deed, at, fetch: { ...fetch, result }, terms: { ...terms, ...own } };
  });
  return { ...scenario, deeds };
}

/** The scenarios of some seeds in which clients are closed amid calls: those of all calls of a process, or of some. */
function withClosing(scenario: Scenario): Scenario {
  const random = seededRandom(Math.imul(scenario.seed, 0x7f4a7c15) ^ 0x1f83d9ab);
  const pick = <A>(...items: readonly A[]) => items[Math.floor(random() * items.length)]!;
  if (random() < 0.88) return scenario;
  const last = Math.max(...scenario.deeds.map(({ at }) => at));
  const closes = Array.from({ length: pick(1, 1, 2, 4) }, (): Deed => ({
    type: "close",
    at: Math.floor(random() * (last + pick(5, 100, 400))),
    process: Math.floor(random() * scenario.processes.length),
    each: pick(1, 1, 2, 3),
  }));
  const deeds = [...scenario.deeds, ...closes].sort((a, b) => a.at - b.at);
  return { ...scenario, deeds };
}

/**
 * The scenarios of some seeds with leases that are longer than all else, fetches that take seconds, and processes that crash,
 * which is noticed early, late or never, or are cut off, so that they seem to be gone.
 */
function withPresence(scenario: Scenario): Scenario {
  const random = seededRandom(Math.imul(scenario.seed, 0x3956c25b) ^ 0x59f111f1);
  const pick = <A>(...items: readonly A[]) => items[Math.floor(random() * items.length)]!;
  const { backend, terms, processes } = scenario;
  if ((backend !== "push" && backend !== "poll") || random() < 0.85) return scenario;
  const upTo = (most: number) => Math.floor(random() * (most + 1));
  const times = <A>(count: number, make: () => A) => Array.from({ length: count }, make);
  const process = () => upTo(processes.length - 1);
  const deeds = scenario.deeds.map((deed): Deed => {
    if (deed.type !== "call" && deed.type !== "batch") return deed;
    const takes = random() < 0.3 ? deed.fetch.takes : upTo(pick(600, 2_000, 5_000));
    return { ...deed, fetch: { ...deed.fetch, takes } };
  });
  const crashes = times(pick(0, 1, 1, 2), (): Deed => ({
    type: "crash",
    at: upTo(pick(600, 3_000)),
    process: process(),
  }));
  const cuts = times(pick(0, 0, 1, 3), (): Deed => ({
    type: "cut",
    at: upTo(pick(600, 3_000)),
    process: process(),
    for: pick(upTo(900), upTo(900), upTo(5_000)),
  }));
  const isSlow = random() < 0.3;
  const longestPause = isSlow ? 2_000 : terms.longestPause;
  return {
    ...scenario,
    ...(isSlow ? { pause: longestPause } : {}),
    terms: { ...terms, leaseTtl: 30_000, waitMax: pick(3_000, 60_000, 60_000), longestPause },
    presence: { noticed: pick(0, 20, 20, 700, 4_000, FOR_GOOD) },
    deeds: [...deeds, ...crashes, ...cuts].sort((a, b) => a.at - b.at),
  };
}

/** The scenarios of some seeds in which processes keep what they have read, with callers who come again, and changes. */
function withL1(scenario: Scenario): Scenario {
  const random = seededRandom(Math.imul(scenario.seed, 0x428a2f98) ^ 0x71374491);
  const pick = <A>(...items: readonly A[]) => items[Math.floor(random() * items.length)]!;
  const isHere = scenario.backend === "halves" || scenario.backend === "memory";
  if (isHere || scenario.deeds.length > 60 || random() < 0.8) return scenario;
  const l1 = pick(5, 30, 100, 1_000);
  const spread = pick(0.5, 2, 2, 5) * Math.min(l1, 200);
  const times = pick(1, 3, 6);
  const changes = pick(0, 0.05, 0.2);
  const deeds = scenario.deeds.flatMap((deed): Deed[] => {
    if (deed.type !== "call" && deed.type !== "batch") return [deed];
    const again = Array.from({ length: times }, (): Deed => {
      const at = deed.at + Math.floor(random() * spread);
      const process = Math.floor(random() * scenario.processes.length);
      const key = deed.type === "call" ? deed.key : deed.keys[0]!;
      if (random() < changes) {
        return { type: pick("set", "set", "delete", "expire"), at, process, key };
      }
      return random() < 0.7 ? { ...deed, at } : { ...deed, at, process };
    });
    return [deed, ...again];
  }).sort((a, b) => a.at - b.at);
  const cacheTtl = random() < 0.5 ? pick(20, 60, 300) : scenario.terms.cacheTtl;
  const coalesce = scenario.terms.coalesce && random() < 0.8;
  return { ...scenario, terms: { ...scenario.terms, cacheTtl, l1, coalesce }, deeds };
}

/** The scenarios of some seeds in which processes are told of changes, with trouble on the way. */
function withChanges(scenario: Scenario): Scenario {
  const random = seededRandom(Math.imul(scenario.seed, 0x6a09e667) ^ 0x3c6ef372);
  const upTo = (most: number) => Math.floor(random() * (most + 1));
  const pick = <A>(...items: readonly A[]) => items[upTo(items.length - 1)]!;
  const { backend, terms, deeds } = scenario;
  const isHere = backend === "halves" || backend === "memory" || terms.l1 !== undefined;
  const isOther = terms.softTimeout !== undefined || terms.fetchTimeout !== undefined;
  if (isHere || isOther || deeds.length > 20 || random() < 0.85) return scenario;
  const lostAfter = pick(60, 150, 600);
  const span = pick(4, 8) * lostAfter;
  const first = deeds.find((deed) => deed.type === "call");
  if (first?.type !== "call") return scenario;
  const keys = pick(["a"], ["a"], ["a", "b", "c", "d", "e"]);
  const processes = scenario.processes.length > 1
    ? scenario.processes.slice(0, 3)
    : [scenario.processes[0]!, scenario.processes[0]!];
  const process = () => upTo(processes.length - 1);
  const some = <A>(most: number, make: () => A) => Array.from({ length: upTo(most) }, make);
  const { fetch } = first;
  const call = (at: number, process: number, key: string, terms: Partial<Terms> = {}): Deed => ({
    type: "call",
    at,
    process,
    key,
    fetch: { ...fetch, result: "value", takes: upTo(10), value: undefined, deaf: undefined },
    terms,
  });
  const change = (at: number, process: number, key: string): Deed => ({
    type: pick("set", "set", "delete", "expire"),
    at,
    process,
    key,
  });
  /** A process that has a key in its L1, and isn't told of another's change of it. */
  const silence = (): Deed[] => {
    const [own, key] = [process(), pick(...keys)];
    const other = (own + 1) % processes.length;
    const begin = upTo(span / 2);
    const at = begin + lostAfter + upTo(lostAfter);
    const calls = Array.from(
      { length: 24 },
      (_, index) => call(begin + Math.floor(index * lostAfter / 6), own, key),
    );
    const mute = (millis: number): Deed => ({ type: "mute", at, process: own, for: millis });
    const why = pick<() => Deed[]>(
      () => [mute(3 * lostAfter)],
      () => [mute(3 * lostAfter)],
      () => [mute(3 * lostAfter)],
      () => [mute(25), change(at + 40, other, pick("b", "c", "d"))],
      () => [mute(25), change(at + 40, other, pick("b", "c", "d"))],
      () => [{ type: "recount", at, how: "anew" }],
      () => [{ type: "pause", at, process: own, for: 2 * lostAfter }],
    );
    return [...calls, ...why(), change(at + 1, other, key)];
  };
  const more = [
    ...some(pick(10, 60), () => {
      const terms = random() < 0.05 ? { refresh: true } : {};
      return call(upTo(span), process(), pick(...keys), terms);
    }),
    ...some(pick(2, 8), () => change(upTo(span), process(), pick(...keys))),
    ...some(pick(0, 2), (): Deed => ({
      type: "mute",
      at: upTo(span),
      process: process(),
      for: upTo(pick(0.3, 3) * lostAfter),
    })),
    ...some(pick(0, 0, 2), (): Deed => ({
      type: "unplug",
      at: upTo(span),
      process: process(),
      for: upTo(pick(0.3, 3) * lostAfter),
      told: random() < 0.5,
    })),
    ...some(pick(0, 0, 2), (): Deed => ({
      type: "recount",
      at: upTo(span),
      how: pick("anew", "back"),
    })),
    ...some(4, silence).flat(),
  ];
  const others = deeds.filter((deed) => !("process" in deed) || deed.process < processes.length);
  return {
    ...scenario,
    processes,
    changes: {
      lost: pick(0, 0, 0, 0.2),
      late: pick(0, 0, 0.3),
      twice: pick(0, 0, 0.1),
      every: lostAfter / 3,
      lostAfter,
      alone: pick(5, 50),
      slow: pick(0, 0.4, 1),
      idle: pick(undefined, undefined, lostAfter),
    },
    terms: { ...terms, l1: pick(3 * lostAfter, 5_000), cacheTtl: pick(1_000, 60_000) },
    deeds: [...others, ...more].sort((a, b) => a.at - b.at),
  };
}

/** The scenarios of some seeds with calls for many keys in place of some calls. */
function withBatches(scenario: Scenario): Scenario {
  const random = seededRandom(Math.imul(scenario.seed, 0x510e527f) ^ 0x1b05688c);
  const pick = <A>(...items: readonly A[]) => items[Math.floor(random() * items.length)]!;
  const calls = scenario.deeds.filter(({ type }) => type === "call").length;
  const { softTimeout, fetchTimeout } = scenario.terms;
  const isOther = softTimeout !== undefined || fetchTimeout !== undefined || calls > 30 ||
    scenario.deeds.some((deed) =>
      deed.type === "close" || (deed.type === "call" && deed.terms.shares !== undefined)
    );
  if (isOther || random() < 0.85) return scenario;
  const keys = pick(["a", "b"], ["a", "b", "c"], ["a", "b", "c", "d"]);
  const part = pick(0.3, 0.7, 1);
  const leftOut = pick(0, 0, 0.3);
  const deeds = scenario.deeds.map((deed): Deed => {
    if (deed.type !== "call" || deed.terms.refresh || deed.fetch.deaf || random() >= part) {
      return deed;
    }
    const { failingHook: _, key, fetch, ...rest } = deed;
    return {
      ...rest,
      type: "batch",
      keys: [...new Set([key, ...keys.filter(() => random() < 0.7)])],
      leavesOut: keys.filter(() => random() < leftOut),
      maxBatch: pick(100, 100, 2),
      fetch: { ...fetch, value: undefined, cleanup: 0 },
    };
  });
  return { ...scenario, deeds, together: random() < 0.6 };
}

/** The scenarios of some seeds with calls for many keys that leave, while others wait for one of their keys. */
function withJoinedBatches(scenario: Scenario): Scenario {
  const random = seededRandom(Math.imul(scenario.seed, 0x2545f491) ^ 0x6c078965);
  const upTo = (most: number) => Math.floor(random() * (most + 1));
  const isHere = scenario.deeds.some((deed) => deed.type === "batch");
  // Who joins what hangs waits for minutes.
  const hangs = scenario.deeds.some((deed) => "fetch" in deed && deed.fetch.result === "hangs");
  if (!isHere || hangs || random() < 0.7) return scenario;
  const deeds = scenario.deeds.flatMap((deed): Deed[] => {
    if (deed.type !== "batch" || deed.keys.length < 2 || deed.leave !== undefined) return [deed];
    const { at, process, terms, fetch: { takes } } = deed;
    const key = deed.keys[upTo(deed.keys.length - 1)]!;
    const leave = { after: 20 + upTo(40), how: random() < 0.5 ? "interrupt" : "abort" } as const;
    return [
      { ...deed, leave, fetch: { ...deed.fetch, takes: 20 + takes } },
      {
        ...{ type: "call", at: at + upTo(10), process, key, terms },
        fetch: { takes, result: "value", cleanup: 0 },
      },
    ];
  }).sort((a, b) => a.at - b.at);
  return { ...scenario, deeds };
}

/** The scenarios of some seeds with entries that live for a while, and calls that refresh them before their end. */
function withRefreshesAhead(scenario: Scenario): Scenario {
  const random = seededRandom(Math.imul(scenario.seed, 0x3c6ef372) ^ 0x510e527f);
  const pick = <A>(...items: readonly A[]) => items[Math.floor(random() * items.length)]!;
  if (scenario.backend === "halves" || random() < 0.85) return scenario;
  const cacheTtl = pick(30, 100, 100, 400);
  const refreshAhead = pick<Terms["refreshAhead"]>(0.3, 0.6, 0.9, { beta: 1 }, { beta: 3 });
  const isShared = random() < 0.7;
  const keys = [...new Set(scenario.deeds.flatMap((deed) => "key" in deed ? deed.key : []))];
  const sets = keys.map((key): Deed => ({ type: "set", at: 0, process: 0, key }));
  const deeds = scenario.deeds.map((deed): Deed => {
    const at = deed.at + Math.floor(random() * 2 * cacheTtl);
    if (deed.type !== "call") return { ...deed, at };
    const terms = isShared || random() < 0.5 ? { refreshAhead } : {};
    return { ...deed, at, terms: { ...deed.terms, ...terms } };
  }).sort((a, b) => a.at - b.at);
  const all = random() < 0.7 ? [...sets, ...deeds] : deeds;
  const terms = { ...scenario.terms, cacheTtl, ...(isShared ? { refreshAhead } : {}) };
  return { ...scenario, terms, deeds: all };
}

/**
 * The scenarios of some seeds with calls that have a key fetched though its entry is fresh; in most, keys have an entry before,
 * which lives for a while.
 */
function withRefreshes(scenario: Scenario): Scenario {
  const random = seededRandom(Math.imul(scenario.seed, 0x1b873593) ^ 0x38b34ae5);
  const pick = <A>(...items: readonly A[]) => items[Math.floor(random() * items.length)]!;
  if (random() < 0.85) return scenario;
  const part = pick(0.2, 0.5, 1);
  const isLong = random() < 0.7;
  const leaves = pick(0, 0, 0.4);
  const deeds = scenario.deeds.map((deed): Deed => {
    if (deed.type !== "call") return isLong ? { ...deed, at: deed.at + 20 } : deed;
    const { fetch, terms } = deed;
    const refresh = random() < part;
    const takes = refresh && isLong ? 40 + fetch.takes : fetch.takes;
    const leave = refresh && random() < leaves
      ? { after: Math.floor(random() * 60), how: "interrupt" } as const
      : deed.leave;
    return {
      ...deed,
      at: isLong ? 20 + deed.at + Math.floor(random() * 60) : deed.at,
      fetch: { ...fetch, takes },
      leave,
      terms: { ...terms, refresh },
    };
  }).sort((a, b) => a.at - b.at);
  if (!isLong) return { ...scenario, deeds };
  const keys = [...new Set(deeds.flatMap((deed) => "key" in deed ? deed.key : []))];
  const sets = keys.map((key): Deed => ({ type: "set", at: 0, process: 0, key }));
  const { cacheTtl, staleIfError = 0 } = scenario.terms;
  const lives = scenario.backend === "halves" ? cacheTtl : pick(cacheTtl, 100, 1_000);
  const terms = { ...scenario.terms, staleIfError, cacheTtl: lives };
  return { ...scenario, terms, deeds: [...sets, ...deeds] };
}

/** The scenarios of some seeds with fetches that go on when their callers have left, and with more callers that leave. */
function withFinish(scenario: Scenario): Scenario {
  const random = seededRandom(Math.imul(scenario.seed, 0x7feb352d) ^ 0x846ca68b);
  const hangs = scenario.terms.fetchTimeout === undefined &&
    scenario.deeds.some((deed) => deed.type === "call" && deed.fetch.result === "hangs");
  if (hangs || random() < 0.9) return scenario;
  const deeds = scenario.deeds.map((deed): Deed => {
    if (deed.type !== "call" || deed.fetch.deaf) return deed;
    const leave = random() < 0.5
      ? { after: Math.floor(random() * 60), how: "interrupt" } as const
      : deed.leave;
    const terms = random() < 0.1 ? { ...deed.terms, finish: false } : deed.terms;
    return { ...deed, leave, terms, fetch: { ...deed.fetch, cleanup: 0 } };
  });
  return { ...scenario, terms: { ...scenario.terms, finish: true }, deeds };
}

/**
 * The scenarios of some seeds with stale times, of each process its own, and with entries that end while callers come: of
 * backends that keep stale entries. It has chances of its own, as `withTimeout`.
 */
function withFreshness(scenario: Scenario): Scenario {
  const random = seededRandom(Math.imul(scenario.seed, 0x2c1b3c6d) ^ 0x297a2d39);
  const pick = <A>(...items: readonly A[]) => items[Math.floor(random() * items.length)]!;
  if (scenario.backend === "halves" || random() < 0.65) return scenario;
  const windows = () => ({
    staleWhileRevalidate: pick(0, 30, 150, 150, 2_000),
    staleIfError: pick(0, 0, 30, 150, 2_000),
  });
  const errorBackoff = pick(0, 20, 100, 100, 1_000);
  const terms: Terms = { ...scenario.terms, ...windows(), errorBackoff, cacheTtl: pick(5, 20, 60) };
  const differ = random() < 0.3;
  const own = scenario.processes.map(() => differ ? windows() : {});
  const keys = [...new Set(scenario.deeds.flatMap((deed) => "key" in deed ? deed.key : []))];
  // Callers come for longer, and some keys have a value before the first of them.
  const stretch = pick(1, 1, 3, 10);
  const begin = pick(0, 10, 70);
  const fails = pick(0, 0, 0.3, 0.8, 1);
  const sets = keys.filter(() => random() < 0.8).map((key): Deed => ({
    type: "set",
    at: 0,
    process: Math.floor(random() * scenario.processes.length),
    key,
  }));
  const deeds = scenario.deeds.map((deed): Deed => {
    const at = begin + deed.at * stretch;
    if (deed.type !== "call") return { ...deed, at };
    const { fetch } = deed;
    const isValue = fetch.result === "value" && random() >= fails;
    return {
      ...deed,
      at,
      fetch: { ...fetch, result: fetch.result === "value" && !isValue ? "fails" : fetch.result },
      failingHook: deed.failingHook && pick(deed.failingHook, "onStale"),
      terms: { ...own[deed.process], ...deed.terms },
    };
  });
  return { ...scenario, terms, deeds: [...sets, ...deeds] };
}

/** The same scenario with some keys expired that would be deleted. Halves delete what expires. */
function withExpiry(scenario: Scenario): Scenario {
  const random = seededRandom(Math.imul(scenario.seed, 0xc2b2ae35) ^ 0x165667b1);
  const deeds = scenario.deeds.map((deed): Deed =>
    deed.type === "delete" && random() < 0.3 ? { ...deed, type: "expire" } : deed
  );
  return scenario.backend === "halves" ? scenario : { ...scenario, deeds };
}

/**
 * The scenarios of some seeds with a `fetchTimeout`, and fetches that hang or are deaf. It has chances of its own, so that all
 * other seeds keep their scenarios.
 */
function withTimeout(scenario: Scenario): Scenario {
  const random = seededRandom(Math.imul(scenario.seed, 0x85ebca6b) ^ 0x27d4eb2f);
  const pick = <A>(...items: readonly A[]) => items[Math.floor(random() * items.length)]!;
  if (random() < 0.85) return scenario;
  const fetchTimeout = pick(5, 40, 120, 400);
  const hanging = pick(0, 0.2, 0.6, 1);
  // What is unwanted, and goes on beyond its time, ends unseen.
  const leaves = scenario.deeds.some((deed) => deed.type === "call" && deed.leave);
  const deaf = leaves ? 0 : pick(0, 0.5);
  const deeds = scenario.deeds.map((deed): Deed => {
    if (deed.type !== "call") return deed;
    const { fetch, terms } = deed;
    const hangs = random() < hanging;
    return {
      ...deed,
      terms: random() < 0.1 ? { ...terms, fetchTimeout: pick(20, 1_000) } : terms,
      fetch: {
        ...fetch,
        takes: random() < 0.2 ? fetchTimeout : fetch.takes,
        result: hangs ? "hangs" : fetch.result,
        cleanup: leaves ? 0 : pick(0, 0, 30),
        deaf: random() < deaf,
      },
    };
  });
  return { ...scenario, terms: { ...scenario.terms, fetchTimeout }, deeds };
}

/** The scenarios of some seeds with tracers in most processes. */
function withTraces(scenario: Scenario): Scenario {
  const random = seededRandom(Math.imul(scenario.seed, 0x428a2f98) ^ 0x71374491);
  const { deeds, terms, processes } = scenario;
  const isApt = deeds.some(({ type }) => type === "batch") || terms.staleWhileRevalidate;
  if (random() < (isApt ? 0.6 : 0.93)) return scenario;
  const share = random() < 0.5 ? 1 : 0.7;
  return { ...scenario, traced: processes.map(() => random() < share) };
}

/** What is added to the scenarios of some seeds, in this order; each by chances of its own, so that other seeds keep theirs. */
const additions: readonly ((scenario: Scenario) => Scenario)[] = [
  withTimeout,
  withExpiry,
  withFreshness,
  withFinish,
  withRefreshes,
  withRefreshesAhead,
  withSoftTimeout,
  withClosing,
  withSharing,
  withBatches,
  withL1,
  withPresence,
  withTraces,
  withChanges,
  withJoinedBatches,
];
