import { randomToken } from "../../src/token.ts";
import { freePort } from "./server.ts";

/** A network between a client and a server that can be broken. */
export interface Network {
  /** The port that leads to the server. */
  readonly port: number;
  /** Closes all connections, and refuses new ones. */
  cut(): Promise<void>;
  /** Loses all that is sent, in both directions, without a word. */
  blackhole(): Promise<void>;
  /** Puts it in order again. */
  heal(): Promise<void>;
  /** Takes it away. */
  close(): Promise<void>;
}

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
  const toxic = (stream: string) => ({ name: stream, type: "timeout", stream, toxicity: 1 });
  const toxics = ["upstream", "downstream"];
  let holes = false;
  await send("POST", "", {
    name,
    listen: `127.0.0.1:${port}`,
    upstream: `127.0.0.1:${upstream}`,
    enabled: true,
  });
  return {
    port,
    cut: () => send("POST", `/${name}`, { enabled: false }),
    async blackhole() {
      holes = true;
      for (const stream of toxics) {
        await send("POST", `/${name}/toxics`, { ...toxic(stream), attributes: { timeout: 0 } });
      }
    },
    async heal() {
      if (holes) { for (const stream of toxics) await send("DELETE", `/${name}/toxics/${stream}`); }
      holes = false;
      await send("POST", `/${name}`, { enabled: true });
    },
    close: () => send("DELETE", `/${name}`),
  };
}
