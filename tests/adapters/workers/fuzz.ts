import { cloudflareD1Adapter } from "../../../adapters/cloudflare_d1.ts";
import { cloudflareKvAdapter } from "../../../adapters/cloudflare_kv.ts";
import { r2Adapter } from "../../../adapters/workers/r2.ts";
import { counted, type Damaged, survivesDamage } from "../../support/fuzz/damage.ts";
import { damagedBodies } from "../../support/fuzz/damaged_bodies.ts";
import { bytes, properties, type Property, type Target } from "../../support/fuzz/properties.ts";
import { damagedColumns } from "../../support/fuzz/damaged_columns.ts";
import { foreignBodies } from "../../support/fuzz/foreign_bodies.ts";
import type { Bindings } from "./checks.ts";
import { runOn } from "./damage.ts";

/** A row of D1 takes two million bytes. */
const fullAt = 2_000_000;

/** What is attacked, by backend. */
const targets: Readonly<Record<string, (bindings: Bindings) => Target>> = {
  "cloudflare-d1": ({ DB: db }) => {
    const insert = "INSERT INTO cache_locking (key, value) VALUES";
    return {
      store: cloudflareD1Adapter({ db }),
      ofBytes: cloudflareD1Adapter({ db, codec: bytes }),
      fullAt,
      hand: {
        write: (key, bytes) => db.prepare(`${insert} (?1, ?2)`).bind(key, bytes).run(),
        others: {
          text: (key) => db.prepare(`${insert} (?1, '{')`).bind(key).run(),
          integer: (key) => db.prepare(`${insert} (?1, 5)`).bind(key).run(),
          "integer that a number can't be": (key) =>
            db.prepare(`${insert} (?1, 9007199254740993)`).bind(key).run(),
          real: (key) => db.prepare(`${insert} (?1, 2.5)`).bind(key).run(),
        },
      },
    };
  },
  "cloudflare-kv": ({ DB: leasesDb, KV: kv }) => ({
    store: cloudflareKvAdapter({ kv, leasesDb }),
    ofBytes: cloudflareKvAdapter({ kv, leasesDb, codec: bytes }),
    fullAt,
    hand: {
      write: (key, bytes) => kv.put(key, bytes),
    },
  }),
  "r2": ({ BUCKET: bucket }) => ({
    store: r2Adapter({ bucket }),
    ofBytes: r2Adapter({ bucket, codec: bytes }),
    hand: foreignBodies((name, body) => bucket.put(name, body)),
  }),
};

/** What is damaged at random, by backend. */
const damaged: Readonly<Record<string, (bindings: Bindings) => Damaged>> = {
  "cloudflare-d1": ({ DB }) => {
    const { client: db, requests } = counted(DB, /^batch$/);
    return {
      stores: [cloudflareD1Adapter({ db }), cloudflareD1Adapter({ db: DB })],
      requests,
      damage: damagedColumns(runOn(DB), "cache_locking"),
    };
  },
  "cloudflare-kv": ({ DB, KV }) => {
    const { client: leasesDb, requests } = counted(DB, /^batch$/);
    const { client: kv, requests: ofKv } = counted(KV, /^(getWithMetadata|put|delete)$/);
    const damageRows = damagedColumns(runOn(DB), "cache_locking_kv");
    return {
      stores: [
        cloudflareKvAdapter({ kv, leasesDb }),
        cloudflareKvAdapter({ kv: KV, leasesDb: DB }),
      ],
      requests: () => requests() + ofKv(),
      async damage(key, draw) {
        const metadata = {
          expiresAt: draw.of<unknown>(draw.end(), draw.text(), null, [], true),
          staleFor: draw.of<unknown>(undefined, 1e6, draw.text(), null),
        };
        const value = draw.of<string | Uint8Array>(draw.text(), draw.bytes());
        const row = DB.prepare("DELETE FROM cache_locking_kv WHERE key = ?1").bind(key);
        await draw.of<() => PromiseLike<unknown>>(
          // While D1 has the entry, too, it is served from there, and KV stays as it is.
          () => Promise.all([KV.put(key, value, { metadata }), row.run()]),
          () => KV.delete(key),
          () => damageRows(key, draw),
        )();
      },
    };
  },
  "r2": ({ BUCKET }) => {
    const { client: bucket, requests } = counted(BUCKET, /^(get|put|delete)$/);
    const read = async (key: string) => await (await BUCKET.get(key))?.text();
    return {
      stores: [r2Adapter({ bucket }), r2Adapter({ bucket: BUCKET })],
      requests,
      damage: damagedBodies({ read, write: (key, body) => BUCKET.put(key, body) }),
    };
  },
};

interface Shown {
  readonly backend: string;
  readonly property: Pick<Property, "name">;
  readonly run: (bindings: Bindings) => Promise<unknown>;
}

/** What is shown of each of them. */
export const fuzzed: readonly Shown[] = Object.entries(targets).flatMap(([backend, target]) => [
  ...properties.map((property): Shown => ({
    backend,
    property,
    run: (bindings) => property.run(target(bindings)),
  })),
  {
    backend,
    property: { name: "gives a value whatever is damaged, and has the key well again" },
    // All of them take turns in one thread with what they ask.
    run: (bindings) => survivesDamage({ ...damaged[backend]!(bindings), atOnce: 100 }),
  },
]);

/** Shows it. */
export async function runFuzz(index: number, bindings: Bindings): Promise<void> {
  await fuzzed[index]!.run(bindings);
}
