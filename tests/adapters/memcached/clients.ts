import type { Client } from "memjs-types";
import { variable } from "../../support/address.ts";
import { askMemcached } from "../../servers/memcached.ts";
import type { Counter } from "../../support/rounds.ts";

/** Where the server is. */
export const memcachedUrl: string | undefined = variable("MEMCACHED_URL");

/** Opens a client that keeps its troubles to itself. It is loaded late, as it looks at the environment. */
export async function openMemcached(servers: string, options: object = {}): Promise<Client> {
  const { Client } = await import("memjs");
  const client = Client.create(servers, { logger: { log() {} }, ...options });
  const close = client.close.bind(client);
  // memjs would open a connection for what a call still does behind its end, and nobody would close it.
  client.close = () => {
    const closed: typeof client.perform = (_name, _request, _seq, answer) =>
      answer?.(new Error("the client is closed"), null as never);
    client.perform = closed;
    close();
  };
  return client;
}

/** Counts what a server is sent, by its own statistics. */
export async function countMemcached(url: string): Promise<Counter> {
  const port = Number(url.split(":").at(-1));
  const stats = async () => {
    const lines = (await askMemcached(port, "stats")).map((line) => line.split(" "));
    const of = (...names: string[]) =>
      lines.reduce((sum, [, name, value]) => names.includes(name!) ? sum + Number(value) : sum, 0);
    return { get: of("cmd_get"), set: of("cmd_set"), delete: of("delete_hits", "delete_misses") };
  };
  let before = await stats();
  return {
    async take() {
      const now = await stats();
      const names = Object.keys(now) as (keyof typeof now)[];
      const sent = names.flatMap((name) => Array<string>(now[name] - before[name]).fill(name));
      before = now;
      return sent;
    },
    stop() {},
  };
}
