import { Duration, Effect, Fiber, type Tracer } from "effect";
import { memoryAdapter } from "../../adapters/memory.ts";
import {
  type BatchContext,
  Cache,
  type CacheClient,
  type CallOptions,
  type FetchContext,
  fixedWaitStrategy,
  isCacheLockingError,
  type Store,
} from "../../mod.ts";
import { callback } from "../../src/effect/callback.ts";
import { flightsUnderWay } from "../../src/engine/flight.ts";
import { makeChanges } from "../../adapters/kit/changes.ts";
import { l1Store } from "../../src/store/l1.ts";
import type { Changes } from "../../src/store/store.ts";
import { entriesOfHalf, storeOfHalves } from "../../src/store/halves.ts";
import { fakeSignal } from "../support/fake_signal.ts";
import { seededRandom } from "../support/random.ts";
import { outcomeOf, parentOf, withSpans } from "../support/spans.ts";
import { makeBackend } from "./backend.ts";
import { counted, fewHashes, type Line, lineOf, makeCounter } from "./changes.ts";
import { endingOf } from "./ending.ts";
import {
  type Ending,
  type Event,
  FOR_GOOD,
  type Happening,
  type History,
  makeRecorder,
  type Recorder,
  type SpanNote,
  type Terms,
} from "./history.ts";
import { recorded } from "./recorded.ts";
import { type Remote, remoteHalves, remoteStore, type Way } from "./remote.ts";
import type { ChangesPlan, Deed, FetchPlan, Scenario } from "./scenario.ts";
import { makeWorld, type Process, type World } from "./world.ts";

/** For how long a fetch that hangs is shared at most, in milliseconds. */
const LONGEST_FETCH = 600_000;

interface Place {
  readonly number: number;
  readonly process: Process;
  readonly store: Store<unknown>;
  readonly watches: () => number;
  /** By which it is told of changes. */
  readonly line?: Line | undefined;
  readonly signals: { listeners: () => number }[];
  /** Who is announced, and what announces it again. */
  readonly announced: Map<string, () => void>;
  crashed: boolean;
  /** The clients that are open, by the numbers of their calls. */
  readonly clients: Map<number, Pick<CacheClient, "close">>;
  /** Runs it with the process's tracer, if it has one. */
  readonly traced: <A, E>(effect: Effect.Effect<A, E>) => Effect.Effect<A, E>;
}

/** A span, and when it began. */
interface Begun {
  readonly process: number;
  readonly at: number;
  readonly seq: number;
  readonly span: Tracer.Span;
  others: number;
}

/** Has a scenario happen to the engine, and gives its history. Throws if there is no end of it. */
export async function play(scenario: Scenario): Promise<History> {
  const { seed, backend: kind, halves, terms, yields } = scenario;
  const world = makeWorld({ seed, yields });
  const owners: Owners = new Map();
  const recorder = withOwners(makeRecorder(world.now), owners);
  const counter = makeCounter();
  const made = makeBackend({ now: world.now, expires: kind !== "observed", halves });
  const backend = scenario.changes === undefined ? made : counted(made, {
    ...counter,
    changed(key) {
      recorder.note(-1, { type: "counted", key });
      counter.changed(key);
    },
  });

  const begun: Begun[] = [];

  const places = scenario.processes.map((plan, number): Place => {
    const process = world.process();
    const traced: Place["traced"] = (effect) =>
      scenario.traced?.[number]
        ? withSpans(effect, (span) => {
          const each: Begun = {
            process: number,
            at: world.now(),
            seq: recorder.events.length,
            span,
            others: Infinity,
          };
          begun.push(each);
          const { end } = span;
          span.end = (...args) => {
            each.others = begun.length;
            end.apply(span, args);
          };
          return span;
        })
        : effect;
    const random = seededRandom(Math.imul(seed, 31) + number * 7919);
    const trip = () => {
      const [least, most] = plan.trip;
      return least + Math.floor(random() * (most - least + 1));
    };
    const way = (): Way => {
      const way: Way = { there: trip(), back: trip() };
      if (random() >= plan.trouble) return way;
      const kinds = ["unsent", "lost", "silent", "silent, unsent", "late", "late"] as const;
      const trouble = kinds[Math.floor(random() * kinds.length)]!;
      if (trouble !== "late") return { ...way, trouble };
      return { ...way, there: Math.floor(random() * 3 * terms.operationTimeout) };
    };
    const announced: Place["announced"] = new Map();
    const remote: Remote = {
      world,
      process,
      number,
      recorder,
      backend,
      way,
      promises: scenario.promises ? terms : undefined,
      presence: scenario.presence && { announced },
      push: {
        lost: () => random() < scenario.push.lost,
        late: () => trip() + Math.floor(random() * (scenario.push.late + 1)),
        none: scenario.pushless === true,
      },
    };
    const rest = {
      ...{ number, process, signals: [], announced, crashed: false, clients: new Map(), traced },
    };
    if (kind === "memory") {
      return {
        ...rest,
        store: recorded(memoryAdapter(), recorder, number),
        watches: () => 0,
      };
    }
    if (kind !== "halves") {
      const { store, watches } = remoteStore(remote, {
        push: kind === "push",
        observed: kind === "observed",
        many: scenario.together === true,
      });
      const plan = scenario.changes;
      if (plan === undefined) return { ...rest, watches, store: withL1(store, world, terms.l1) };
      const line = lineOf(remote, counter, plan, random);
      const changes = changesOf(line, plan, remote);
      return {
        ...rest,
        watches,
        line,
        store: withL1({ ...store, changes }, world, terms.l1, plan),
      };
    }
    const { halves: { cache, leases }, watches } = remoteHalves(remote, halves);
    return { ...rest, store: storeOfHalves(entriesOfHalf(cache), leases!), watches };
  });

  /** How often a process is gone: its connection is cut, or it has crashed. */
  const absences = new Map<number, number>();
  const gone = ({ number, process, announced }: Place, isGone: boolean) => {
    const times = (absences.get(number) ?? 0) + (isGone ? 1 : -1);
    absences.set(number, times);
    if (times !== (isGone ? 1 : 0)) return;
    recorder.note(number, { type: isGone ? "gone" : "back" });
    backend.gone(number, isGone);
    if (!isGone) process.after(0, () => announced.forEach((tell) => tell()));
  };

  for (const deed of scenario.deeds) {
    world.after(deed.at, () => {
      if (deed.type === "corrupt" || deed.type === "evict") {
        recorder.note(-1, { type: "lost", key: deed.key });
        return backend.lose(deed.key, deed.type);
      }
      if (deed.type === "recount") {
        // Else a number that was there before might be missed twice, which nobody can tell.
        if (deed.how === "back") places.forEach(({ line }) => line?.unplug(5, false));
        return counter.recount(deed.how);
      }
      const place = places[deed.process];
      if (place === undefined || place.crashed) return;
      const { process, number } = place;
      switch (deed.type) {
        case "crash":
          place.crashed = true;
          recorder.note(number, { type: "crash" });
          if ((scenario.presence?.noticed ?? FOR_GOOD) < FOR_GOOD) {
            world.after(scenario.presence!.noticed, () => gone(place, true));
          }
          return process.crash();
        case "cut":
          gone(place, true);
          return void world.after(deed.for, () => {
            if (!place.crashed) gone(place, false);
          });
        case "mute":
          return place.line?.mute(deed.for);
        case "unplug":
          return place.line?.unplug(deed.for, deed.told);
        case "pause":
          recorder.note(number, { type: "pause" });
          process.pause();
          return void world.after(deed.for, () => {
            recorder.note(number, { type: "resume" });
            process.resume();
          });
        case "skew":
          recorder.note(number, { type: "skew", by: deed.by });
          return process.skew(deed.by);
        case "set":
        case "expire":
        case "delete":
          return void process.after(0, () => change(place, recorder, terms, deed));
        case "close":
          return void process.after(0, () => close(place, recorder, deed.each));
        case "call":
          return void process.after(0, () => call(place, recorder, scenario, deed));
        case "batch":
          return void process.after(0, () => batch(place, recorder, owners, scenario, deed));
      }
    });
  }

  // Else the engine's own jitter would differ from run to run.
  const { random } = Math;
  Math.random = world.random;
  try {
    const last = scenario.deeds.at(-1)?.at ?? 0;
    // Fetches that hang may come one after the other.
    const hanging = scenario.deeds.filter((deed) =>
      (deed.type === "call" || deed.type === "batch") && deed.fetch.result === "hangs"
    );
    await world.run(last + (2 + hanging.length) * LONGEST_FETCH);
  } finally {
    Math.random = random;
  }
  for (const { number, process, store, watches, signals, announced, crashed } of places) {
    if (crashed) continue;
    recorder.note(number, {
      type: "rest",
      flights: flightsUnderWay(store),
      timers: process.timers(),
      watches: watches(),
      announced: announced.size,
      listeners: signals.reduce((sum, { listeners }) => sum + listeners(), 0),
    });
  }
  return {
    events: recorder.events,
    spans: begun.map((each) => noteOf(each, owners)),
    traced: scenario.traced,
    slack: 0.01,
    instant: 0,
    backend: {
      fenced: kind !== "halves",
      seen: kind === "memory" ? "some answers" : "deeds",
      renews: kind !== "halves" || halves.renew,
      remembers: kind !== "halves" || halves.outcomes,
      names: kind !== "halves" || halves.outcomes,
      silent: scenario.promises === true,
      announces: scenario.presence !== undefined,
      tells: scenario.changes && {
        within: Math.max(scenario.changes.lostAfter, scenario.changes.alone),
        alone: scenario.changes.alone,
      },
    },
  };
}

/** The store with an L1, if there is to be one; small, so that it evicts. */
function withL1(
  store: Store<unknown>,
  { now }: World,
  ttl: number | undefined,
  plan?: ChangesPlan,
): Store<unknown> {
  if (ttl === undefined) return store;
  const settings = { ttl, maxEntries: 2, maxBytes: Infinity, copy: false };
  const monotonic = () => 3_600_000 + now();
  return l1Store(store, settings, { monotonic, untold: plan?.alone, idle: plan?.idle });
}

/** What a process is told of changes, written down as it hears it. */
function changesOf(
  { driver }: Line,
  { every, lostAfter }: ChangesPlan,
  { world, process, number, recorder }: Remote,
): Changes {
  const { listen } = makeChanges(driver, {
    monotonic: () => 3_600_000 + world.now(),
    after: process.after,
    every,
    lostAfter,
  });
  return {
    hashOf: fewHashes,
    listen: (listener) =>
      listen({
        ...listener,
        changed(hash) {
          recorder.note(number, { type: "heard", hash });
          listener.changed(hash);
        },
        missed() {
          recorder.note(number, { type: "missed" });
          listener.missed();
        },
      }),
  };
}

function change(
  { process, number, store }: Place,
  recorder: Recorder,
  { operationTimeout, cacheTtl, staleWhileRevalidate, staleIfError, refreshAhead }: Terms,
  { type: how, key }: Deed & { readonly type: "set" | "expire" | "delete" },
): void {
  const change = recorder.number();
  const value = how === "set" ? `set ${change}` : undefined;
  recorder.note(number, { type: "change", change, how, key, value });
  const isFresh = (staleWhileRevalidate ?? staleIfError ?? refreshAhead) !== undefined;
  const client = Cache.make({
    adapter: store,
    operationTimeout,
    ...(isFresh ? { cacheTtl, staleWhileRevalidate, staleIfError, refreshAhead } : {}),
  });
  const changing = how === "set" ? client.set(key, value) : client[how](key);
  process.start(Effect.asVoid(changing), (exit) => {
    recorder.note(number, { type: "changed", change, ok: exit._tag === "Success" });
  });
}

function close({ process, number, clients }: Place, recorder: Recorder, each: number): void {
  for (const [call, client] of clients) {
    if (call % each !== 0) continue;
    clients.delete(call);
    const closing = Effect.suspend(() => {
      recorder.note(number, { type: "closing", call });
      return client.close();
    });
    process.start(closing, () => recorder.note(number, { type: "closed", call }));
  }
}

/** How the errors of fetches are shared. */
const shared = {
  encode: (error: unknown) => JSON.stringify(error),
  decode: (bytes: Uint8Array): unknown => JSON.parse(new TextDecoder().decode(bytes)),
};

const values = { null: null, undefined: undefined, zero: 0, empty: "", false: false };

function call(
  place: Place,
  recorder: Recorder,
  scenario: Scenario,
  { key, fetch: plan, leave, failingHook, terms: own }: Deed & { readonly type: "call" },
): void {
  const { process, number, store, signals } = place;
  const note = (happening: Parameters<Recorder["note"]>[1]) => recorder.note(number, happening);
  const call = recorder.number();
  const terms: Terms = { ...scenario.terms, ...own };
  const mine = { _tag: "MINE", call };
  const aborted = leave?.how === "abort" ? fakeSignal() : undefined;
  if (aborted !== undefined) signals.push(aborted);

  const fetcher = ({ signal }: FetchContext) =>
    Effect.suspend(() => {
      const fetch = recorder.number();
      const value = plan.value === undefined ? `fetch ${fetch}` : values[plan.value];
      // Or else an interruption could come before its end is listened for.
      process.hold(10);
      note({ type: "fetch", fetch, call, deaf: plan.deaf });
      const unwanted = () =>
        note({ type: isCacheLockingError(signal.reason) ? "overdue" : "unwanted", fetch });
      if (signal.aborted) unwanted();
      else signal.addEventListener("abort", unwanted, { once: true });
      return Effect.onExit(fetched(plan, value, mine), (exit) =>
        Effect.suspend(() => {
          const interrupted = exit._tag === "Failure" && signal.aborted;
          return Effect.map(interrupted ? Effect.sleep(plan.cleanup) : Effect.void, () => {
            // Or else an interruption could come when its end is noted, and before it is heard of.
            process.hold(10);
            note({
              type: "fetched",
              fetch,
              result: exit._tag === "Success"
                ? { type: "value", value }
                : interrupted
                ? { type: "interrupted" }
                : { type: "failed", typed: plan.result === "fails" },
            });
          });
        }));
    });
  const hook = (name: string) => () =>
    Effect.suspend(() => {
      note({ type: "hook", call, hook: name });
      return name === failingHook ? Effect.fail(mine) : Effect.void;
    });
  const options = optionsOf(scenario, terms, `call ${call}`, aborted?.signal);
  const client = Cache.make({
    ...options,
    ...(terms.shares === undefined ? {} : { failures: { codec: shared, ttl: terms.shares } }),
    name: `call ${call}`,
    adapter: store,
    hooks: {
      onHit: hook("onHit"),
      onLeader: hook("onLeader"),
      onFallback: hook("onFallback"),
      onStale: (_: unknown, { reason }: { readonly reason: string }) =>
        Effect.suspend(() => {
          note({ type: "hook", call, hook: "onStale", tag: reason });
          return failingHook === "onStale" ? Effect.fail(mine) : Effect.void;
        }),
      onFollowerWait: ({ outcome }: { readonly outcome: string }) =>
        Effect.suspend(() => {
          note({ type: "hook", call, hook: "onFollowerWait", tag: outcome });
          return failingHook === "onFollowerWait" ? Effect.fail(mine) : Effect.void;
        }),
      onError: (error: { readonly _tag: string }) =>
        Effect.sync(() => note({ type: "hook", call, hook: "onError", tag: error._tag })),
    },
  });
  place.clients.set(call, client);
  const calling = terms.refresh ? client.refresh(key, fetcher) : client.getOrSet(key, fetcher);

  note({ type: "call", call, key, terms });
  let over = false;
  const fiber = process.start(
    Effect.matchCauseEffect(place.traced(calling as Effect.Effect<Result, unknown>), {
      onSuccess: ({ value, meta }) =>
        Effect.succeed<Ending>({
          type: "value",
          value,
          cache: meta.cache,
          tier: meta.tier,
          waited: (meta.waited as { millis?: number } | undefined)?.millis,
          staleFor: meta.staleFor && Duration.toMillis(meta.staleFor),
        }),
      onFailure: Effect.failCause,
    }),
    (exit) => {
      over = true;
      note({
        type: "return",
        call,
        ending: exit._tag === "Success" ? exit.value : endingOf(exit.cause, mine),
      });
    },
  );
  if (leave === undefined) return;
  process.after(leave.after, () => {
    if (over) return;
    note({ type: "leave", call, how: leave.how });
    if (aborted !== undefined) aborted.abort();
    else process.start(Fiber.interrupt(fiber), () => {});
  });
}

function optionsOf(
  scenario: Scenario,
  terms: Terms,
  ownerId: string,
  signal: AbortSignal | undefined,
): CallOptions<unknown> {
  const { takeovers, leaseTtl, waitMax, operationTimeout, cacheTtl, coalesce, bypass } = terms;
  const { fetchTimeout, staleWhileRevalidate, staleIfError, softTimeout, errorBackoff } = terms;
  return {
    ownerId,
    takeovers,
    leaseTtl,
    waitMax,
    waitStep: scenario.waitStep,
    operationTimeout,
    ...(fetchTimeout === undefined ? {} : { fetchTimeout }),
    staleWhileRevalidate,
    staleIfError,
    ...(softTimeout === undefined ? {} : { softTimeout }),
    errorBackoff,
    refreshAhead: terms.refreshAhead,
    ...(terms.finish ? { abandonedFetch: "finish" } : {}),
    coalesce,
    onCacheFailure: bypass ? "bypass" : "fail",
    ...(cacheTtl === FOR_GOOD ? {} : { cacheTtl }),
    ...(scenario.pause === undefined ? {} : { waitStrategy: fixedWaitStrategy(scenario.pause) }),
    ...(signal === undefined ? {} : { signal }),
  };
}

/** The call of each key of each batch, by the names of both. */
type Owners = Map<string, number>;

/** What is judged of a span. */
function noteOf({ span, ...begun }: Begun, owners: Owners): SpanNote {
  const { name, spanId: id, attributes, links } = span;
  const [client, key] = [attributes.get("cache"), attributes.get("key")];
  return {
    ...{ ...begun, name, id, key, parent: parentOf(span), outcome: outcomeOf(span) },
    call: owners.get(`${client} ${key}`) ?? Number(/\d+$/.exec(String(client))?.[0]),
    links: links.map(({ span }) => span.spanId),
  };
}

/** Has the owners of a batch be those of its keys' calls. */
function withOwners(recorder: Recorder, owners: Owners): Recorder {
  const keys = new Map<number, string>();
  const own = (name: string | undefined, key: string) =>
    name?.replace(/^batch \d+(?=:)/, (batch) => `call ${owners.get(`${batch} ${key}`)}`);
  return {
    ...recorder,
    note(process, happening) {
      if (happening.type === "ask") {
        const { operation, question, question: { key, owner, waitedFor } } = happening;
        keys.set(operation, key);
        const renamed = { owner: own(owner, key), waitedFor: own(waitedFor, key) };
        return recorder.note(process, { ...happening, question: { ...question, ...renamed } });
      }
      if (happening.type === "announce" || happening.type === "announced") {
        const { key, owner } = happening;
        return recorder.note(process, { ...happening, owner: own(owner, key)! });
      }
      if (happening.type !== "done" && happening.type !== "answer") {
        return recorder.note(process, happening);
      }
      const { answer, operation } = happening;
      const lease = own(answer.lease, keys.get(operation)!);
      recorder.note(process, { ...happening, answer: { ...answer, lease } });
    },
  };
}

/** A call for many keys, written down as a call for each. */
function batch(
  place: Place,
  recorder: Recorder,
  owners: Owners,
  scenario: Scenario,
  deed: Deed & { readonly type: "batch" },
): void {
  const { process, number, store, signals } = place;
  const { keys, leavesOut, maxBatch, fetch: plan, leave } = deed;
  const note = (happening: Parameters<Recorder["note"]>[1]) => recorder.note(number, happening);
  const batch = recorder.number();
  const terms: Terms = { ...scenario.terms, ...deed.terms };
  const mine = { _tag: "MINE", call: batch };
  const calls = new Map(keys.map((key) => [key, recorder.number()]));
  for (const [key, call] of calls) owners.set(`batch ${batch} ${key}`, call);
  /** Where it is written down that a key has its value. */
  const told = new Map<string, Event>();
  const aborted = leave?.how === "abort" ? fakeSignal() : undefined;
  if (aborted !== undefined) signals.push(aborted);

  const fetcher = ({ keys, signal }: BatchContext<string>) =>
    Effect.suspend(() => {
      const fetch = recorder.number();
      const all = keys.map((key) => ({ key, call: calls.get(key)!, fetch: recorder.number() }));
      process.hold(10);
      for (const { call, fetch: each } of all) {
        note({ type: "fetch", fetch: each, call, batch: fetch });
      }
      const unwanted = () => {
        const type = isCacheLockingError(signal.reason) ? "overdue" : "unwanted";
        for (const { fetch } of all) note({ type, fetch });
      };
      if (signal.aborted) unwanted();
      else signal.addEventListener("abort", unwanted, { once: true });
      const found = new Map(
        all.flatMap(({ key, fetch }) => leavesOut.includes(key) ? [] : [[key, `fetch ${fetch}`]]),
      );
      return Effect.onExit(fetched(plan, found, mine), (exit) =>
        Effect.suspend(() => {
          const interrupted = exit._tag === "Failure" && signal.aborted;
          return Effect.map(interrupted ? Effect.sleep(plan.cleanup) : Effect.void, () => {
            process.hold(10);
            for (const { key, fetch } of all) {
              const value = exit._tag === "Success" ? found.get(key) : undefined;
              note({
                type: "fetched",
                fetch,
                result: value !== undefined
                  ? { type: "value", value }
                  : { type: interrupted ? "interrupted" : "failed" },
              });
            }
          });
        })) as Effect.Effect<ReadonlyMap<string, unknown>, unknown>;
    });
  const hook =
    (name: string, tagOf: (...args: never[]) => string | undefined = () => undefined) =>
    (...args: unknown[]) =>
      Effect.sync(() => {
        const { key } = args.at(-1) as { readonly key: string };
        const tag = tagOf(...args as never[]);
        const call = calls.get(key)!;
        note({ type: "hook", call, hook: name, ...(tag === undefined ? {} : { tag }) });
        if (name === "onOutcome") told.set(key, recorder.events.at(-1)!);
      });
  const client = Cache.make({
    ...optionsOf(scenario, terms, `batch ${batch}`, aborted?.signal),
    name: `batch ${batch}`,
    adapter: store,
    hooks: {
      onHit: hook("onHit"),
      onLeader: hook("onLeader"),
      onFallback: hook("onFallback"),
      onStale: hook("onStale", (_: unknown, { reason }: { readonly reason: string }) => reason),
      onFollowerWait: hook(
        "onFollowerWait",
        ({ outcome }: { readonly outcome: string }) => outcome,
      ),
      onError: hook("onError", ({ _tag }: { readonly _tag: string }) => _tag),
      onOutcome: hook("onOutcome"),
    },
  });
  const calling = client.getOrSetMany(keys, fetcher, { maxBatch });

  for (const [key, call] of calls) note({ type: "call", call, key, terms, batch, maxBatch });
  let over = false;
  const fiber = process.start(place.traced(calling), (exit) => {
    over = true;
    for (const [key, call] of calls) {
      const own = exit._tag === "Success" ? exit.value.get(key)! : exit;
      const event = told.get(key);
      if (own._tag === "Failure") {
        // It had its value by then, and nobody has that.
        if (event !== undefined) replace(event, { type: "leave", call, how: leave!.how });
        note({ type: "return", call, ending: endingOf(own.cause, mine) });
        continue;
      }
      const { value, meta } = own.value as Result;
      const ending: Ending = {
        type: "value",
        value,
        cache: meta.cache,
        tier: meta.tier,
        waited: (meta.waited as { millis?: number } | undefined)?.millis,
        staleFor: meta.staleFor && Duration.toMillis(meta.staleFor),
      };
      replace(event!, { type: "return", call, ending });
    }
  });
  if (leave === undefined) return;
  process.after(leave.after, () => {
    if (over) return;
    for (const [key, call] of calls) {
      if (!told.has(key)) note({ type: "leave", call, how: leave.how });
    }
    if (aborted !== undefined) aborted.abort();
    else process.start(Fiber.interrupt(fiber), () => {});
  });
}

/** Writes something else in an event's place. */
function replace(event: Event, happening: Happening): void {
  const { at, process } = event;
  for (const name of Object.keys(event)) delete (event as unknown as Record<string, unknown>)[name];
  Object.assign(event, happening, { at, process });
}

interface Result {
  readonly value: unknown;
  readonly meta: {
    readonly cache: string;
    readonly tier?: string;
    readonly waited?: Duration.Duration;
    readonly staleFor?: Duration.Duration;
  };
}

function fetched(
  { deaf, ...plan }: FetchPlan,
  value: unknown,
  mine: unknown,
): Effect.Effect<unknown, unknown> {
  if (deaf) return Effect.uninterruptible(fetched(plan, value, mine));
  const { takes, result } = plan;
  const taking = takes === 0 ? Effect.void : Effect.sleep(takes);
  switch (result) {
    case "value":
      return Effect.as(taking, value);
    case "fails":
      return Effect.flatMap(taking, () => Effect.fail(mine));
    case "hangs":
      // Effect 3's own keeps a timer, which would outlive a process that crashes.
      return callback(() => {});
    case "throws":
      return Effect.map(taking, () => {
        throw new Error("a bug");
      });
    case "interrupts itself":
      return Effect.flatMap(taking, () => Effect.interrupt);
  }
}
