/** A process of its own that calls the library as it is told to, by lines of JSON, and reports likewise. */
import { Effect } from "effect";
import process from "node:process";
import { createInterface } from "node:readline";
import { Cache, type CallOptions, isCacheLockingError } from "../../mod.ts";
import type { Backend, Report, Task } from "./callers.ts";
import type { Connect } from "./connections/connection.ts";

const { connection, place }: Backend = JSON.parse(process.argv[2]!);
const extension = import.meta.url.endsWith(".ts") ? "ts" : "js";
const module = new URL(`connections/${connection}.${extension}`, import.meta.url).href;
const { connect } = await import(module) as { readonly connect: Connect };
const { store, ready, close } = await connect(place);
const cache = Cache.make({ adapter: store });

const say = (line: object) => process.stdout.write(`${JSON.stringify(line)}\n`);
/** Those who wait to be told which of all fetches of their key theirs is. */
const waiting = new Map<number, ((number: number) => void)[]>();

async function run(task: Task): Promise<void> {
  const { id, key, callers, fetch, value = `value of ${process.pid}`, succeedsFrom = 1 } = task;
  const report: Report = { outcomes: {}, errors: {}, values: [], fetches: 0, fetch: 0, slowest: 0 };
  const values = new Set<string>();
  waiting.set(id, []);
  const fetcher = () =>
    Effect.gen(function* () {
      report.fetches++;
      const began = performance.now();
      const number = new Promise<number>((resolve) => waiting.get(id)!.push(resolve));
      say({ id, key, event: "fetching" });
      yield* Effect.sleep(fetch);
      report.fetch = performance.now() - began;
      return yield* succeedsFrom <= 1 || (yield* Effect.promise(() => number)) >= succeedsFrom
        ? Effect.succeed(value)
        : Effect.fail({ _tag: "SOURCE_DOWN" as const });
    });
  const options = task.options as CallOptions<string>;
  const call = async () => {
    const began = performance.now();
    const exit = await Effect.runPromiseExit(
      Effect.match(cache.getOrSet(key, fetcher, options), {
        onSuccess: ({ value, meta }) => {
          report.outcomes[meta.cache] = (report.outcomes[meta.cache] ?? 0) + 1;
          values.add(value);
        },
        onFailure: (error) => {
          const tag = isCacheLockingError(error) || "_tag" in error ? error._tag : String(error);
          report.errors[tag] = (report.errors[tag] ?? 0) + 1;
        },
      }),
    );
    if (exit._tag === "Failure") report.errors["DEFECT"] = (report.errors["DEFECT"] ?? 0) + 1;
    report.slowest = Math.max(report.slowest, performance.now() - began);
  };
  await Promise.all(Array.from({ length: callers }, call));
  waiting.delete(id);
  say({ id, report: { ...report, values: [...values] } });
}

const lines = createInterface({ input: process.stdin });
lines.on("line", (line) => {
  const { number, ...task }: Task & { readonly number?: number } = JSON.parse(line);
  if (number === undefined) void run(task);
  else waiting.get(task.id)?.shift()?.(number);
});
// Nothing else may keep the process alive.
lines.on("close", close);
await ready();
say({ event: "ready" });
