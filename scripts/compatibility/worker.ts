/** A Worker that judges the adapters over its bindings: the path of a request is the adapter's name. */
import { cloudflareD1Adapter, type D1Database } from "../../adapters/cloudflare_d1.ts";
import { cloudflareKvAdapter, type KvNamespace } from "../../adapters/cloudflare_kv.ts";
import { memoryAdapter } from "../../adapters/memory.ts";
import type { R2Bucket } from "../../adapters/r2.ts";
import { r2Adapter } from "../../adapters/workers/r2.ts";
import { judgeWithin } from "./within.ts";

interface Bindings {
  readonly DB: D1Database;
  readonly KV: KvNamespace;
  readonly BUCKET: R2Bucket;
}

export default {
  async fetch(request: Request, { DB: db, KV: kv, BUCKET: bucket }: Bindings): Promise<Response> {
    const stores = {
      "/memory": () => memoryAdapter(),
      "/cloudflare-d1": () => cloudflareD1Adapter({ db }),
      "/cloudflare-kv": () => cloudflareKvAdapter({ kv, leasesDb: db }),
      "/r2": () => r2Adapter({ bucket }),
    };
    const { pathname } = new URL(request.url);
    return Response.json(await judgeWithin(stores[pathname as keyof typeof stores]()));
  },
};
