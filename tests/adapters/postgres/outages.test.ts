import { Effect, type Scope } from "effect";
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { skipWithout, variable } from "../../support/address.ts";
import { connect } from "./connection.ts";
import { outages } from "../../support/outages.ts";
import { postgresAt, startPostgresServer } from "../../servers/postgres.ts";
import { unlessLate } from "../../support/unless_late.ts";
import { openNetwork } from "../../servers/toxiproxy.ts";

const programs = "POSTGRES_PROGRAMS";
const toxiproxy = "TOXIPROXY_URL";

for (const library of [undefined, "pg"]) {
  outages(library === undefined ? "postgres" : "postgres, by pg,", {
    program: programs,
    start: startPostgresServer,
    open: (port) => connect({ url: postgresAt(`127.0.0.1:${port}`), library }),
  });
}

describe("postgres that listens", { skip: skipWithout(programs, toxiproxy) }, () => {
  /** A client behind a network, which pauses for so many seconds before it connects again. */
  async function behind(backoff: number) {
    const server = await startPostgresServer(variable(programs)!);
    const network = await openNetwork(variable(toxiproxy)!, server.port);
    const urlOf = (port: number) => postgresAt(`127.0.0.1:${port}`);
    const direct = await connect({ url: urlOf(server.port) });
    const { store, ready, close } = await connect({ url: urlOf(network.port), backoff });
    await Promise.all([direct.ready(), ready()]);
    const inTime = (watching: Effect.Effect<unknown, unknown, Scope.Scope>) =>
      Effect.runPromise(Effect.timeoutOption(Effect.scoped(watching), 500))
        .then(({ _tag }) => _tag === "Some", () => false);
    const watch = store.watch!("a");
    return {
      network,
      /** Watches until what it is told to wait for is over. */
      watch: (during: () => Promise<unknown>) =>
        inTime(Effect.flatMap(watch, () => Effect.promise(during))),
      /** How long it takes until a watch is woken by what others do, in milliseconds. */
      async untilWoken() {
        const woken = () =>
          inTime(Effect.gen(function* () {
            yield* direct.store.acquire("a", "leader", 60_000);
            const standing = yield* watch;
            yield* store.acquire("a", "follower", 60_000);
            yield* direct.store.delete("a");
            yield* standing!.next;
          }));
        const began = performance.now();
        while (!await woken() && performance.now() < began + 6000) await sleep(20);
        return performance.now() - began;
      },
      async close() {
        await Promise.all([close(), direct.close()]);
        await network.close();
        await server.stop();
      },
    };
  }

  it("does so again after an outage in which it has stopped", () =>
    unlessLate(async () => {
      const { watch, network, untilWoken, close } = await behind(0.1);
      try {
        assert.ok(await watch(network.cut));
        // Its connection is closed a second after the last watch.
        await sleep(1200);
        await network.heal();
        const late = await untilWoken();
        assert.ok(late < 3000, `${late} ms`);
      } finally {
        await close();
      }
    }));

  it("does so again soon though somebody waits all the time, and its client pauses", () =>
    unlessLate(async () => {
      const { watch, network, untilWoken, close } = await behind(4);
      let waits = true;
      const waiting = async () => {
        while (waits) {
          await watch(() => sleep(100));
          await sleep(10);
        }
      };
      const others = [waiting(), sleep(50).then(waiting)];
      try {
        const at = await untilWoken();
        assert.ok(at < 2000, `${at} ms`);
        await network.cut();
        // It tries in vain after four seconds, and would try again after eight.
        await sleep(4500);
        await network.heal();
        const late = await untilWoken();
        assert.ok(late < 2000, `${late} ms`);
      } finally {
        waits = false;
        await Promise.all(others);
        await close();
      }
    }));
});
