import type { Redis } from "ioredis";
import { withoutServer } from "../../support/address.ts";
import { endings } from "../../support/endings.ts";
import { connect } from "./connection.ts";
import { ioredisVersions, monitor, redisClusterUrl, redisUrl } from "./clients.ts";
import { type Counter, rounds } from "../../support/rounds.ts";

// All that ioredis promises; of node-redis and iovalkey what their own files do. node-redis 6 needs Node 20.
for (const library of [undefined, "redis5", "redis", "iovalkey"]) {
  const place = { url: redisUrl!, library };
  const own = library === "redis";
  const name = library === undefined ? "Redis" : `Redis, by ${library}`;
  const skip = redisUrl === undefined ? withoutServer("REDIS_URL") : false;
  endings(name, { skip, connection: "redis/connection", place, own });
  rounds(name, {
    skip,
    connection: "redis/connection",
    place,
    own,
    open: () => connect(place),
    // One for each follower: node-redis' connection for pub/sub may stand late.
    ...library === undefined ? { most: 21, crowd: 10_000 } : { most: 24, spare: 3 },
    async count() {
      const [{ Redis }] = await ioredisVersions();
      const client = new Redis(redisUrl!);
      const counter = await counterOf([client], client);
      // A process sends a script in full the first time that it runs it, and some of Node 18 each time.
      const nameOf = (name: string) => /^eval$/i.test(name) ? "evalsha" : name.toLowerCase();
      return { ...counter, take: async () => (await counter.take()).map(nameOf) };
    },
  });
}

const clusterPlace = { url: redisClusterUrl!, cluster: true };

rounds("a Redis Cluster", {
  skip: redisClusterUrl === undefined ? withoutServer("REDIS_CLUSTER_URL") : false,
  // One for each follower: a node's connection for pub/sub may stand only after its subscription was asked for.
  spare: 3,
  connection: "redis/connection",
  place: clusterPlace,
  open: () => connect(clusterPlace),
  most: 21,
  async count() {
    const [{ Cluster }] = await ioredisVersions();
    const client = new Cluster([redisClusterUrl!]);
    await client.ping();
    const counter = await counterOf(client.nodes("master"), client);
    // Each node is sent each script in full, once; what was listened to is let go of later, for many rounds at once.
    const later = new Set(["eval", "sunsubscribe"]);
    return {
      ...counter,
      take: async () => (await counter.take()).filter((name) => !later.has(name)),
    };
  },
});

async function counterOf(nodes: Redis[], client: { disconnect(): void }): Promise<Counter> {
  const seen = await Promise.all(nodes.map(monitor));
  return {
    take: async () =>
      (await Promise.all(seen.map((each) => each.take()))).flat().map(([name]) => name!),
    stop() {
      for (const each of seen) each.stop();
      client.disconnect();
    },
  };
}
