/** A process of its own that calls the library as it is told to, by lines of JSON, and reports and records likewise. */
import "./every_error.ts";
import { Effect } from "effect";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { type BatchContext, Cache, type CacheClient } from "../../mod.ts";
import { flightsUnderWay } from "../../src/engine/flight.ts";
import type { Ending } from "../simulation/history.ts";
import { startDelays } from "../conformance/delays.ts";
import { recorded } from "../simulation/recorded.ts";
import type { Assignment, Message, Report, Task, Told } from "./callers.ts";
import type { Connect } from "./connection.ts";
import { startLoad } from "./load.ts";
import { recordedCall, type RecordedProcess, termsOf } from "./recorded_call.ts";
import { recorderOf, sharedClock } from "./recording.ts";
import { skewClock } from "./skewed_clock.ts";
import { until } from "./until.ts";
import { answer, beginning, messages } from "./worker.ts";

const { connection, place, skew, number, announced = true } = beginning<Assignment>();
if (skew !== undefined) skewClock(skew);
const extension = import.meta.url.endsWith(".ts") ? "ts" : "js";
const module = new URL(`../adapters/${connection}.${extension}`, import.meta.url).href;
const { connect } = await import(module) as { readonly connect: Connect };
const { store: whole, ready, close } = await connect(place);
const { announce: _, ...unannounced } = whole;
const store = announced ? whole : unannounced;
const recorder = recorderOf(number);
const adapter = recorded(store, recorder, number);
// What is reported would be logged, amid what this process answers.
const hooks = { onError: () => Effect.void };
const unrecorded = Cache.make({ adapter: store, hooks });
/** How the errors of fetches are shared. */
const codec = {
  encode: (error: { readonly _tag: string }) => JSON.stringify(error),
  decode: (bytes: Uint8Array) => JSON.parse(new TextDecoder().decode(bytes)),
};
const self: RecordedProcess = { cache: Cache.make({ adapter }), recorder, process: number };

const say: (told: Told) => void = answer;
const tellHistory = () => {
  if (recorder.events.length > 0) say({ events: recorder.events.splice(0) });
};
/** Those who wait to be told which of all fetches of their key theirs is. */
const waiting = new Map<number, ((number: number) => void)[]>();

async function run(task: Task): Promise<void> {
  const { id, key, callers, fetch, value = `value of ${process.pid}`, succeedsFrom = 1, busy = 0 } =
    task;
  const { options = {}, shares } = task;
  const client = shares === undefined
    ? unrecorded
    : Cache.make({ adapter: store, hooks, failures: { codec, ttl: shares } });
  const report = newReport();
  const delays = startDelays();
  const values = new Set<string>();
  waiting.set(id, []);
  const fetcher = (call: number) =>
    Effect.gen(function* () {
      report.fetches++;
      const began = performance.now();
      // A refresh may begin once all callers have their values.
      const number = new Promise<number>((resolve) => waiting.get(id)?.push(resolve));
      say({ id, key });
      yield* Effect.sleep(busy === 0 ? fetch : fetch / 2);
      if (busy > 0) {
        for (const began = performance.now(); performance.now() - began < busy;);
        yield* Effect.sleep(fetch / 2 - busy);
      }
      report.fetch = performance.now() - began;
      return yield* succeedsFrom <= 1 || (yield* Effect.promise(() => number)) >= succeedsFrom
        ? Effect.succeed(value)
        : Effect.fail({ _tag: "SOURCE_DOWN" as const, call });
    });
  const calling = task.unrecorded || shares !== undefined
    ? Effect.match(client.getOrSet(key, () => fetcher(0), options), {
      onSuccess: ({ value, meta }): Ending => ({ type: "value", value, cache: meta.cache }),
      onFailure: ({ _tag: tag }): Ending => ({ type: "error", tag, own: false }),
    })
    : recordedCall(self, { key, options, fetcher, refresh: task.refresh });
  const count = (ending: Ending) => {
    if (ending.type === "value") {
      report.outcomes[ending.cache] = (report.outcomes[ending.cache] ?? 0) + 1;
      values.add(ending.value as string);
    } else {
      const tag = ending.type === "error" ? ending.tag : "DEFECT";
      report.errors[tag] = (report.errors[tag] ?? 0) + 1;
    }
  };
  const call = async () => {
    const began = performance.now();
    count(await Effect.runPromise(calling));
    report.slowest = Math.max(report.slowest, performance.now() - began);
  };
  await Promise.all(Array.from({ length: callers }, call));
  waiting.delete(id);
  delays.stop();
  say({ id, report: { ...report, values: [...values], late: delays.longest() } });
}

/** One call for many keys. */
async function runMany(
  { id, fetch, options = {} }: Task,
  keys: readonly string[],
): Promise<void> {
  const report = newReport();
  const delays = startDelays();
  const values = new Set<string>();
  const began = performance.now();
  const fetcher = ({ keys }: BatchContext<string>) =>
    Effect.suspend(() => {
      report.fetches++;
      say({ id, keys });
      return Effect.as(
        Effect.sleep(fetch),
        new Map(keys.map((key) => [key, `value of ${key}`])),
      );
    });
  const ends = await Effect.runPromise(unrecorded.getOrSetMany(keys, fetcher, options));
  for (const [key, end] of ends) {
    const ending = await Effect.runPromise(Effect.match(end, {
      onSuccess: ({ value, meta }) => ({ value, cache: meta.cache }),
      onFailure: ({ _tag }) => ({ value: undefined, cache: _tag }),
    }));
    const { value, cache } = ending;
    const told = value === undefined ? report.errors : report.outcomes;
    told[cache] = (told[cache] ?? 0) + 1;
    if (value === `value of ${key}`) values.add(key);
  }
  report.slowest = performance.now() - began;
  delays.stop();
  say({ id, report: { ...report, values: [...values], late: delays.longest() } });
}

function newReport(): Report {
  return { outcomes: {}, errors: {}, values: [], fetches: 0, fetch: 0, slowest: 0, late: 0 };
}

/** What ends the calls that were begun by each task. */
const loads = new Map<number, () => Promise<void>>();

async function endLoad(id: number): Promise<void> {
  await loads.get(id)!();
  tellHistory();
  say({ id, report: newReport() });
}

/** How often what was recorded is told, in milliseconds: no more than that is lost when the process is killed. */
const TELLING = 20;

/** Of how long a pause that its machine makes a process says itself, in milliseconds. */
const PAUSE = 250;

let toldAt = sharedClock();
const tellPause = () => {
  const at = sharedClock();
  if (at - toldAt > PAUSE) {
    recorder.events.push({ type: "pause", at: toldAt, process: number });
    recorder.events.push({ type: "resume", at, process: number });
  }
  toldAt = at;
};
const telling = setInterval(() => {
  tellPause();
  tellHistory();
}, TELLING);
/** Kills itself at a moment at which all that was recorded is told. */
function die(): void {
  recorder.note(number, { type: "crash" });
  const told: Told = { events: recorder.events.splice(0) };
  process.stdout.write(`${JSON.stringify(told)}\n`, () => {
    if (recorder.events.length > 0) die();
    else process.kill(process.pid, "SIGKILL");
  });
}

function handle({ id, number, load, stop, die: dies, ...task }: Message): void {
  if (dies) return die();
  if (number !== undefined) return waiting.get(id)?.shift()?.(number);
  if (stop) return void endLoad(id);
  if (load !== undefined) {
    const { operationTimeout } = termsOf(load.options ?? {});
    const shares = load.shares === undefined ? {} : { failures: { codec, ttl: load.shares } };
    const { l1: ttl, options: { cacheTtl } } = load;
    const kept = ttl === undefined ? {} : { l1: { ttl }, cacheTtl };
    const cache = Cache.make({ adapter, operationTimeout, ...shares, ...kept }) as CacheClient;
    loads.set(id, startLoad({ ...self, cache }, load));
  } else if (task.keys !== undefined) void runMany({ id, ...task }, task.keys);
  else void run({ id, ...task });
}

// As a service does it: its calls are over then. Whoever has started it hangs up.
process.once("SIGTERM", async () => {
  await Promise.all([unrecorded, self.cache].map(({ close }) => Effect.runPromise(close())));
  say({ closed: true });
});

// It may be started while its backend is away, and be left without an answer.
await until(() =>
  Promise.race([ready().then(() => true, () => false), sleep(1_000, false, { ref: false })])
);
say({});
for await (const message of messages<Message>()) handle(message);
// Nothing else may keep the process alive.
clearInterval(telling);
recorder.note(number, { type: "rest", flights: flightsUnderWay(adapter) });
tellHistory();
close();
