import { memcachedAdapter } from "../../../adapters/memcached.ts";
import { askMemcached } from "../../servers/memcached.ts";
import { withoutServer } from "../../support/address.ts";
import { connect } from "./connection.ts";
import { counted } from "../../support/fuzz/damage.ts";
import { fuzz, type OpenHand } from "../../support/fuzz.ts";
import { memcachedUrl, openMemcached } from "./clients.ts";

fuzz("memcached", {
  async damaged() {
    const [one, two] = await Promise.all([
      openMemcached(memcachedUrl!),
      openMemcached(memcachedUrl!),
    ]);
    const { client, requests } = counted(one, /^perform$/);
    const port = Number(memcachedUrl!.split(":").at(-1));
    return {
      stores: [memcachedAdapter({ client: client as never }), memcachedAdapter({ client: two })],
      requests,
      async damage(key, draw) {
        const marker = 0x1ea5ed;
        const field = draw.of("owner", "ttl", "last", "how");
        const json = () => {
          const value = draw.of<unknown>(draw.text(), draw.below(9), null, [], {}, 40 * 86_400_000);
          return JSON.stringify({
            owner: "gone",
            ttl: 150,
            ...field === "ttl" ? { ttl: draw.of(value, -1, 1e300) } : { [field]: value },
          });
        };
        const text = draw.of(json(), json(), draw.text());
        const flags = draw.of(0, marker, marker, draw.below(2 ** 31));
        // For good, or for a moment.
        const data = `${flags} ${draw.of(0, 1)} ${
          new TextEncoder().encode(text).length
        }\r\n${text}`;
        await askMemcached(
          port,
          draw.below(9) ? `set ${key} ${data}` : `touch ${key} ${draw.of(0, 1)}`,
        );
      },
      close: () => [one, two].forEach((client) => client.close()),
    };
  },
  skip: memcachedUrl === undefined && withoutServer("MEMCACHED_URL"),
  open: (codec) => connect({ url: memcachedUrl!, codec }),
  fullAt: 1024 * 1024,
  async hand(): Promise<OpenHand> {
    const client = await openMemcached(memcachedUrl!);
    return {
      write: (key, bytes) => client.set(key, Buffer.from(bytes), {}),
      close: () => client.close(),
    };
  },
});
