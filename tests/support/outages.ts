import { Effect } from "effect";
import assert from "node:assert/strict";
import { after, afterEach, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { Cache, type CallOptions } from "../../mod.ts";
import { randomToken } from "../../src/model/token.ts";
import type { Connection } from "./connection.ts";
import type { StartedServer, StartOptions } from "../servers/server.ts";
import { type Network, openNetwork } from "../servers/toxiproxy.ts";
import { skipWithout, variable } from "./address.ts";
import { unlessLate } from "./unless_late.ts";

type Stoppable = Pick<StartedServer, "port" | "stop">;

/** The outages of a backend. */
export interface Outages {
  /** The variable that says what to start: `REDIS_SERVER`. */
  readonly program: string;
  /** Starts a server of the suite's own, which it may stop. */
  readonly start: (program: string, options: StartOptions) => Promise<Stoppable>;
  /** Opens a client of the server behind this port of the loopback. */
  readonly open: (port: number) => Promise<Connection>;
}

const FETCH = 300;
const TIMEOUT = 500;
/** For how long followers look again, though their looks fail, in milliseconds. */
const WAIT_MAX = 2000;
/** What a slow machine may add: less than one timeout more. */
const SLACK = 400;

/** Tests what happens to herds whose server is restarted, cut off or lost behind a network that swallows everything. */
export function outages(name: string, { program, start: startServer, open }: Outages): void {
  const skip = skipWithout(program, "TOXIPROXY_URL");
  const start = (port?: number) => startServer(variable(program)!, { port });
  describe(`${name} in trouble`, { skip }, () => {
    let server: Stoppable;
    let network: Network;
    const connections: Connection[] = [];
    before(async () => {
      server = await start();
      network = await openNetwork(variable("TOXIPROXY_URL")!, server.port);
    });
    afterEach(() => network.heal());
    after(async () => {
      for (const connection of connections) await connection.close();
      await network.close();
      await server.stop();
    });

    /** Processes with 50 callers each of a cold key, while something happens once one of them leads. */
    async function herd(during: () => Promise<void>, options: CallOptions<unknown>) {
      const key = randomToken();
      let lead!: () => void;
      const led = new Promise<void>((resolve) => lead = resolve);
      const processes = await Promise.all([0, 1, 2].map(async () => {
        const connection = await open(network.port);
        connections.push(connection);
        await connection.ready();
        const cache = Cache.make({
          adapter: connection.store,
          operationTimeout: TIMEOUT,
          waitStep: 50,
          waitMax: WAIT_MAX,
          ...options,
        });
        return { cache, fetches: 0, values: 0, failures: [] as string[], slowest: 0, spread: 0 };
      }));
      const start = performance.now();
      const calls = processes.flatMap((process) => {
        const fetcher = () => {
          lead();
          return Effect.as(Effect.sleep(FETCH), ++process.fetches);
        };
        return Array.from({ length: 50 }, async () => {
          const began = performance.now();
          process.spread = Math.max(process.spread, began - start);
          await Effect.runPromise(Effect.match(process.cache.getOrSet(key, fetcher), {
            onSuccess: () => process.values++,
            onFailure: (error) => process.failures.push(error._tag),
          }));
          process.slowest = Math.max(process.slowest, performance.now() - began);
        });
      });
      await Promise.race([led, Promise.all(calls)]);
      const before = performance.now() - start;
      await during();
      await Promise.all(calls);
      return { processes, before };
    }

    const bypassed = (
      during: () => Promise<void>,
      within: () => number,
      operationTimeout = TIMEOUT,
    ) =>
      unlessLate(async () => {
        await network.heal();
        const { processes, before } = await herd(during, {
          onCacheFailure: "bypass",
          operationTimeout,
        });
        const latest = before + WAIT_MAX + within() + operationTimeout + FETCH + SLACK;
        for (const each of processes) {
          assert.deepEqual(each.failures, []);
          assert.equal(each.values, 50);
          const { fetches, slowest, spread } = each;
          const begun = `of callers that began within ${spread} ms`;
          assert.ok(fetches <= 1, `${fetches} fetches ${begun}`);
          assert.ok(slowest < latest, `${slowest} of ${latest} ms ${begun}`);
        }
      });

    it("outlives a restart during a wait", async () => {
      let down = 0;
      await bypassed(async () => {
        await sleep(100);
        const began = performance.now();
        await server.stop();
        await sleep(100);
        server = await start(server.port);
        down = performance.now() - began;
      }, () => 200 + down);
    });

    it("outlives a cut that heals during a wait", async () => {
      await bypassed(async () => {
        await sleep(100);
        await network.cut();
        await sleep(100);
        await network.heal();
      }, () => 200);
    });

    it("outlives a network that loses everything during a wait", async () => {
      // What was waited before is a look of every 4 × `waitStep`.
      await bypassed(
        async () => {
          await sleep(100);
          await network.blackhole();
        },
        () => 300,
      );
    });

    it("outlives a network that loses everything as a wait begins", async () => {
      // Watches are being opened then, mostly. What hangs twice takes longer than the slack; 4 × `waitStep` is a pause.
      await bypassed(network.blackhole, () => 200, 2 * TIMEOUT);
    });

    it("bypasses a network that loses everything from the start", async () => {
      await unlessLate(async () => {
        await network.heal();
        const connection = await open(network.port);
        connections.push(connection);
        await connection.ready();
        await network.blackhole();
        for (const onCacheFailure of ["bypass", "fail"] as const) {
          let fetches = 0;
          const cache = Cache.make({
            adapter: connection.store,
            operationTimeout: TIMEOUT,
            onCacheFailure,
          });
          const call = cache.getOrSet(
            randomToken(),
            () => Effect.as(Effect.sleep(FETCH), ++fetches),
          );
          const began = performance.now();
          const exits = await Promise.all(
            Array.from({ length: 50 }, () => Effect.runPromiseExit(call)),
          );
          const took = performance.now() - began;
          const succeeded = exits.filter(({ _tag }) => _tag === "Success").length;
          assert.deepEqual([succeeded, fetches], onCacheFailure === "bypass" ? [50, 1] : [0, 0]);
          assert.ok(took < TIMEOUT + FETCH + SLACK, `${took} ms`);
        }
      });
    });

    it("works again once the network does", async () => {
      await unlessLate(async () => {
        await network.heal();
        const { processes } = await herd(() => Promise.resolve(), { onCacheFailure: "fail" });
        assert.equal(processes.reduce((all, { fetches }) => all + fetches, 0), 1);
        for (const { values } of processes) assert.equal(values, 50);
      });
    });
  });
}
