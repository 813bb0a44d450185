import { after, before } from "node:test";
import { startRedisServer, startSentinel } from "../../servers/redis.ts";
import type { StartedServer } from "../../servers/server.ts";
import { variable, withoutServer } from "../../support/address.ts";
import { deadLeader } from "../../support/dead_leader.ts";

const binary = variable("REDIS_SERVER");
const servers: StartedServer[] = [];

before(async () => {
  if (binary === undefined) return;
  servers.push(await startRedisServer(binary));
  servers.push(await startSentinel(binary, servers[0]!));
});
after(async () => {
  for (const { stop } of servers.reverse()) await stop();
});

deadLeader("Redis behind Sentinel", {
  skip: binary === undefined ? withoutServer("REDIS_SERVER") : false,
  backend: () => ({
    connection: "redis/connection",
    place: {
      url: "redis://127.0.0.1",
      sentinels: [{ host: "127.0.0.1", port: servers[1]!.port }],
      name: "main",
    },
  }),
});
