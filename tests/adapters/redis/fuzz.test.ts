import type { Redis } from "ioredis";
import { redisAdapter } from "../../../adapters/redis.ts";
import { withoutServer } from "../../support/address.ts";
import { connect } from "./connection.ts";
import { counted, type Damaged } from "../../support/fuzz/damage.ts";
import { fuzz, type OpenHand } from "../../support/fuzz.ts";
import { ioredisVersions, redisClusterUrl, redisUrl } from "./clients.ts";

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
