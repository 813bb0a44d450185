import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { after, before, describe, it } from "node:test";
import { randomToken } from "../../../src/model/token.ts";
import { type Caller, startCallers } from "../../support/callers.ts";
import { endings } from "../../support/endings.ts";
import { judgeAll, startRecording } from "../../support/recording.ts";
import { rounds } from "../../support/rounds.ts";
import { skews } from "../../support/skews.ts";
import { type Folder, newFolder, skip } from "./clients.ts";
import { connect } from "./connection.ts";

const folder: Folder | undefined = skip ? undefined : newFolder();
after(() => folder?.remove());
const file = (name: string) => folder?.file(name) ?? "";
const backend = { connection: "sqlite/connection", own: true } as const;

endings("SQLite", { ...backend, skip, place: { url: file("endings.db"), open: true } });

rounds("SQLite", {
  ...backend,
  skip,
  place: { url: file("rounds.db"), log: file("rounds.log") },
  open: () => Promise.resolve(connect({ url: file("rounds.db") })),
  // Three of the leader's process, and four of each of the others.
  most: 15,
  count() {
    const log = file("rounds.log");
    const read = () => readFileSync(log, "utf8").split("\n").slice(0, -1);
    writeFileSync(log, "", { flag: "a" });
    let seen = read().length;
    return Promise.resolve({
      take() {
        const operations = read().slice(seen);
        seen += operations.length;
        return Promise.resolve(operations);
      },
      stop: () => {},
    });
  },
});

skews("SQLite", { ...backend, skip, place: { url: file("skews.db") } });

for (const watch of [true, false]) {
  describe(`eight processes over SQLite, ${watch ? "which watch" : "which poll"}`, { skip }, () => {
    const recording = startRecording();
    let callers: Caller[];
    before(async () => {
      const place = { url: file(`eight ${watch}.db`), watch };
      callers = await startCallers(8, { ...backend, place }, recording);
    });

    it("fetch once for 100 callers each, in twenty rounds, and nobody sees a lock", async () => {
      for (let round = 0; round < 20; round++) {
        const task = { key: randomToken(), callers: 100, fetch: 100 };
        const reports = await Promise.all(callers.map((caller) => caller.call(task).report));
        assert.equal(reports.reduce((all, { fetches }) => all + fetches, 0), 1);
        assert.equal(new Set(reports.flatMap(({ values }) => values)).size, 1);
        for (const { errors } of reports) assert.deepEqual(errors, {});
      }
    });

    it("keep every promise", async () => {
      await Promise.all(callers.map((caller) => caller.end()));
      assert.deepEqual(judgeAll(recording.histories(2000)), []);
    });
  });
}
