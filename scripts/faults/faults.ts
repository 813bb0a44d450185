import { setTimeout as sleep } from "node:timers/promises";
import type { Network } from "../../tests/servers/toxiproxy.ts";
import type { Site } from "./site.ts";

/** Something that goes wrong for so many milliseconds. */
export interface Fault {
  readonly name: string;
  readonly happen: (site: Site, millis: number) => Promise<void>;
}

/** All of them, in the order in which they happen. */
export const faults: readonly Fault[] = [
  {
    name: "the server is killed and comes back empty",
    async happen(site, millis) {
      const rest = sleep(millis);
      await site.restart();
      await rest;
    },
  },
  {
    name: "connections are reset, all of them, again and again",
    async happen(site, millis) {
      for (const end = performance.now() + millis; performance.now() < end;) {
        await during(site, (network) => network.reset(), 50);
        await sleep(250);
      }
    },
  },
  {
    name: "connections are half open: nothing arrives, in either direction",
    happen: (site, millis) => during(site, (network) => network.blackhole(), millis),
  },
  {
    name: "replies take 200 ms more",
    happen: (site, millis) => during(site, (network) => network.slow(200), millis),
  },
  {
    name: "replies are dropped, and what was asked is done",
    happen: (site, millis) => during(site, (network) => network.dropReplies(), millis),
  },
];

async function during(
  { networks }: Site,
  begin: (network: Network) => Promise<void>,
  millis: number,
): Promise<void> {
  await Promise.all(networks.map(begin));
  await sleep(millis);
  await Promise.all(networks.map((network) => network.heal()));
}
