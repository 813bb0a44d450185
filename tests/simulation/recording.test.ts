import { Effect } from "effect";
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { memoryAdapter } from "../../adapters/memory.ts";
import { AdapterError, Cache, type Store } from "../../mod.ts";
import { attempt } from "../../src/store/attempt.ts";
import { l1Store } from "../../src/store/l1.ts";
import type { L1Settings } from "../../src/store/store.ts";
import { recorded } from "./recorded.ts";
import { type PlainOptions, recordedCall, type RecordedProcess } from "../support/recorded_call.ts";
import { recordedChange } from "../support/recorded_change.ts";
import { unlessLate } from "../support/unless_late.ts";
import { judgeAll, recorderOf, type Recording, startRecording } from "../support/recording.ts";

const KEY = "user:42";
const LEASE = 1000;
/** A machine may be busy with something else. */
const SLACK = 500;

/** A process over a backend that others share. */
function processOver(backend: Store<unknown>, recording: Recording): RecordedProcess {
  const process = recording.newProcess();
  const recorder = recorderOf(process);
  const { peek: _, ...remote } = backend;
  const adapter = recorded(remote, recorder, process);
  return { cache: Cache.make({ adapter }), recorder, process };
}

/** What the other process can do, and the end of what the first one does. */
interface Meanwhile {
  readonly call: () => Promise<unknown>;
  readonly remove: () => Promise<unknown>;
  readonly first: Promise<unknown>;
  /** Resolves once the first one has led for longer than what may have come about at one moment. */
  readonly leads: Promise<unknown>;
}

const MOMENT = 100;
/** For as long as any test takes, in milliseconds. */
const LONG = 60_000;

/**
 * Two processes, one of which leads, and what the judges say of it. Its fetch takes so many milliseconds, or ends when the
 * other has done what it does meanwhile.
 */
async function judged(
  broken: (backend: Store<unknown>) => Partial<Store<unknown>>,
  { fetch, second, slack = SLACK }: {
    readonly fetch: number | "until then";
    readonly slack?: number;
    readonly second: (other: Meanwhile) => Promise<unknown>;
  },
): Promise<string[]> {
  const recording = startRecording();
  const backend = memoryAdapter();
  const [one, other] = [0, 1].map(() =>
    processOver({ ...backend, ...broken(backend) }, recording)
  ) as [RecordedProcess, RecordedProcess];
  const call = (process: RecordedProcess, fetching: () => Promise<unknown>) =>
    Effect.runPromise(recordedCall(process, {
      key: KEY,
      options: { leaseTtl: LEASE, waitMax: 20 * LEASE, waitStep: 20 },
      fetcher: (call) => Effect.as(Effect.promise(fetching), `value of call ${call}`),
    }));
  let endFetch!: () => void;
  const then = new Promise<void>((resolve) => endFetch = resolve);
  let first: Promise<unknown> | undefined;
  const leads = new Promise<void>((resolve) => {
    first = call(one, () => {
      setTimeout(resolve, MOMENT);
      return fetch === "until then" ? then : sleep(fetch);
    });
  });
  await second({
    call: () => call(other, () => sleep(20)),
    remove: () => Effect.runPromise(recordedChange(other, "delete", KEY)),
    first: first!,
    leads,
  });
  await sleep(MOMENT);
  endFetch();
  await first;
  recording.add([...one.recorder.events, ...other.recorder.events]);
  return judgeAll(recording.histories(slack)).map(({ what }) => what.replaceAll(/\d+/g, "N"));
}

const lead = () => Effect.succeed({ _tag: "Leader", remaining: LEASE } as const);
const unfenced = ({ set }: Store<unknown>): Partial<Store<unknown>> => ({
  fill: (key, _owner, value, ttl) => Effect.as(set(key, value, ttl), true),
});
const unrenewed: Partial<Store<unknown>> = {
  renew: (key) => Effect.fail(new AdapterError("renew", key)),
};

describe("What processes have recorded", () => {
  it("is judged to keep the promises where it does", () =>
    unlessLate(async () => {
      const second = async ({ call, remove }: Meanwhile) => {
        await call();
        await sleep(MOMENT);
        await remove();
        await call();
      };
      assert.deepEqual(await judged(() => ({}), { fetch: 100, second, slack: 2 * SLACK }), []);
    }));

  it("gives two away that lead at once", async () => {
    const second = async ({ call, leads }: Meanwhile) => {
      await leads;
      await call();
    };
    const broken = await judged(() => ({ acquire: lead }), { fetch: "until then", second });
    assert.ok(broken.includes("calls N and N led at once"), `${broken}`);
  });

  it("gives a fill away that isn't fenced from who took over", async () => {
    const second = async ({ call, leads }: Meanwhile) => {
      await leads;
      await sleep(LEASE);
      await call();
    };
    const leaky = (backend: Store<unknown>) => ({ ...unfenced(backend), ...unrenewed });
    const broken = await judged(leaky, { fetch: "until then", second });
    assert.deepEqual(broken, ["call N filled, and another had won its lease before"]);
    const fenced = await judged(() => unrenewed, { fetch: "until then", second });
    assert.deepEqual(fenced, []);
  });

  it("gives a fill away that isn't fenced from a delete", async () => {
    const second = async ({ remove, leads }: Meanwhile) => {
      await leads;
      await remove();
    };
    const leaky = (backend: Store<unknown>) => ({ ...unfenced(backend), ...unrenewed });
    const broken = await judged(leaky, { fetch: "until then", second });
    assert.deepEqual(broken, ["call N filled what had been changed since"]);
    assert.deepEqual(await judged(() => unrenewed, { fetch: "until then", second }), []);
  });

  it("gives a second fetch away of what is stored", async () => {
    const second = async ({ call, first }: Meanwhile) => {
      await first;
      await sleep(MOMENT);
      await call();
    };
    const forgetful = ({ acquire, ...backend }: Store<unknown>): Partial<Store<unknown>> => ({
      get: () => Effect.succeed(undefined),
      acquire: (key, owner, ttl) =>
        Effect.flatMap(backend.delete(key), () => acquire(key, owner, ttl)),
    });
    const broken = await judged(forgetful, { fetch: 20, second });
    assert.ok(broken.includes("call N fetched what had been stored"), `${broken}`);
  });

  it("gives a hit in L1 away of what was replaced for longer than that may be hidden", async () => {
    const recording = startRecording();
    const { peek: _, ...backend } = memoryAdapter();
    const withL1 = (settings: L1Settings) => l1Store(backend, settings);
    const [one, other] = [0, 1].map(() => {
      const process = recording.newProcess();
      const recorder = recorderOf(process);
      const adapter = recorded({ ...backend, withL1 }, recorder, process);
      const cache = Cache.make({ adapter, cacheTtl: LONG, l1: { ttl: LONG } });
      return { cache, recorder, process };
    }) as [RecordedProcess, RecordedProcess];
    const fetcher = (call: number) => Effect.succeed(`value of call ${call}`);
    const options = { cacheTtl: LONG };
    const read = () =>
      Effect.runPromise(recordedCall(one, { key: KEY, options, fetcher, l1: LONG }));
    const set = (process: RecordedProcess) =>
      Effect.runPromise(recordedChange(process, "set", KEY));
    await set(other);
    await sleep(MOMENT);
    await read();
    await sleep(MOMENT);
    await set(other);
    await sleep(2 * MOMENT);
    await read();
    recording.add([...one.recorder.events, ...other.recorder.events]);
    const brokenBy = (hides: number) => judgeAll(recording.histories(SLACK, { hides }));
    assert.deepEqual(brokenBy(LONG), []);
    const [broken, ...more] = brokenBy(10).map(({ what }) => what.replaceAll(/\d+(\.\d+)?/g, "N"));
    assert.equal(broken, "call N hit in LN what was replaced N ms before");
    assert.deepEqual(more, []);
  });

  /** A process whose operations may take so many milliseconds, over a backend that answers by promises. */
  function hurried(
    recording: Recording,
    backend: Partial<Store<unknown>>,
    operationTimeout: number,
  ) {
    const process = recording.newProcess();
    const recorder = recorderOf(process);
    const { peek: _, ...remote } = memoryAdapter();
    const adapter = recorded({ ...remote, ...backend }, recorder, process);
    const cache = Cache.make({ adapter, operationTimeout });
    const call = (key: string, fetch: number, options: PlainOptions = {}) =>
      Effect.runPromise(recordedCall({ cache, recorder, process }, {
        key,
        options: { operationTimeout, ...options },
        fetcher: (call) => Effect.as(Effect.sleep(fetch), `value of call ${call}`),
      }));
    return { recorder, call };
  }

  it("tells on a busy machine, too, that an operation was given up before what comes of it", () =>
    unlessLate(async () => {
      const recording = startRecording();
      const get = (key: string) => attempt("get", key, () => new Promise<undefined>(() => {}));
      const { recorder, call } = hurried(recording, { get }, 100);
      const calls: Promise<unknown>[] = [];
      for (let key = 0; key < 200; key++) {
        calls.push(call(String(key), 5, { onCacheFailure: "bypass" }));
        // What is due meanwhile comes late, and at once.
        for (const until = performance.now() + key % 4; performance.now() < until;);
        if (key % 2 === 0) await sleep(key % 5);
      }
      await Promise.all(calls);
      recording.add(recorder.events);
      assert.deepEqual(judgeAll(recording.histories(SLACK)), []);
    }));

  it("tells that a renewal was over that nobody waited for any more", () =>
    unlessLate(async () => {
      const recording = startRecording();
      const renew = (key: string) => attempt("renew", key, () => sleep(200, true));
      const { recorder, call } = hurried(recording, { renew }, 400);
      await call(KEY, 150, { leaseTtl: 300 });
      await sleep(1200);
      await call(KEY, 0);
      recording.add(recorder.events);
      assert.deepEqual(judgeAll(recording.histories(SLACK)), []);
    }));
});
