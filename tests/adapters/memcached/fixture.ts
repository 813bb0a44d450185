import { Effect } from "effect";
import type { Client } from "memjs-types";
import type { MemcachedClient } from "../../../adapters/memcached.ts";
import { randomToken } from "../../../src/model/token.ts";
import { skipWithout, variable } from "../../support/address.ts";
import { closing } from "../../support/closing.ts";
import { memcachedUrl, openMemcached } from "./clients.ts";
import { askMemcached, startMemcached } from "../../servers/memcached.ts";
import type { StartedServer, StartOptions } from "../../servers/server.ts";

const binary = variable("MEMCACHED_SERVER");
export const skip = skipWithout("MEMCACHED_URL", "MEMCACHED_SERVER");
export const run = Effect.runPromise;
/** The port of the server of all suites. */
export const port = Number(memcachedUrl?.split(":").at(-1));

const closed = closing((client: Client) => client.close());
const stopped = closing((server: StartedServer) => server.stop());

/** Opens a client, of the server of all suites or of others. */
export async function connect(servers = memcachedUrl!, options: object = {}): Promise<Client> {
  return closed(await openMemcached(servers, options));
}

/** Starts a server of the suite's own. */
export async function start(options: StartOptions = {}): Promise<StartedServer> {
  return stopped(await startMemcached(binary!, options));
}

/** A key of its own. */
export function newKey(): string {
  return `memcached.test:${randomToken()}`;
}

/** One field of an item as the server has it: its time to live (`t`) or its flags (`f`); undefined without an item. */
export async function fieldOf(key: string, field: "t" | "f"): Promise<number | undefined> {
  const [line] = await askMemcached(port, `mg ${key} ${field}`);
  return line === "EN" ? undefined : Number(line!.replace(/^HD [tf]/, ""));
}

/** The text of an item. */
export async function itemOf(client: Client, name: string): Promise<string | null> {
  const { value } = await client.get(name);
  return value && String(value);
}

/** A client that does what another does. */
export function spied(client: Client): MemcachedClient {
  return {
    get seq() {
      return client.seq;
    },
    incrSeq: () => client.incrSeq(),
    server: (key) => client.server(key),
    perform: (key, request, ...rest) => (client as MemcachedClient).perform(key, request, ...rest),
  };
}
