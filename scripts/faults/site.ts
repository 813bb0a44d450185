import { setTimeout as sleep } from "node:timers/promises";
import type { Connect, Connection, Place } from "../../tests/support/connection.ts";
import type { Recording } from "../../tests/support/recording.ts";
import { type Network, openNetwork } from "../../tests/servers/toxiproxy.ts";
import type { Running } from "../../tests/servers/description.ts";
import { beforeQuitting } from "../../tests/servers/before_quitting.ts";
import type { FaultyBackend } from "./backend.ts";

/** A server, and the network before it. */
export interface Site {
  /** Where clients reach it by the network. */
  readonly place: Place;
  /** One network to each of its ports. */
  readonly networks: readonly Network[];
  /** A client past the network. */
  readonly direct: Connection;
  /** Kills the server, which loses everything, and starts it again. */
  restart(): Promise<void>;
  /** Ends all of it. */
  close(): Promise<void>;
}

/** How long a server that was killed stays away, in milliseconds. */
const AWAY = 300;

/** What a site is made of. */
export interface SiteOptions {
  /** The backend's server. */
  readonly running: Running;
  /** Where Toxiproxy is. */
  readonly toxiproxy: string;
  /** Told when the server has lost everything. */
  readonly recording: Recording;
}

/** Puts a network before a backend's server. */
export async function openSite(
  { connection, ports: portsOf, restart, place }: FaultyBackend,
  { running, toxiproxy, recording }: SiteOptions,
): Promise<Site> {
  const { url, env = {} } = running;
  const stay = beforeQuitting(() => server.stop());
  let server: { stop(): Promise<void> } = running;
  const networks: Network[] = [];
  const end = async () => {
    stay();
    for (const network of networks) await network.close();
    await server.stop();
  };
  try {
    const ports = portsOf?.(running) ?? [Number(/:(\d+)(?:\/|$)/.exec(url)?.[1])];
    for (const port of ports) networks.push(await openNetwork(toxiproxy, port));
    const { connect } = await import(
      new URL(`../../tests/adapters/${connection}.ts`, import.meta.url).href
    ) as { readonly connect: Connect };
    const direct = await connect(place(ports, ports));
    await untilReady(direct);
    return {
      place: place(networks.map(({ port }) => port), ports),
      networks,
      direct,
      async restart() {
        recording.lose();
        await server.stop();
        recording.lose();
        await sleep(AWAY);
        server = await restart(ports, env);
        // A table that only the one who made it can make again.
        await untilReady(direct);
        recording.lose();
      },
      async close() {
        await direct.close();
        await end();
      },
    };
  } catch (error) {
    await end();
    throw error;
  }
}

/** How long a client may take to notice that its server is back, in milliseconds. */
const PATIENCE = 10_000;

async function untilReady({ ready }: Connection): Promise<void> {
  for (const end = performance.now() + PATIENCE;;) {
    try {
      return void await ready();
    } catch (error) {
      if (performance.now() > end) throw error;
      await sleep(100);
    }
  }
}
