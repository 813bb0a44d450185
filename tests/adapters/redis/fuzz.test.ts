import { withoutServer } from "../../support/address.ts";
import { connect } from "./connection.ts";
import { fuzz, type OpenHand } from "../../support/fuzz.ts";
import { ioredisVersions, redisClusterUrl, redisUrl } from "./clients.ts";

fuzz("redis", {
  skip: redisUrl === undefined && withoutServer("REDIS_URL"),
  open: (codec) => connect({ url: redisUrl!, codec }),
  async hand(): Promise<OpenHand> {
    const [{ Redis }] = await ioredisVersions();
    const client = new Redis(redisUrl!);
    return {
      write: (key, bytes) => client.set(key, Buffer.from(bytes)),
      others: {
        list: (key) => client.rpush(key, "a"),
        hash: (key) => client.hset(key, "owner", "a"),
        stream: (key) => client.xadd(key, "*", "a", "b"),
      },
      close: () => client.disconnect(),
    };
  },
});

fuzz("a redis cluster", {
  skip: redisClusterUrl === undefined && withoutServer("REDIS_CLUSTER_URL"),
  open: (codec) => connect({ url: redisClusterUrl!, codec, cluster: true }),
});
