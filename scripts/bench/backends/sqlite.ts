import { openFile } from "../../../tests/adapters/sqlite/clients.ts";
import { connect } from "../../../tests/adapters/sqlite/connection.ts";
import type { BackendBench } from "../backend.ts";

/** SQLite, by what the runtime carries. */
export const bench: BackendBench = {
  name: "sqlite",
  connect,
  bare({ url }) {
    const db = openFile(url);
    let read: ReturnType<typeof db.prepare> | undefined;
    return Promise.resolve({
      read(key) {
        read ??= db.prepare("SELECT value FROM cache_locking WHERE key = ?");
        return Promise.resolve(read.all(key));
      },
      close: () => db.close(),
    });
  },
};
