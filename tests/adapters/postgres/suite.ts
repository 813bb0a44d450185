import { Effect } from "effect";
import { after, before, describe } from "node:test";
import type { Sql } from "postgres";
import {
  postgresAdapter,
  type PostgresAdapterOptions,
  type PostgresLeasesOptions,
  prunePostgres,
} from "../../../adapters/postgres.ts";
import { conformance } from "../../conformance/mod.ts";
import { damageFor } from "../../support/reversed.ts";
import { sideBySide } from "../../support/side_by_side.ts";
import { hangUp } from "./clients.ts";
import { damageOf } from "./damage.ts";

/** What the clients of a suite are opened in. */
export interface World {
  /** Looks at what they do. */
  readonly admin: Sql;
  /** Opens one, as the adapter's options name it; of its `own`, it shares nothing with the others. */
  connect(own?: "own"): PostgresLeasesOptions | Promise<PostgresLeasesOptions>;
  /** Closes them all. */
  close(): Promise<unknown>;
}

/** How a suite is run. */
export interface Suite {
  readonly skip: string | false;
  /** The adapter's options beside its client. */
  readonly options?: Pick<PostgresAdapterOptions, "table" | "keyPrefix" | "codec">;
  /** Opens the world. */
  open(): Promise<World>;
}

/** The conformance suite over a table, by clients of any library. */
export function suite(name: string, { skip, options = {}, open }: Suite): void {
  describe(name, () => {
    const { table = "cache_locking", keyPrefix = "", codec } = options;
    let world: World;
    before(async () => void (skip || (world = await open())));
    after(async () => {
      if (skip) return;
      await world.admin`drop table ${world.admin(table)}`;
      await world.close();
    });
    // Clients are opened once: that takes Postgres as long as a whole case.
    const free: PostgresLeasesOptions[] = [];
    const client = Effect.acquireRelease(
      Effect.promise(async () => free.pop() ?? await world.connect()),
      (client) => Effect.sync(() => void free.push(client)),
    );
    const cases = conformance({
      open: Effect.map(client, (client) => postgresAdapter({ ...client, ...options })),
      mortal: Effect.map(Effect.promise(async () => await world.connect("own")), (client) => ({
        store: postgresAdapter({ ...client, ...options }),
        die: () => hangUp(client),
      })),
      damage: damageFor(codec, damageOf(() => world.admin, table, (key) => keyPrefix + key)),
      leftovers: (key) =>
        Effect.flatMap(
          Effect.scoped(Effect.flatMap(client, (client) => prunePostgres({ ...client, table }))),
          () =>
            Effect.promise(async () => [
              ...await world.admin`
                select * from ${world.admin(table)} where key = ${keyPrefix + key}`,
            ]),
        ),
      values: codec ? [[null, "é"]] : [],
    });
    sideBySide(cases, { skip, atOnce: 4 });
  });
}
