import { join } from "node:path";
import { randomToken } from "../../src/model/token.ts";
import { must } from "../support/command.ts";
import type { Description } from "./description.ts";
import { type Fetched, fetched } from "./fetched.ts";
import { freePort, startServer } from "./server.ts";

/** A network between a client and a server that can be broken. */
export interface Network {
  /** The port that leads to the server. */
  readonly port: number;
  /** Closes all connections, and refuses new ones. */
  cut(): Promise<void>;
  /** Resets each connection, old or new. */
  reset(): Promise<void>;
  /** Loses all that is sent, in both directions, without a word, as to a peer that is gone. */
  blackhole(): Promise<void>;
  /** Loses all that the server answers, without a word. */
  dropReplies(): Promise<void>;
  /** Has each answer take so many milliseconds more. */
  slow(millis: number): Promise<void>;
  /** Puts it in order again. Connections on which something was lost are closed, as no network loses a part of a stream. */
  heal(): Promise<void>;
  /** Has it lead to another port. All connections are closed. */
  lead(upstream: number): Promise<void>;
  /** Takes it away. */
  close(): Promise<void>;
}

type Stream = "upstream" | "downstream";

/** Makes a network to a port of the loopback, by the Toxiproxy at this address. */
export async function openNetwork(toxiproxy: string, upstream: number): Promise<Network> {
  const name = randomToken();
  const port = await freePort();
  const send = async (method: string, path: string, body?: object) => {
    const reply = await fetch(`${toxiproxy}/proxies${path}`, {
      method,
      ...(body && { body: JSON.stringify(body) }),
    });
    const text = await reply.text();
    if (!reply.ok) throw new Error(`Toxiproxy: ${method} ${path}: ${text}`);
  };
  const enable = (enabled: boolean) => send("POST", `/${name}`, { enabled });
  /** The names of the toxics that there are, and whether they lose what is sent. */
  const toxics = new Map<string, boolean>();
  const add = async (type: string, streams: readonly Stream[], attributes: object) => {
    for (const stream of streams) {
      const toxic = `${type}-${stream}`;
      toxics.set(toxic, type === "timeout");
      await send("POST", `/${name}/toxics`, { name: toxic, type, stream, toxicity: 1, attributes });
    }
  };
  await send("POST", "", {
    name,
    listen: `127.0.0.1:${port}`,
    upstream: `127.0.0.1:${upstream}`,
    enabled: true,
  });
  return {
    port,
    cut: () => enable(false),
    reset: () => add("reset_peer", ["downstream"], { timeout: 0 }),
    blackhole: () => add("timeout", ["upstream", "downstream"], { timeout: 0 }),
    dropReplies: () => add("timeout", ["downstream"], { timeout: 0 }),
    slow: (latency) => add("latency", ["downstream"], { latency }),
    async heal() {
      if ([...toxics.values()].includes(true)) await enable(false);
      for (const toxic of toxics.keys()) {
        await send("DELETE", `/${name}/toxics/${toxic}`);
      }
      toxics.clear();
      await enable(true);
    },
    async lead(upstream) {
      await enable(false);
      await send("POST", `/${name}`, { upstream: `127.0.0.1:${upstream}`, enabled: true });
    },
    close: () => send("DELETE", `/${name}`),
  };
}

const version = "v2.5.0";
const module = `github.com/Shopify/toxiproxy/v2/cmd/server@${version}`;

const server: Fetched = {
  name: `toxiproxy-${version}`,
  install: (folder) => must("go", ["install", module], { env: { GOBIN: folder } }),
};

async function findBinary(options?: { readonly fetch: boolean }): Promise<string> {
  return join(await fetched(server, options), "server");
}

/** Breaks the network between a suite and its servers. */
export const toxiproxy: Description = {
  backend: "toxiproxy",
  find: findBinary,
  async start() {
    const binary = await findBinary();
    const server = await startServer({
      command: binary,
      args: (_, port) => ["-host", "127.0.0.1", "-port", String(port)],
      ready: async ({ url }) => (await fetch(`${url}/version`)).ok,
    });
    return { ...server, version: `Toxiproxy ${version}` };
  },
};
