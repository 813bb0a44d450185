import { Effect } from "effect";
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { randomToken } from "../../src/model/token.ts";
import { Cache } from "../../mod.ts";
import { recorded } from "../simulation/recorded.ts";
import {
  type Backend,
  type Caller,
  fetchesOf,
  type Report,
  startCallers,
  type Task,
} from "./callers.ts";
import type { Connection } from "./connection.ts";
import { WATCHED_PAUSE } from "../../src/engine/follow.ts";
import { defaults, GRACE } from "../../src/model/defaults.ts";
import { medianOf } from "./percentile.ts";
import { recordedChange } from "./recorded_change.ts";
import { shuffle } from "./random.ts";
import { until } from "./until.ts";
import { callsOf, judgeAll, startRecording } from "./recording.ts";
import { unlessLate } from "./unless_late.ts";

/** What a server is sent, by the names of its operations. */
export interface Counter {
  /** What it has been sent since the last time. */
  take(): Promise<string[]>;
  stop(): unknown;
}

/** How far measured times may be off, in milliseconds, where thousands of callers of a process come at once. */
const SLACK = 2000;

/** How many of the four processes follow. */
const FOLLOWERS = 3;

/** How many looks more followers may take where a slow machine needs so long for a round, in milliseconds. */
function looksWithin(millis: number, fetch: number, push: boolean): number {
  const { operationTimeout, waitStep } = defaults;
  // As a precaution, as long as a watch can't have failed; else by a strategy of which chance takes half.
  const times = push && millis < operationTimeout
    ? millis / (3 * waitStep)
    : Math.max(0, millis - fetch) / (waitStep / 2);
  return FOLLOWERS * Math.floor(times);
}

const HOUR = 3_600_000;

/** The rounds of a backend. */
export interface Rounds extends Backend {
  /** The reason why they can't be run here. */
  readonly skip: string | false;
  /** Opens a client in this process. */
  readonly open: () => Promise<Connection>;
  /** Counts what the server is sent from now on. */
  readonly count: () => Promise<Counter>;
  /** The most operations that the median round of 4 × 250 callers and a fetch of 200 ms may need, and any that isn't late. */
  readonly most: number;
  /** The shortest time, in milliseconds, that a lease can be told to live; 500 by default. */
  readonly shortest?: number | undefined;
  /** The callers of a process that may need no more operations than 10; 1,000 by default. */
  readonly crowd?: number | undefined;
  /** How many looks more may be taken as connections come up that are opened by the first wait; 0 by default. */
  readonly spare?: number | undefined;
  /** Why what a leader that lost its lease fetched may be stored none the less. */
  readonly unfenced?: string | undefined;
}

/** Tests what several processes over one backend promise together, with herds that are killed, paused and failed. */
export function rounds(
  name: string,
  { skip, open, count, most, shortest = 500, crowd = 1000, spare = 0, unfenced, ...backend }:
    Rounds,
): void {
  describe(`processes over ${name}`, { skip }, () => {
    const recording = startRecording();
    let own: Connection;
    let callers: Caller[];
    let push: boolean;
    before(async () => {
      own = await open();
      const watch = own.store.watch?.(newKey()) ?? Effect.succeed(undefined);
      push = (await Effect.runPromise(Effect.scoped(watch))) !== undefined;
      callers = await startCallers(4, backend, recording);
    });
    after(async () => {
      await Promise.all(callers.map((caller) => caller.end()));
      await own.close();
    });

    /** Whether many keys are one request. */
    const asksTogether = () => own.store.acquireMany !== undefined;
    const newKey = () => `rounds:${randomToken()}`;
    const herd = async (task: Omit<Task, "id">, of = callers) =>
      sum(await Promise.all(of.map((caller) => caller.call(task).report)));
    /** Whatever comes of it, no connection that counts keeps the process alive. */
    const counted = async (work: (seen: Counter) => Promise<void>) => {
      const seen = await count();
      try {
        await work(seen);
      } finally {
        await seen.stop();
      }
    };
    const note = (text: string) => console.log(`    # ${name}: ${text}`);
    const fenced = { skip: unfenced === undefined ? false : `no fencing: ${unfenced}` };

    it("fetches once for 4 × 250 callers, in 20 rounds, each of few operations", async () => {
      // The code is compiled by then, and each has followed: the first time it may ask whether it hears, and wake others.
      const followed = new Set<Caller>();
      for (let i = 0; i < 5 || (i < 50 && followed.size < callers.length); i++) {
        const task = { key: newKey(), callers: 250, fetch: i < 5 ? 20 : 200 };
        await Promise.all(callers.map(async (caller) => {
          const { outcomes } = await caller.call(task).report;
          if (outcomes["MISS-FOLLOWER-HIT"]) followed.add(caller);
        }));
      }
      const counts: number[] = [];
      await counted(async (seen) => {
        for (let round = 0; round < 20; round++) {
          const fetches: number[] = [];
          const sent = await unlessLate(async (late) => {
            const began = performance.now();
            const report = await herd({ key: newKey(), callers: 250, fetch: 200 });
            const took = performance.now() - began;
            // A watch is closed a second later, in one of the next rounds.
            const sent = (await seen.take()).filter((operation) => !/unsubscribe/i.test(operation));
            late(report.late);
            fetches.push(report.fetches);
            assert.equal(report.values.length, 1);
            assert.deepEqual(report.errors, {});
            const allowed = most + looksWithin(took, 200, push);
            assert.ok(sent.length <= allowed, `${sent.length} operations in ${took} ms: ${sent}`);
            return sent;
          });
          // However late it was.
          for (const each of fetches) assert.equal(each, 1);
          counts.push(sent.length);
        }
      });
      note(`${Math.min(...counts)} to ${Math.max(...counts)} operations`);
      assert.ok(medianOf(counts) <= most, `${counts} operations`);
    });

    it("has the value soon after the fetch for 4 × 250 callers, in 7 rounds", async () => {
      const late: number[] = [];
      for (let round = -2; round < 7; round++) {
        // To write down what they do takes longer than what they do.
        const task = { key: newKey(), callers: 250, fetch: 200, unrecorded: true };
        const report = await herd(task);
        assert.equal(report.fetches, 1);
        assert.deepEqual(report.errors, {});
        if (round >= 0) late.push(report.slowest - report.fetch);
      }
      // How soon is told, not asserted: a machine may be busy with something else.
      note(`slowest caller after the fetch: ${medianOf(late).toFixed(1)} ms in the median round`);
    });

    it(`needs no more operations for ${crowd} callers a process than for 10`, async () => {
      // It may take a slow machine seconds to start them all, and no look is taken as a precaution meanwhile.
      const fetch = 500 + crowd / 4;
      const options = {
        operationTimeout: 30_000,
        waitMax: 60_000,
        waitStep: 30_000,
      };
      await herd({ key: newKey(), callers: 10, fetch, options });
      if (push) await sleep(1500);
      await unlessLate(async (late) => {
        const names: string[][] = [];
        let slowest = 0;
        await counted(async (seen) => {
          for (const each of [10, crowd]) {
            const report = await herd({ key: newKey(), callers: each, fetch, options });
            late(report.late);
            assert.equal(report.fetches, 1);
            assert.equal(Object.values(report.outcomes).reduce((a, b) => a + b), 4 * each);
            // By then they have also let go of what they listened to.
            if (push) await sleep(1500);
            names.push((await seen.take()).sort());
            slowest = report.slowest;
          }
        });
        const [few, many] = names as [string[], string[]];
        note(`${few.length} operations: ${few}`);
        // Each process looks whether the leader lives, as often as the fetch takes long.
        const looks = fetch < GRACE || own.store.announce === undefined
          ? 0
          : FOLLOWERS * Math.ceil(slowest / WATCHED_PAUSE);
        if (push && spare + looks === 0) assert.deepEqual(few, many);
        else if (push) assert.ok(many.length <= few.length + spare + looks, `${few} and ${many}`);
        // Those who poll have a schedule with jitter.
        else assert.ok(many.length <= 1.5 * few.length, `${few.length} and ${many.length}`);
      });
    });

    it("has the stale value for 4 × 50 callers, and refreshes it once, in 10 rounds", async () => {
      const options = { cacheTtl: HOUR, staleWhileRevalidate: HOUR, staleIfError: HOUR };
      const { recorder } = recording;
      const adapter = recorded(own.store, recorder, 0);
      const self = { cache: Cache.make({ adapter }), recorder, process: 0 };
      const waits: number[] = [];
      for (let round = 0; round < 10; round++) {
        await unlessLate(async (late) => {
          const key = newKey();
          const ask = async (callers: number, value: string) => {
            const report = await herd({ key, callers, fetch: 300, value, options });
            late(report.late);
            return report;
          };
          await ask(1, "old");
          assert.equal(await Effect.runPromise(recordedChange(self, "expire", key)), true);
          const stale = await ask(50, "new");
          assert.deepEqual([stale.outcomes, stale.errors], [{ STALE: 200 }, {}]);
          assert.deepEqual(stale.values, ["old"]);
          waits.push(stale.slowest);
          await until(async () => {
            const entry = await Effect.runPromise(own.store.get(key));
            return entry?.value === "new";
          });
          const fresh = await ask(50, "newer");
          assert.deepEqual([fresh.outcomes, fresh.errors], [{ HIT: 200 }, {}]);
          assert.deepEqual(fresh.values, ["new"]);
          assert.equal(fetchesOf(key), 2);
        });
      }
      // How soon is told, not asserted: a machine may be busy with something else.
      note(
        `slowest of 200 with a stale value: ${medianOf(waits).toFixed(1)} ms in the median round`,
      );
    });

    it("refreshes an entry once for 4 × 20 who ask for that, while others hit, in 3 rounds", async () => {
      for (let round = 0; round < 3; round++) {
        await unlessLate(async (late) => {
          const key = newKey();
          const stored = await herd({
            key,
            callers: 1,
            fetch: 20,
            value: "old",
            options: { cacheTtl: HOUR },
          });
          late(stored.late);
          const task = {
            key,
            callers: 20,
            fetch: 300,
            value: "new",
            options: { cacheTtl: 2 * HOUR },
          };
          const refreshing = callers.map((caller) => caller.call({ ...task, refresh: true }));
          await Promise.race(refreshing.map(({ fetching }) => fetching));
          const beside = await herd(task);
          const refreshed = sum(await Promise.all(refreshing.map(({ report }) => report)));
          // However late it was.
          assert.equal(fetchesOf(key), 2);
          assert.deepEqual([refreshed.values, refreshed.errors], [["new"], {}]);
          assert.deepEqual([beside.outcomes, beside.errors], [{ HIT: 80 }, {}]);
          late(Math.max(beside.late, refreshed.late));
          assert.deepEqual(beside.values, ["old"]);
        });
      }
    });

    it("refreshes an entry once before its end, while 4 × 50 callers hit, in 5 rounds", async () => {
      const options = { cacheTtl: HOUR, refreshAhead: 0.5 };
      for (let round = 0; round < 5; round++) {
        await unlessLate(async (late) => {
          const key = newKey();
          const ask = async (callers: number, value: string, cacheTtl = HOUR) => {
            const task = { key, callers, fetch: 200, value, options: { ...options, cacheTtl } };
            const report = await herd(task);
            late(report.late);
            return report;
          };
          await ask(1, "old", HOUR / 4);
          const old = await ask(50, "new");
          assert.deepEqual([old.outcomes, old.errors], [{ HIT: 200 }, {}]);
          assert.deepEqual(old.values, ["old"]);
          await until(async () => {
            const entry = await Effect.runPromise(own.store.get(key));
            return entry?.value === "new";
          });
          const fresh = await ask(50, "newer");
          assert.deepEqual([fresh.outcomes, fresh.errors], [{ HIT: 200 }, {}]);
          assert.deepEqual(fresh.values, ["new"]);
          assert.equal(fetchesOf(key), 2);
        });
      }
    });

    it("has one take over when the leader is killed", async () => {
      await unlessLate(async (late) => {
        const key = newKey();
        const [victim, ...others] = await startCallers(4, backend, recording);
        const options = { leaseTtl: 1000, waitMax: 10_000 };
        const { fetching } = victim!.call({ key, callers: 50, fetch: 60_000, options });
        await fetching;
        const began = performance.now();
        const following = herd({ key, callers: 50, fetch: 100, options }, others);
        await sleep(100);
        victim!.kill();
        const report = await following;
        const took = performance.now() - began;
        await Promise.all(others.map((caller) => caller.end()));
        note(`values ${took.toFixed(0)} ms after the leader's lease of 1000 ms began`);
        late(report.late);
        assert.equal(report.fetches, 1);
        assert.equal(report.values.length, 1);
        assert.deepEqual(report.errors, {});
        assert.ok(took < Math.max(1000, 2 * shortest) + 1000 + 100, `${took} ms`);
      });
    });

    it("fetches each of 120 keys once for 4 who ask for 90 in any order, in every round", async () => {
      const rounds = asksTogether() ? 20 : 5;
      const options = { leaseTtl: 30_000, waitMax: 60_000, operationTimeout: 30_000 };
      let asked = 0;
      for (let round = 0; round < rounds; round++) {
        const keys = Array.from({ length: 120 }, () => newKey());
        const reports = await Promise.all(callers.map((caller, index) => {
          const own = keys.filter((_, at) => at % 4 !== index);
          shuffle(own, Math.random);
          return caller.call({ key: "", keys: own, callers: 1, fetch: 100, options }).report;
        }));
        for (const { errors, values } of reports) {
          assert.deepEqual(errors, {});
          assert.equal(values.length, 90);
        }
        assert.deepEqual(keys.map(fetchesOf), keys.map(() => 1));
        asked += sum(reports).fetches;
      }
      note(`${asked} fetches for ${rounds} × 120 keys`);
    });

    it("has the other take over the keys of a killed batch in one fetch", async () => {
      await unlessLate(async (late) => {
        const keys = Array.from({ length: 40 }, () => newKey());
        const [victim, other] = await startCallers(2, backend, recording);
        const options = { leaseTtl: Math.max(1_500, 2 * shortest), waitMax: 20_000 };
        const task = { key: "", callers: 1, options };
        await victim!.call({ ...task, keys, fetch: 60_000 }).fetching;
        const taking = other!.call({ ...task, keys: [...keys].reverse(), fetch: 100 }).report;
        await sleep(200);
        victim!.kill();
        const report = await taking;
        await other!.end();
        late(report.late);
        assert.deepEqual(report.errors, {});
        assert.equal(report.values.length, 40);
        note(
          `${report.fetches} fetches for 40 keys of a killed process, ${
            report.slowest.toFixed(0)
          } ms`,
        );
        assert.deepEqual(keys.map(fetchesOf), keys.map(() => 2));
        // Leases that were taken one by one end one by one.
        assert.ok(report.fetches <= (asksTogether() ? 1 : 10), `${report.fetches} fetches`);
      });
    });

    it("refuses the fill of a leader that was paused past its lease", fenced, async () => {
      await unlessLate(async (late) => {
        const key = newKey();
        const [paused, ...others] = await startCallers(3, backend, recording);
        const options = { leaseTtl: shortest, waitMax: 10_000 };
        const fetch = 0.6 * shortest;
        const leading = paused!.call({ key, callers: 50, fetch, value: "old", options });
        await leading.fetching;
        paused!.pause();
        // It may have filled before.
        const before = await Effect.runPromise(own.store.get(key));
        const report = await herd({ key, callers: 50, fetch: 100, value: "new", options }, others);
        paused!.resume();
        const last = await leading.report;
        await Promise.all([paused!, ...others].map((caller) => caller.end()));
        // Not how late the one was that was paused.
        late(report.late);
        assert.equal(before, undefined);
        assert.equal(report.fetches, 1);
        assert.deepEqual(report.values, ["new"]);
        assert.deepEqual(last.values, ["old"]);
        assert.deepEqual(last.errors, {});
        assert.equal(last.outcomes["MISS-LEADER-NOCACHE"], 1);
        assert.deepEqual(await Effect.runPromise(own.store.get(key)), { value: "new" });
      });
    });

    it("fetches twice when the first fetch fails, whoever makes the second", async () => {
      const report = await herd({ key: newKey(), callers: 100, fetch: 100, succeedsFrom: 2 });
      assert.equal(report.fetches, 2);
      // Only the caller whose own fetch failed.
      assert.deepEqual(report.errors, { SOURCE_DOWN: 1 });
      assert.equal(report.values.length, 1);
    });

    it("fails all callers soon when every fetch fails, after two fetches a process at most", async () => {
      const waitStep = 50;
      const fetch = 1500;
      await unlessLate(async (late) => {
        const task = {
          key: newKey(),
          callers: 100,
          fetch,
          succeedsFrom: 1e9,
          options: { waitStep },
        };
        const reports = await Promise.all(callers.map((caller) => caller.call(task).report));
        const all = sum(reports);
        const { errors, slowest, outcomes, fetches } = all;
        late(all.late);
        note(
          `${fetches} fetches, slowest caller ${slowest.toFixed(0)} ms: ${JSON.stringify(errors)}`,
        );
        for (const each of reports) assert.ok(each.fetches <= 2, `${each.fetches} fetches`);
        assert.deepEqual(outcomes, {});
        assert.equal((errors["SOURCE_DOWN"] ?? 0) + (errors["FETCHER_FAILED"] ?? 0), 400);
        const limit = 3 * (fetch + (push ? 0 : 2 * waitStep));
        assert.ok(slowest < limit, `${slowest} ms`);
      });
    });

    it("refuses the fill of a fetch during which the key was deleted", fenced, async () => {
      await unlessLate(async (late) => {
        const key = newKey();
        const { fetching, report } = callers[0]!.call({
          key,
          callers: 10,
          fetch: 200,
          value: "old",
        });
        await fetching;
        const { recorder } = recording;
        const adapter = recorded(own.store, recorder, 0);
        const self = { cache: Cache.make({ adapter }), recorder, process: 0 };
        assert.equal(await Effect.runPromise(recordedChange(self, "delete", key)), true);
        const told = await report;
        late(told.late);
        assert.deepEqual(told.values, ["old"]);
        assert.equal(told.outcomes["MISS-LEADER-NOCACHE"], 1);
        assert.equal(await Effect.runPromise(own.store.get(key)), undefined);
      });
    });

    it("ends its processes, whose histories keep every promise", async () => {
      const ends = await Promise.all(callers.map((caller) => caller.end()));
      const slowest = Math.max(...ends);
      assert.ok(slowest < 10_000, `the slowest process ended after ${slowest} ms`);
      const histories = recording.histories(SLACK);
      const calls = callsOf(histories);
      note(`${calls} calls, judged by what each process recorded`);
      assert.ok(calls > 20_000, `${calls} calls`);
      assert.deepEqual(judgeAll(histories), []);
    });
  });
}

function sum(reports: readonly Report[]): Report {
  const counts = (of: (report: Report) => Record<string, number>) => {
    const all: Record<string, number> = {};
    for (const report of reports) {
      for (const [name, count] of Object.entries(of(report))) all[name] = (all[name] ?? 0) + count;
    }
    return all;
  };
  return {
    outcomes: counts(({ outcomes }) => outcomes),
    errors: counts(({ errors }) => errors),
    values: [...new Set(reports.flatMap(({ values }) => values))],
    fetches: reports.reduce((all, { fetches }) => all + fetches, 0),
    fetch: Math.max(...reports.map(({ fetch }) => fetch)),
    slowest: Math.max(...reports.map(({ slowest }) => slowest)),
    late: Math.max(...reports.map(({ late }) => late)),
  };
}
