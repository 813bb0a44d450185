import postgres from "postgres";
import { fetchingTogether, readManyThrough } from "./many_keys.ts";
import type { LoadPeer, Means } from "./peer.ts";

/** The least that many keys can cost: one `SELECT`, and `JSON.parse`; what there isn't is set by one `INSERT` of many rows. */
export const selectAny: LoadPeer = async (means) => {
  const sql = postgres(means.postgres!, { onnotice: () => {} });
  // As the adapter's own table, Postgres writes no WAL for it.
  await sql`create unlogged table if not exists bare (key text collate "C" primary key, value text)`;
  return (source) =>
    readManyThrough(source, {
      name: "floor: select … = any, JSON.parse, an upsert of many rows",
      async get(keys) {
        const rows = await sql`select key, value from bare where key = any(${keys})`;
        const values = new Map(rows.map(({ key, value }) => [key, value]));
        return keys.map((key) => values.get(key));
      },
      set: (entries) =>
        sql`insert into bare ${
          sql(entries)
        } on conflict (key) do update set value = excluded.value`,
      close: () => sql.end(),
    });
};

/** This library, in promises. */
export const plain: LoadPeer = (means) => (source) => {
  const { cache, close } = openCache(means);
  const promise = (key: string) => cache.getOrSet(key, () => source(key));
  return { name: "cache-locking, in promises", promise, close };
};

/** This library, many keys at once, all of them fetched together. */
export const manyKeys: LoadPeer = (means) => (source) => {
  const { cache, close } = openCache(means);
  return fetchingTogether(cache, source, close);
};

function openCache({ library: { createCache, postgresAdapter }, postgres: url }: Means) {
  const sql = postgres(url!);
  const cache = createCache({ adapter: postgresAdapter({ sql }), cacheTtl: "1 hour" });
  return { cache, close: () => sql.end() };
}
