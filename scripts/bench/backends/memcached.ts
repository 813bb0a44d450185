import { connect } from "../../../tests/adapters/memcached/connection.ts";
import { openMemcached } from "../../../tests/adapters/memcached/clients.ts";
import type { BackendBench } from "../backend.ts";

/** Memcached. */
export const bench: BackendBench = {
  name: "memcached",
  connect,
  hashes: true,
  async bare({ url }) {
    const client = await openMemcached(url);
    return { read: (key) => client.get(key), close: () => client.close() };
  },
};
