import sql from "postgres";
import { connect } from "../../../tests/adapters/postgres/connection.ts";
import type { BackendBench } from "../backend.ts";

/** Postgres. */
export const bench: BackendBench = {
  name: "postgres",
  connect,
  bare({ url }) {
    const client = sql(url, { max: 4 });
    return Promise.resolve({
      read: (key) => client`select text from cache_locking where key = ${key}`,
      close: () => client.end(),
    });
  },
};
