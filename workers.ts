/**
 * The root as Cloudflare Workers bundle it: mod.ts, with the configs of those adapters that have bindings there. An
 * adapter of another kind is passed as an instance.
 *
 * @module
 */
import type { CloudflareD1AdapterOptions } from "./adapters/cloudflare_d1.ts";
import type { CloudflareKvAdapterOptions } from "./adapters/cloudflare_kv.ts";
import { memoryAdapter } from "./adapters/memory.ts";
import type { R2AdapterOptions } from "./adapters/r2.ts";
import type { AdapterConfig } from "./mod.ts";
import { type CacheModule, makeCacheModule } from "./src/client.ts";
import { openerOf, type RemoteAdapter } from "./src/open_adapter.ts";

const d1: RemoteAdapter<CloudflareD1AdapterOptions> = [
  "db",
  async (options) => (await import("./adapters/cloudflare_d1.ts")).cloudflareD1Adapter(options),
];
const kv: RemoteAdapter<CloudflareKvAdapterOptions> = [
  "kv",
  async (options) => (await import("./adapters/cloudflare_kv.ts")).cloudflareKvAdapter(options),
];
const r2: RemoteAdapter<R2AdapterOptions> = [
  "bucket",
  async (options) => (await import("./workers_r2.ts")).r2Adapter(options),
];

/** The entry points. */
export const Cache: CacheModule<"memory" | AdapterConfig> = makeCacheModule(
  openerOf({ memory: memoryAdapter }, { "cloudflare-d1": d1, "cloudflare-kv": kv, r2 }),
);

export {
  AdapterError,
  formatCacheLockingError,
  isAdapterError,
  isCacheLockingError,
  matchCacheLockingError,
} from "./src/errors.ts";
export { CacheOutcome } from "./src/outcome.ts";
export { backoffWaitStrategy, fixedWaitStrategy } from "./src/wait_strategy.ts";
