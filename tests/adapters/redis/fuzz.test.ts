import type { Redis } from "ioredis";
import { redisAdapter } from "../../../adapters/redis.ts";
import { withoutServer } from "../../support/address.ts";
import { connect } from "./connection.ts";
import { counted, type Damaged } from "../../support/fuzz/damage.ts";
import { fuzz, type OpenHand } from "../../support/fuzz.ts";
import { ioredisVersions, libraries, openClient, redisClusterUrl, redisUrl } from "./clients.ts";

const skip = redisUrl === undefined && withoutServer("REDIS_URL");

/** Writes past the adapter, by ioredis. */
async function hand(): Promise<OpenHand> {
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
}

fuzz("redis", {
  async damaged() {
    const [{ Redis }] = await ioredisVersions();
    const clients = Array.from({ length: 3 }, () => new Redis(redisUrl!));
    const [one, two, admin] = clients as [Redis, Redis, Redis];
    const { client, requests } = counted(one, /^(getBuffer|cacheLocking)/);
    return {
      stores: [redisAdapter({ client }), redisAdapter({ client: two })],
      requests,
      damage: damageIn(admin),
      close: () => clients.forEach((client) => client.disconnect()),
    };
  },
  skip,
  open: (codec) => connect({ url: redisUrl!, codec }),
  hand,
});

for (const library of libraries) {
  fuzz(`redis by ${library}`, {
    async damaged() {
      const [{ Redis }] = await ioredisVersions();
      const admin = new Redis(redisUrl!);
      const [one, two] = await Promise.all(
        [1, 2].map(() => openClient(library, { url: redisUrl! })),
      );
      return {
        stores: [redisAdapter({ client: one!.client }), redisAdapter({ client: two!.client })],
        damage: damageIn(admin),
        runs: 500,
        close: () => [one!.close(), two!.close(), admin.disconnect()],
      };
    },
    skip,
    open: (codec) => connect({ url: redisUrl!, codec, library }),
    hand,
  });
}

/** Damages the entry or the lease of a key. */
function damageIn(admin: Redis): Damaged["damage"] {
  return async (key, draw) => {
    const name = draw.of(key, `lease:{${key}}`);
    const text = () => draw.of<string | Buffer>(draw.text(), Buffer.from(draw.bytes()));
    const field = draw.of("owner", "last", "how", "other");
    await draw.of<() => Promise<unknown>>(
      () => admin.set(name, text()),
      () => admin.del(name).then(() => admin.rpush(name, text())),
      () => admin.del(name).then(() => admin.hset(name, field, text())),
      () => admin.hset(name, field, text()).catch(() => admin.append(name, text())),
      () => admin.hdel(name, field).catch(() => admin.setrange(name, draw.below(9), text())),
      () => admin.persist(name),
      () => admin.pexpireat(name, draw.end()),
      () => admin.rename(name, draw.of(key, `lease:{${key}}`)).catch(() => admin.del(name)),
    )();
  };
}

fuzz("a redis cluster", {
  skip: redisClusterUrl === undefined && withoutServer("REDIS_CLUSTER_URL"),
  open: (codec) => connect({ url: redisClusterUrl!, codec, cluster: true }),
});
