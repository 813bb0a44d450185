import { withoutServer } from "../../support/address.ts";
import { connect } from "./connection.ts";
import { fuzz, type OpenHand } from "../../support/fuzz.ts";
import { memcachedUrl, openMemcached } from "./clients.ts";

fuzz("memcached", {
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
