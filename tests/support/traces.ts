import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import process from "node:process";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import type { Place } from "./connection.ts";
import type { ToldSpan, Traced, TracedTask, TracedTold } from "./traced_caller.ts";
import { until } from "./until.ts";
import { startWorker, type Worker } from "./worker.ts";

/** Where three processes with OpenTelemetry meet. */
export interface Traces {
  /** The reason why they can't. */
  readonly skip: string | false;
  /** The module that connects them. */
  readonly connection: string;
  readonly place: Place;
}

type Process = Worker<TracedTask, TracedTold>;

/** Spans of three processes are linked to the fetch of one of them. */
export function traces(name: string, { skip, connection, place }: Traces): void {
  const start = (): Process => {
    const isSource = import.meta.url.endsWith(".ts");
    const file = fileURLToPath(
      new URL(isSource ? "traced_caller.ts" : "traced_caller.js", import.meta.url),
    );
    const command = [process.execPath, ...isSource ? ["run", "-A", "--no-check"] : [], file];
    return startWorker(command, { connection, place } satisfies Traced);
  };
  const inProcesses = (run: (processes: readonly Process[]) => Promise<void>) => async () => {
    const processes = [start(), start(), start()];
    try {
      await Promise.all(processes.map((each) => nextOf(each, "ready")));
      await run(processes);
    } finally {
      await Promise.allSettled(processes.map(({ end }) => end()));
    }
  };

  describe(`${name}, three processes with OpenTelemetry`, { skip, timeout: 120_000 }, () => {
    it(
      "the waits of followers are linked to the call that fetches in another process",
      inProcesses(async ([leader, ...followers]) => {
        const key = `traced:${randomUUID()}`;
        leader!.send({ type: "call", key });
        await nextOf(leader!, "fetching");
        for (const follower of followers) follower.send({ type: "call", key });
        for (const follower of followers) await nextOf(follower, "waiting");
        leader!.send({ type: "end" });
        const { outcome } = await nextOf(leader!, "ended");
        assert.equal(outcome, "MISS-LEADER");
        for (const follower of followers) {
          const ended = await nextOf(follower, "ended");
          assert.deepEqual([ended.outcome, ended.value], ["MISS-FOLLOWER-HIT", "fetched"]);
        }

        const led = await spansOf(leader!);
        const fetch = only(led, "fetch");
        const call = only(led, "getOrSet");
        assert.equal(fetch.parent, call.spanId);
        assert.deepEqual(call.links, []);
        for (const follower of followers) {
          const spans = await spansOf(follower);
          assert.ok(spans.every(({ name }) => name !== "cache-locking.fetch"));
          const waits = spans.filter(({ name }) => name === "cache-locking.wait");
          assert.ok(waits.length > 0);
          for (const { links, traceId, parent } of waits) {
            assert.equal(parent, only(spans, "getOrSet").spanId);
            assert.notEqual(traceId, fetch.traceId);
            assert.deepEqual(links.map(({ traceId }) => traceId), [fetch.traceId]);
            assert.deepEqual(links.map(({ spanId }) => spanId), [fetch.parent]);
          }
        }
      }),
    );

    it(
      "stale calls are linked to the refresh, in whatever process",
      inProcesses(async ([leader, ...others]) => {
        const key = `traced:${randomUUID()}`;
        leader!.send({ type: "store stale", key });
        await nextOf(leader!, "stored");
        const call = { type: "call", key, staleWhileRevalidate: 60_000 } as const;
        leader!.send(call);
        const [ended] = await allOf(leader!, ["ended", "fetching"]);
        assert.equal(ended!.outcome, "STALE");
        const stale = async (other: Process) => {
          other.send(call);
          assert.equal((await nextOf(other, "ended")).outcome, "STALE");
          return (await spansOf(other)).filter(({ outcome }) => outcome === "STALE").at(-1)!;
        };
        // The lease is taken, or found taken, behind a stale answer.
        const links = new Map<Process, ToldSpan["links"]>();
        for (const other of others) {
          const began = (await stale(other)).links;
          await until(async () => {
            const { links: known } = await stale(other);
            links.set(other, known);
            return known.length === 1 && known[0]!.spanId !== began[0]!.spanId;
          });
        }
        leader!.send({ type: "end" });
        await until(async () => (await spansOf(leader!)).some(isFill));

        const led = await spansOf(leader!);
        const fetch = led.find(({ name }) => name === "cache-locking.fetch")!;
        const refresh = led.find(({ spanId }) => spanId === fetch.parent)!;
        const [began] = led.filter(({ outcome }) => outcome === "STALE");
        assert.equal(refresh.parent, undefined);
        assert.deepEqual(refresh.links.map(({ spanId }) => spanId), [began!.spanId]);
        assert.deepEqual(began!.links.map(({ spanId }) => spanId), [refresh.spanId]);
        for (const other of others) {
          assert.deepEqual(links.get(other)!.map(({ spanId }) => spanId), [refresh.spanId]);
          const all = await spansOf(other);
          assert.ok(all.every(({ name }) => name !== "cache-locking.fetch"));
        }
      }),
    );
  });
}

const isFill = ({ name }: ToldSpan) => name === "cache-locking.fill";

/** The next thing of a kind that a process tells. */
async function nextOf(process: Process, is: TracedTold["is"]): Promise<TracedTold> {
  const [told] = await allOf(process, [is]);
  return told!;
}

/** The next thing of each of some kinds, in whatever order it tells them. */
async function allOf(
  { next }: Process,
  kinds: readonly TracedTold["is"][],
): Promise<readonly TracedTold[]> {
  const all = new Map<TracedTold["is"], TracedTold>();
  while (!kinds.every((is) => all.has(is))) {
    const told = await next();
    if (!all.has(told.is)) all.set(told.is, told);
  }
  return kinds.map((is) => all.get(is)!);
}

async function spansOf(process: Process): Promise<readonly ToldSpan[]> {
  process.send({ type: "tell spans" });
  return (await nextOf(process, "spans")).spans!;
}

function only(spans: readonly ToldSpan[], part: string): ToldSpan {
  const found = spans.filter(({ name }) => name === `cache-locking.${part}`);
  assert.equal(found.length, 1, part);
  return found[0]!;
}
