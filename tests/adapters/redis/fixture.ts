import { Effect } from "effect";
import type { Redis, RedisOptions } from "ioredis";
import { randomToken } from "../../../src/model/token.ts";
import { withoutServer } from "../../support/address.ts";
import { closing } from "../../support/closing.ts";
import { ioredisVersions, monitor, redisUrl } from "./clients.ts";

export const skip = redisUrl === undefined ? withoutServer("REDIS_URL") : false;
export const [newest, oldest] = skip ? [] : await ioredisVersions();
export const run = Effect.runPromise;

/** Has a client be closed in the end: whatever comes of a test, it must not keep the process alive. */
export const closed = closing((client: { disconnect(): void }) => client.disconnect());

/** Opens a client, of the user that the options name: that of the address would win. */
export function connect(options: RedisOptions = {}, { Redis } = newest!): Redis {
  const url = options.username === undefined ? redisUrl! : `redis://${new URL(redisUrl!).host}`;
  return closed(new Redis(url, options));
}

/** Watches what the server of a client is sent. */
export async function monitored(client: Redis): Promise<Awaited<ReturnType<typeof monitor>>> {
  const seen = await monitor(client);
  closed({ disconnect: seen.stop });
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
