import { Cache } from "cache-locking";
import { cloudflareD1Adapter } from "cache-locking/cloudflare-d1";
import { cloudflareKvAdapter } from "cache-locking/cloudflare-kv";
import { r2Adapter } from "cache-locking/r2";
import { Effect } from "effect";

export default {
  async fetch(_request, { DB: db, KV: kv, BUCKET: bucket }) {
    const adapters = [
      cloudflareD1Adapter({ db }),
      cloudflareKvAdapter({ kv, leasesDb: db }),
      r2Adapter({ bucket }),
    ];
    const calls = adapters.map((adapter) =>
      Cache.make({ adapter }).getOrSet("user:42", () => Effect.succeed({ name: "Ada" }))
    );
    return Response.json(await Effect.runPromise(Effect.all(calls)));
  },
};
