import { Effect } from "effect";
import { sqliteAdapter } from "../../../adapters/sqlite.ts";
import { isWellFormed } from "../../../adapters/kit/names.ts";
import { damagedColumns } from "../../support/fuzz/damaged_columns.ts";
import { fuzz, type OpenHand } from "../../support/fuzz.ts";
import { type Folder, newFolder, openFile, skip } from "./clients.ts";
import { connect } from "./connection.ts";

let folder: Folder;

fuzz("sqlite", {
  skip,
  async damaged() {
    folder ??= newFolder();
    const [one, two, admin] = [1, 2, 3].map(() => openFile(folder.file("damaged.db")));
    const stores = [sqliteAdapter({ db: one! }), sqliteAdapter({ db: two! })] as const;
    await Effect.runPromise(stores[0].get("made"));
    return {
      stores,
      damage: damagedColumns(
        (sql, key) => Promise.resolve(admin!.prepare(sql).run(key)),
        "cache_locking",
      ),
      close: () => [one, two, admin].forEach((db) => db!.close()),
    };
  },
  open(codec) {
    folder ??= newFolder();
    return Promise.resolve(connect({ url: folder.file(), codec }));
  },
  refuses: (key) => !isWellFormed(key) || key.includes("\0"),
  hand(): Promise<OpenHand> {
    const db = openFile(folder.file());
    const insert = (value: string) =>
      db.prepare(`INSERT INTO cache_locking (key, value) VALUES (?, ${value})`);
    const run = (value: string) => (key: string) => Promise.resolve(insert(value).run(key));
    return Promise.resolve({
      write: (key, bytes) => Promise.resolve(insert("?").run(key, bytes)),
      others: {
        text: run("'{'"),
        integer: run("5"),
        "integer that a number can't be": run("9007199254740993"),
        real: run("2.5"),
      },
      close() {
        db.close();
        folder.remove();
      },
    });
  },
});
