import { Redis } from "ioredis";
import { redisAdapter } from "../../adapters/redis.ts";
import { MINUTE, type OpenShared } from "./shared.ts";

/** Connects to a Redis. */
export const open: OpenShared = async ({ url, prefix }) => {
  const client = new Redis(url, { lazyConnect: true, retryStrategy: null });
  let failure: Error | undefined;
  client.on("error", (error) => failure = error);
  await client.connect().catch((error) => {
    throw failure ?? error;
  });
  return {
    store: redisAdapter({
      client,
      cache: { keyPrefix: `${prefix}cache:` },
      leases: { keyPrefix: `${prefix}lease:` },
    }),
    get: (key) => client.get(`${prefix}unprotected:${key}`),
    set: (key, value) => client.set(`${prefix}unprotected:${key}`, value, "EX", MINUTE),
    async add(name) {
      const sum = await client.incr(`${prefix}${name}`);
      await client.expire(`${prefix}${name}`, MINUTE);
      return sum;
    },
    close: () => client.disconnect(),
  };
};
