import { Effect } from "effect";
import type { Redis, RedisOptions } from "ioredis";
import { after } from "node:test";
import { randomToken } from "../../../src/model/token.ts";
import { withoutServer } from "../../support/address.ts";
import { ioredisVersions, monitor, redisUrl } from "./clients.ts";

export const skip = redisUrl === undefined ? withoutServer("REDIS_URL") : false;
export const [newest, oldest] = skip ? [] : await ioredisVersions();
export const run = Effect.runPromise;

const clients: { disconnect(): void }[] = [];
after(() => clients.forEach((client) => client.disconnect()));

/** Has a client be closed in the end: whatever comes of a test, it must not keep the process alive. */
export function closing<C extends { disconnect(): void }>(client: C): C {
  clients.push(client);
  return client;
}

/** Opens a client. */
export function connect(options: RedisOptions = {}, { Redis } = newest!): Redis {
  return closing(new Redis(redisUrl!, options));
}

/** Watches what the server of a client is sent. */
export async function monitored(client: Redis): Promise<Awaited<ReturnType<typeof monitor>>> {
  const seen = await monitor(client);
  clients.push({ disconnect: seen.stop });
  return seen;
}

/** A key of its own. */
export function newKey(): string {
  return `redis.test:${randomToken()}`;
}

/** The name of a command; one name for all scripts. */
export function nameOf([name]: string[]): string | undefined {
  return /^eval/i.test(name!) ? "SCRIPT" : name;
}
