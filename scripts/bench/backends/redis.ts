import { Redis } from "ioredis";
import { connect } from "../../../tests/adapters/redis/connection.ts";
import type { BackendBench } from "../backend.ts";

/** Redis. */
export const bench: BackendBench = {
  name: "redis",
  connect,
  bare({ url }) {
    const client = new Redis(url);
    return Promise.resolve({ read: (key) => client.get(key), close: () => client.quit() });
  },
};
