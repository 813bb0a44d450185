import { redisAt, startRedisServer } from "../../servers/redis.ts";
import { outages } from "../../support/outages.ts";
import { libraries } from "./clients.ts";
import { connect } from "./connection.ts";

for (const maxRetriesPerRequest of [20, null]) {
  outages(`redis, with maxRetriesPerRequest ${maxRetriesPerRequest},`, {
    program: "REDIS_SERVER",
    start: startRedisServer,
    open: (port) => connect({ url: redisAt(`127.0.0.1:${port}`), maxRetriesPerRequest }),
  });
}

for (const library of libraries) {
  outages(`redis, by ${library},`, {
    program: "REDIS_SERVER",
    start: startRedisServer,
    open: (port) => connect({ url: redisAt(`127.0.0.1:${port}`), library }),
  });
}
