import { variable, withoutServer } from "../../support/address.ts";
import { deadLeader } from "../../support/dead_leader.ts";
import { redisClusterUrl, redisUrl } from "./clients.ts";
import { redisAt } from "../../servers/redis.ts";

for (const library of [undefined, "redis5"]) {
  const name = library === undefined ? "Redis" : `Redis, by ${library}`;
  deadLeader(name, {
    skip: redisUrl === undefined ? withoutServer("REDIS_URL") : false,
    // node-redis takes up to a second to connect again.
    port: redisUrl === undefined || library ? undefined : Number(new URL(redisUrl).port),
    backend: (port) => ({
      connection: "redis/connection",
      place: { url: port === undefined ? redisUrl! : redisAt(`127.0.0.1:${port}`), library },
    }),
  });
}

deadLeader("a cluster of Redis", {
  skip: redisClusterUrl === undefined
    ? withoutServer("REDIS_CLUSTER_URL")
    : variable("OLDEST") !== undefined
    ? "ioredis has lasting push in a cluster from 5.9 on, so there the lease's time decides"
    : false,
  backend: () => ({
    connection: "redis/connection",
    place: { url: redisClusterUrl!, cluster: true },
  }),
});
