/** A process of its own that calls the library as it is told to, by lines of JSON, and reports likewise. */
import { Effect } from "effect";
import process from "node:process";
import { createInterface } from "node:readline";
import { redisAdapter } from "../../adapters/redis.ts";
import { Cache, type CallOptions, isCacheLockingError } from "../../mod.ts";
import type { Report, Task } from "./callers.ts";

const { url, cluster } = JSON.parse(process.argv[2]!) as { url: string; cluster?: boolean };
const { Redis, Cluster } = await import("ioredis");
const connect = () => cluster ? new Cluster([url]) : new Redis(url);
const client = connect();
// What fetchers count is not what is measured.
const source = connect();
for (const each of [client, source]) each.on("error", () => {});
const adapter = redisAdapter({ client });
const cache = Cache.make({ adapter });

const say = (line: object) => process.stdout.write(`${JSON.stringify(line)}\n`);

async function run(task: Task): Promise<void> {
  const report: Report = { outcomes: {}, errors: {}, values: [], fetches: 0, fetch: 0, slowest: 0 };
  const values = new Set<string>();
  const fetcher = () =>
    Effect.gen(function* () {
      report.fetches++;
      say({ id: task.id, event: "fetching" });
      const began = performance.now();
      const number = task.succeedsFrom === undefined
        ? 1
        : yield* Effect.promise(() => source.incr(`${task.key}:fetches`));
      yield* Effect.sleep(task.fetch);
      report.fetch = performance.now() - began;
      return yield* number >= (task.succeedsFrom ?? 1)
        ? Effect.succeed(task.value ?? `value of ${process.pid}`)
        : Effect.fail({ _tag: "SOURCE_DOWN" as const });
    });
  const options = task.options as CallOptions<string>;
  const call = async () => {
    const began = performance.now();
    const exit = await Effect.runPromiseExit(
      Effect.match(cache.getOrSet(task.key, fetcher, options), {
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
  await Promise.all(Array.from({ length: task.callers }, call));
  say({ id: task.id, report: { ...report, values: [...values] } });
}

const lines = createInterface({ input: process.stdin });
lines.on("line", (line) => void run(JSON.parse(line)));
// Nothing else may keep the process alive.
lines.on("close", () => {
  client.disconnect();
  source.disconnect();
});
await Promise.all([client.ping(), source.ping()]);
say({ event: "ready" });
