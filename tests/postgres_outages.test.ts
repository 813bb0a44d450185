import { Effect } from "effect";
import assert from "node:assert/strict";
import { it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { variable, withoutServer } from "./support/address.ts";
import { connect } from "./support/connections/postgres.ts";
import { outages } from "./support/outages.ts";
import { startPostgresServer } from "./support/postgres_server.ts";
import { openNetwork } from "./support/toxiproxy.ts";

const programs = variable("POSTGRES_PROGRAMS");
const toxiproxy = variable("TOXIPROXY_URL");

const skip = programs === undefined
  ? withoutServer("POSTGRES_PROGRAMS")
  : toxiproxy === undefined
  ? withoutServer("TOXIPROXY_URL")
  : false;

outages("postgres", {
  skip,
  toxiproxy,
  start: (port) => startPostgresServer(programs!, port),
  open: (port) => connect({ url: `postgres://postgres@127.0.0.1:${port}/postgres` }),
});

it("listens again after an outage in which it has stopped listening", { skip }, async () => {
  const server = await startPostgresServer(programs!);
  const network = await openNetwork(toxiproxy!, server.port);
  const { store, ready, close } = await connect({
    url: `postgres://postgres@127.0.0.1:${network.port}/postgres`,
    backoff: 0.1,
  });
  try {
    await ready();
    const watch = (meanwhile: () => Promise<unknown>) =>
      Effect.runPromise(Effect.scoped(
        Effect.flatMap(store.watch!("a"), () => Effect.promise(meanwhile)),
      ));
    await watch(network.cut);
    // Its connection is closed a second after the last watch.
    await sleep(1200);
    await network.heal();
    const began = performance.now();
    while (performance.now() < began + 5000) {
      const stands = watch(() => Promise.resolve()).then(() => true, () => false);
      if (await Promise.race([stands, sleep(1000, false)])) return;
    }
    assert.fail("no watch stands");
  } finally {
    await close();
    await network.close();
    await server.stop();
  }
});
