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
  /** The networks to its ports. */
  readonly networks: readonly Network[];
  /** Those of them that lead the connections alone which processes are told by; none if there are no such. */
  readonly pushNetworks: readonly Network[];
  /** A client whose network never breaks. */
  readonly direct: Connection;
  /** Notes that no process has a connection to it, until what it returns is called. */
  readonly disconnect: Recording["disconnect"];
  /**
   * Does what ends connections while no network is put in order: Toxiproxy
   * [may hang](https://github.com/Shopify/toxiproxy/issues/558) where one ends as it takes a delay away.
   */
  readonly inTurn: <A>(work: () => Promise<A>) => Promise<A>;
  /** Kills the server, which loses everything, and starts it again. */
  restart(): Promise<void>;
  /** Has another server take its place, for good: what it had answered last may be lost. Undefined where none can. */
  readonly failOver: (() => Promise<void>) | undefined;
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
  /** Told when the server has lost everything, and when there are no connections. */
  readonly recording: Recording;
}

/** Puts a network before a backend's server. */
export async function openSite(
  { connection, ports: portsOf, restart, place, push, failOver }: FaultyBackend,
  { running, toxiproxy, recording }: SiteOptions,
): Promise<Site> {
  const { url, env = {} } = running;
  const stay = beforeQuitting(() => server.stop());
  let server: { stop(): Promise<void> } = running;
  let successor: { stop(): Promise<void> } | undefined;
  const all: Network[] = [];
  let before: Promise<unknown> = Promise.resolve();
  const inTurn = <A>(work: () => Promise<A>) => {
    const done = before.then(work);
    before = done.catch(() => {});
    return done;
  };
  const end = async () => {
    stay();
    for (const network of all) await network.close();
    await server.stop();
    await successor?.stop();
  };
  try {
    const ports = portsOf?.(running) ?? [Number(/:(\d+)(?:\/|$)/.exec(url)?.[1])];
    const open = async () => {
      const networks: Network[] = [];
      for (const port of ports) {
        const network = await openNetwork(toxiproxy, port);
        networks.push({ ...network, heal: () => inTurn(network.heal) });
      }
      all.push(...networks);
      return networks;
    };
    const own = await open();
    const pushNetworks = push === undefined ? [] : await open();
    const directNetworks = await open();
    const portsOfAll = (networks: readonly Network[]) => networks.map(({ port }) => port);
    const { connect } = await import(
      new URL(`../../tests/adapters/${connection}.ts`, import.meta.url).href
    ) as { readonly connect: Connect };
    const direct = await connect(place(portsOfAll(directNetworks), ports));
    await untilReady(direct);
    return {
      place: { ...place(portsOfAll(own), ports), ...push?.(portsOfAll(pushNetworks), ports) },
      networks: [...own, ...pushNetworks],
      pushNetworks,
      direct,
      disconnect: recording.disconnect,
      inTurn,
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
      failOver: failOver && (async () => {
        successor = await failOver(ports, env, {
          async kill(end = () => server.stop()) {
            recording.lose();
            await end();
            recording.lose();
          },
          lead: async (port) => void await Promise.all(all.map((network) => network.lead(port))),
        });
        await untilReady(direct);
        recording.lose();
      }),
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
