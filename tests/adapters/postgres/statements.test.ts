import { Effect } from "effect";
import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { postgresAdapter, type PostgresLeasesOptions } from "../../../adapters/postgres.ts";
import { Cache } from "../../../mod.ts";
import { followedFetch } from "../../support/followed_fetch.ts";
import { unlessLate } from "../../support/unless_late.ts";
import { hangUp, openCounted } from "./clients.ts";
import { newKey, run, skip, table } from "./fixture.ts";

/** After how long a leader is announced, and how often at most a process may send one more statement then, in milliseconds. */
const [ANNOUNCED_AFTER, ONE_MORE_EVERY] = [500, 250];

const opened: PostgresLeasesOptions[] = [];
after(() => opened.forEach(hangUp));

const libraries = (["postgres.js", "pg"] as const).map((library) => ({ library, name: table() }));
type Library = (typeof libraries)[number];

describe("the statements of a fetch over Postgres", { skip }, () => {
  /** Those of a client whose fetch takes so long, and of another that waits for it; and how long that took. */
  const statementsOf = async (
    { library, name }: Library,
    millis: number,
    { announced = true } = {},
  ) => {
    const [leader, follower] = await Promise.all([1, 2].map(async () => {
      const { client, sent } = await openCounted(library);
      opened.push(client);
      const adapter = postgresAdapter({ ...client, table: name });
      const { announce: _, ...without } = adapter;
      return { cache: Cache.make({ adapter: announced ? adapter : without }), sent };
    }));
    // The table is there, and a connection.
    for (const { cache, sent } of [leader!, follower!]) {
      await run(cache.getOrSet(newKey(), () => Effect.succeed("")));
      sent.splice(0);
    }
    const took = await followedFetch([leader!.cache, follower!.cache], newKey(), millis);
    return { took, sent: [leader!, follower!].map(({ sent }) => sent.splice(0)) };
  };

  const byEach = (test: (library: Library) => Promise<void>) => () =>
    unlessLate(async () => void await Promise.all(libraries.map(test)));

  it(
    "are the same as without dead leaders, if it is short",
    byEach(async (library) => {
      const { took, sent } = await statementsOf(library, 300);
      assert.ok(took < ANNOUNCED_AFTER, `${took} ms`);
      const { sent: without } = await statementsOf(library, 300, { announced: false });
      assert.deepEqual(sent, without);
    }),
  );

  it(
    "are one more per process and quarter of a second at most, if it is long",
    byEach(async (library) => {
      const { sent: short } = await statementsOf(library, 300, { announced: false });
      const { took, sent } = await statementsOf(library, 3000);
      for (const [process, statements] of sent.entries()) {
        const more = statements.length - short[process]!.length;
        assert.ok(more <= took / ONE_MORE_EVERY, `${more} more in ${took} ms: ${statements}`);
        // The leader is announced, and the follower looks.
        assert.ok(more > 2, `${more} more: ${statements}`);
      }
      const [all, few] = [sent, short].map((sent) => sent.flat().length);
      console.log(
        `    # ${library.library}: ${all} statements in ${took.toFixed(0)} ms, ${few} if short`,
      );
    }),
  );
});
