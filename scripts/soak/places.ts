import { Redis } from "ioredis";
import postgres from "postgres";
import { memoryAdapter } from "../../adapters/memory.ts";
import type { Store } from "../../mod.ts";
import { connect as connectPostgres } from "../../tests/adapters/postgres/connection.ts";
import { connect as connectRedis } from "../../tests/adapters/redis/connection.ts";

/** Where traffic goes to, and what can be counted there. */
export interface Place {
  /** One store, or those of two processes over one server. */
  readonly stores: readonly Store<unknown>[];
  /** Opens one more connection, for a leak on purpose. */
  readonly connect: () => Promise<unknown>;
  /** What the server has: connections, keys or rows. */
  readonly counts: () => Promise<Readonly<Record<string, number>>>;
  readonly close: () => Promise<unknown>;
}

/** Opens the place of a backend. */
export const places: Readonly<Record<string, (url: string) => Promise<Place>>> = {
  memory: () =>
    Promise.resolve({
      // Few, so that it is full before anything is measured.
      stores: [memoryAdapter({ maxEntries: 500 })],
      connect: () => Promise.resolve(),
      counts: () => Promise.resolve({}),
      close: () => Promise.resolve(),
    }),

  async redis(url) {
    const connections = await Promise.all([connectRedis({ url }), connectRedis({ url })]);
    const admin = new Redis(url);
    return {
      stores: connections.map(({ store }) => store),
      connect: () => new Redis(url).ping(),
      async counts() {
        const clients = String(await admin.client("LIST")).trim().split("\n").length;
        return { connections: clients, keys: await admin.dbsize() };
      },
      close: () => Promise.all([...connections.map(({ close }) => close()), admin.quit()]),
    };
  },

  async postgres(url) {
    // Without it postgres.js grows: see docs/operating.md.
    const open = () => connectPostgres({ url, max_pipeline: 0 });
    const connections = await Promise.all([open(), open()]);
    const admin = postgres(url, { max: 1 });
    return {
      stores: connections.map(({ store }) => store),
      connect: async () => await postgres(url, { max: 1 })`select 1`,
      async counts() {
        const [row] = await admin`
          select (select count(*) from cache_locking) as rows, (
            select count(*) from pg_stat_activity where backend_type = 'client backend'
          ) as connections`;
        return { connections: Number(row!.connections), rows: Number(row!.rows) };
      },
      close: () =>
        Promise.all([...connections.map(({ close }) => close()), admin.end({ timeout: 0 })]),
    };
  },
};
