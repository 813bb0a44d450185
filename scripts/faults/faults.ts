import { setTimeout as sleep } from "node:timers/promises";
import type { Network } from "../../tests/servers/toxiproxy.ts";
import type { Site } from "./site.ts";

/** Something that goes wrong for so many milliseconds. */
export interface Fault {
  readonly name: string;
  readonly happen: (site: Site, millis: number) => Promise<void>;
}

/** For how long connections are cut so that nobody may take a process for dead, in milliseconds. */
const SHORT_CUT = 200;

/** Cuts all connections, for much less than the grace. */
export async function cutShortly({ networks }: Site): Promise<void> {
  await Promise.all(networks.map((network) => network.cut()));
  await sleep(SHORT_CUT);
  await Promise.all(networks.map((network) => network.heal()));
}

/** All of them, in the order in which they happen. */
export const faults: readonly Fault[] = [
  {
    name: "the server is killed and comes back empty",
    async happen(site, millis) {
      const rest = sleep(millis);
      const connect = site.disconnect();
      await site.restart();
      connect();
      await rest;
    },
  },
  {
    name: "connections are reset, all of them, again and again",
    async happen(site, millis) {
      const connect = site.disconnect();
      for (const end = performance.now() + millis; performance.now() < end;) {
        await during(site, (network) => network.reset(), 50);
        await sleep(250);
      }
      connect();
    },
  },
  {
    name: "connections are half open: nothing arrives, in either direction",
    happen: (site, millis) => apart(site, (network) => network.blackhole(), millis),
  },
  {
    name: "replies take 200 ms more",
    happen: (site, millis) => during(site, (network) => network.slow(200), millis),
  },
  {
    name: "replies are dropped, and what was asked is done",
    happen: (site, millis) => apart(site, (network) => network.dropReplies(), millis),
  },
];

/** What happens to the connections alone that processes are told by, in this order, and to the server in the end. */
export const pushFaults: readonly Fault[] = [
  {
    name: "the connections that tell of changes are cut",
    happen: (site, millis) => apart(pushOf(site), (network) => network.cut(), millis),
  },
  {
    name: "the connections that tell of changes are half open",
    happen: (site, millis) => apart(pushOf(site), (network) => network.blackhole(), millis),
  },
  {
    name: "another server takes its place",
    async happen(site, millis) {
      const rest = sleep(millis);
      const connect = site.disconnect();
      await site.failOver?.();
      connect();
      await rest;
    },
  },
];

function pushOf(site: Site): Site {
  return { ...site, networks: site.pushNetworks };
}

/** As {@linkcode during}, of what leaves no connection. */
async function apart(
  site: Site,
  begin: (network: Network) => Promise<void>,
  millis: number,
): Promise<void> {
  const connect = site.disconnect();
  await during(site, begin, millis);
  connect();
}

async function during(
  { networks }: Site,
  begin: (network: Network) => Promise<void>,
  millis: number,
): Promise<void> {
  await Promise.all(networks.map(begin));
  await sleep(millis);
  await Promise.all(networks.map((network) => network.heal()));
}
