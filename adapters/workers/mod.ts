/**
 * The root as Cloudflare Workers bundle it: mod.ts, with the configs of those adapters that have bindings there. An
 * adapter of another kind is passed as an instance.
 *
 * @module
 */
import { memoryAdapter } from "../memory.ts";
import type { AdapterConfig } from "../remote/configs.ts";
import { type CacheModule, makeCacheModule } from "../../src/face/client.ts";
import { openerOf } from "../../src/face/open_adapter.ts";

/** The entry points. */
export const Cache: CacheModule<"memory" | AdapterConfig> = makeCacheModule(
  openerOf({ memory: memoryAdapter }, {
    needs: { "cloudflare-d1": "db", "cloudflare-kv": "kv", r2: "bucket" },
    load: async (type) => {
      switch (type) {
        case "cloudflare-d1":
          return (await import("../cloudflare_d1.ts")).cloudflareD1Adapter;
        case "cloudflare-kv":
          return (await import("../cloudflare_kv.ts")).cloudflareKvAdapter;
        case "r2":
          return (await import("./r2.ts")).r2Adapter;
      }
    },
  }),
);

export {
  AdapterError,
  formatCacheLockingError,
  isAdapterError,
  isCacheLockingError,
  matchCacheLockingError,
} from "../../src/model/errors.ts";
export { CacheOutcome } from "../../src/model/outcome.ts";
export { backoffWaitStrategy, fixedWaitStrategy } from "../../src/model/wait_strategy.ts";
