import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { randomToken } from "../../src/model/token.ts";
import { type Network, openNetwork } from "../servers/toxiproxy.ts";
import { skipWithout, variable } from "./address.ts";
import { type Backend, type Caller, type Report, startCallers, type Task } from "./callers.ts";
import { startRecording } from "./recording.ts";
import { unlessLate } from "./unless_late.ts";

/** How the processes of a suite are started, and its server reached. */
export interface Processes {
  readonly skip: string | false;
  /** Where the backend is; through the port of a network, if one is given. */
  readonly backend: (port?: number) => Backend;
  /** The port of the server, where it may be behind a network. */
  readonly port?: number | undefined;
}

/** Longer than any test takes: what ends sooner has been noticed, in milliseconds. */
export const LEASE = 30_000;
/** How long a leader leads before something happens to it, in milliseconds. */
export const LED = 2000;
/** How many callers each process has. */
export const CALLERS = 25;

const options = { leaseTtl: LEASE, waitMax: 2 * LEASE };

/** A leader, and those who wait for it. */
interface Herd {
  readonly leader: Caller;
  readonly others: readonly Caller[];
}

/** What came of a herd. */
export interface Round {
  /** When the first of the others began to fetch, in milliseconds since something happened; undefined if none did. */
  readonly took: number | undefined;
  /** Those of the others. */
  readonly reports: readonly Report[];
  /** The leader's, if it lives. */
  readonly report: Promise<Report>;
}

/** Has a process lead and the others wait for it; then something happens to the leader. */
export async function round(
  { leader, others }: Herd,
  happen: (leader: Caller) => unknown,
  { fetch = LEASE, ...more }: Partial<Task> = {},
): Promise<Round> {
  const task = { key: `dead:${randomToken()}`, callers: CALLERS, options, unrecorded: true };
  const leading = leader.call({ ...task, ...more, fetch, value: "first" });
  await leading.fetching;
  const following = others.map((other) => other.call({ ...task, fetch: 200, value: "second" }));
  await sleep(LED);
  const began = performance.now();
  let took: number | undefined;
  for (const { fetching } of following) {
    fetching.then(() => took ??= performance.now() - began, () => {});
  }
  await happen(leader);
  const reports = await Promise.all(following.map(({ report }) => report));
  return { took, reports, report: leading.report };
}

const sum = (reports: readonly Report[], of: (report: Report) => number) =>
  reports.reduce((total, report) => total + of(report), 0);
const valuesOf = (reports: readonly Report[]) => reports.flatMap(({ values }) => values);

/** Tests that a leader that dies is replaced long before its lease ends, and one that lives isn't. */
export function deadLeader(name: string, { skip, backend, port }: Processes): void {
  describe(`a leader over ${name}`, { skip }, () => {
    const withHerd = async (where: Backend, use: (herd: Herd) => Promise<void>) => {
      const others = await startCallers(2, backend(), startRecording());
      const [leader] = await startCallers(1, where, startRecording());
      try {
        await use({ leader: leader!, others });
      } finally {
        await Promise.all([...others, leader!].map((caller) => caller.end().catch(() => {})));
      }
    };
    const assertKept = async ({ reports, report }: Round) => {
      assert.equal(sum([...reports, await report], ({ fetches }) => fetches), 1);
      assert.deepEqual(valuesOf([...reports, await report]), ["first", "first", "first"]);
    };

    it("that is killed is replaced by one, in a moment", () =>
      withHerd(backend(), async (herd) => {
        const { took, reports } = await round(herd, (leader) => leader.kill());
        assert.equal(sum(reports, ({ fetches }) => fetches), 1);
        assert.deepEqual(valuesOf(reports), ["second", "second"]);
        // However busy the machine.
        assert.ok(took !== undefined && took < (LEASE - LED) / 2, `${took} ms`);
        console.log(`    # ${name}: replaced after ${took.toFixed(0)} ms`);
      }));

    it("that stands still, or is busy, isn't replaced", () =>
      withHerd(backend(), async (herd) => {
        const stopped = round(herd, async (leader) => {
          leader.pause();
          await sleep(500);
          leader.resume();
        }, { fetch: LED + 2500 });
        await assertKept(await stopped);
        await assertKept(await round(herd, () => {}, { fetch: LED + 2500, busy: 900 }));
      }));

    const unbroken = port === undefined ? "not behind a network" : skipWithout("TOXIPROXY_URL");
    describe("that is cut off", { skip: unbroken }, () => {
      const cut = async (
        millis: number,
        fetch: number,
        use: (round: Round) => Promise<void>,
      ) => {
        const network: Network = await openNetwork(variable("TOXIPROXY_URL")!, port!);
        try {
          await withHerd(backend(network.port), async (herd) => {
            const happen = async () => {
              await network.cut();
              await sleep(millis);
              await network.heal();
            };
            await use(await round(herd, happen, { fetch }));
          });
        } finally {
          await network.close();
        }
      };

      it("for less than the grace isn't replaced", () =>
        unlessLate(() => cut(300, LED + 3000, assertKept)));

      it("for three seconds costs one more fetch, and one value is stored", () =>
        cut(3000, LED + 4500, async ({ reports, report }) => {
          const { fetches, values, errors } = await report;
          assert.deepEqual([fetches, values, errors], [1, ["first"], {}]);
          const fetched = sum(reports, ({ fetches }) => fetches);
          assert.ok(fetched <= 1, `${fetched} fetches`);
          const value = fetched === 1 ? "second" : "first";
          assert.deepEqual(valuesOf(reports), [value, value]);
        }));
    });
  });
}
