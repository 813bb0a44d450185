/**
 * A process of its own with metrics: it makes calls as it is told to, says what they came to, and hands out its metrics as
 * Prometheus' text, on a port of its own.
 */
import "./every_error.ts";
import { PrometheusExporter } from "@opentelemetry/exporter-prometheus";
import { MeterProvider } from "@opentelemetry/sdk-metrics";
import { Effect } from "effect";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { Cache } from "../../mod.ts";
import { createCache } from "../../promise.ts";
import { openTelemetryMetrics } from "../../src/metrics/mod.ts";
import type { Connect, Place } from "./connection.ts";
import { answer, beginning, messages } from "./worker.ts";

/** What such a process is started with. */
export interface Metered {
  readonly connection: string;
  readonly place: Place;
}

/** What it is told to do: to call each of so many keys, so many times at once, again and again. */
export interface MeteredTask {
  readonly prefix: string;
  readonly rounds: number;
  readonly keys: number;
  readonly callers: number;
}

/** What it answers: at first its port alone. */
export interface MeteredTold {
  readonly port?: number;
  /** How many calls there were of each outcome, in lower case, and how many failed. */
  readonly calls?: Readonly<Record<string, number>>;
  /** How many calls there were of those that aren't told their outcome. */
  readonly plain?: number;
  readonly fetches?: number;
}

const { connection, place } = beginning<Metered>();
const extension = import.meta.url.endsWith(".ts") ? "ts" : "js";
const module = new URL(`../adapters/${connection}.${extension}`, import.meta.url).href;
const { connect } = await import(module) as { readonly connect: Connect };
const { store, ready, close } = await connect(place);
await ready();

const exporter = new PrometheusExporter({ preventServerStart: true });
const provider = new MeterProvider({ readers: [exporter] });
const metrics = openTelemetryMetrics(provider.getMeter("test"));
const options = { adapter: store, metrics, cacheTtl: 50, hooks: { onError: () => Effect.void } };
const users = Cache.make({ ...options, name: "users" });
const results = createCache({ ...options, name: "users", hooks: { onError() {} } });
const plain = createCache({ ...options, name: "plain", hooks: { onError() {} } });

const calls: Record<string, number> = {};
let plainCalls = 0;
let fetches = 0;
const count = (outcome: string) => void (calls[outcome] = (calls[outcome] ?? 0) + 1);
const fetch = async () => {
  const number = ++fetches;
  await sleep(5);
  if (number % 7 === 0) throw new Error("down");
  return number;
};
const told = ({ meta }: { readonly meta: { readonly cache: string } }) =>
  count(meta.cache.toLowerCase());
const failed = () => count("failed");

const server = createServer((request, response) =>
  exporter.getMetricsRequestHandler(request, response)
);
await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
answer({ port: (server.address() as AddressInfo).port });

for await (const { prefix, rounds, keys, callers } of messages<MeteredTask>()) {
  for (let round = 0; round < rounds; round++) {
    const all = Array.from({ length: keys * callers }, (_, call) => {
      const key = `${prefix}${call % keys}`;
      switch (call % 3) {
        case 0:
          return Effect.runPromise(users.getOrSet(key, () => Effect.tryPromise(fetch)))
            .then(told, failed);
        case 1:
          return results.getOrSetResult(key, fetch).then(told, failed);
        default:
          plainCalls++;
          return plain.getOrSet(key, fetch).then(() => {}, () => {});
      }
    });
    await Promise.all(all);
  }
  answer({ calls, plain: plainCalls, fetches });
}
server.close();
server.closeAllConnections();
await provider.shutdown();
close();
