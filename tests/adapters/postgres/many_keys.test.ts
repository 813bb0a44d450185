import { Effect } from "effect";
import assert from "node:assert/strict";
import { it } from "node:test";
import { postgresAdapter } from "../../../adapters/postgres.ts";
import { Cache } from "../../../mod.ts";
import { unlessLate } from "../../support/unless_late.ts";
import { admin, connect, newKey, run, skip, table } from "./fixture.ts";

it(
  "4,000 cold keys at once, over ten connections of postgres, are all stored",
  { skip },
  () =>
    unlessLate(async () => {
      const name = table();
      const sql = connect({ max: 10 });
      const cache = Cache.make({ adapter: postgresAdapter({ sql, table: name }) });
      const key = newKey();
      await run(cache.set(key, "the table is there"));
      await Promise.all(Array.from({ length: 10 }, () => sql`select pg_sleep(0.2)`));

      const calls = Array.from(
        { length: 4000 },
        (_, index) => cache.getOrSet(`${key}:${index}`, () => Effect.succeed(index)),
      );
      const results = await run(Effect.all(calls, { concurrency: "unbounded" }));
      assert.deepEqual(new Set(results.map(({ meta }) => meta.cache)), new Set(["MISS-LEADER"]));
      const [row] = await admin`select count(text)::int as stored from ${admin(name)}`;
      assert.equal(row!["stored"], 4001);
    }),
);
