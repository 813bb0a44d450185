import { cloudflareD1Adapter } from "../../../adapters/cloudflare_d1.ts";
import { cloudflareKvAdapter } from "../../../adapters/cloudflare_kv.ts";
import { r2Adapter } from "../../../adapters/workers/r2.ts";
import { bytes, properties, type Property, type Target } from "../../support/fuzz/properties.ts";
import { foreignBodies } from "../../support/fuzz/foreign_bodies.ts";
import type { Bindings } from "./checks.ts";

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

/** What is shown of each of them. */
export const fuzzed: readonly { readonly backend: string; readonly property: Property }[] = Object
  .keys(targets).flatMap((backend) => properties.map((property) => ({ backend, property })));

/** Shows it. */
export async function runFuzz(index: number, bindings: Bindings): Promise<void> {
  const { backend, property } = fuzzed[index]!;
  await property.run(targets[backend]!(bindings));
}
