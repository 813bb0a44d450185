/**
 * The root as Cloudflare Workers bundle it: mod.ts, with the configs of those adapters that have bindings there. An
 * adapter of another kind is passed as an instance.
 *
 * @module
 */
import type { AdapterConfig } from "../remote/configs.ts";
import { type CacheModule, makeCacheModule } from "../../src/face/client.ts";
import { open } from "./open.ts";

/** The entry points. */
export const Cache: CacheModule<"memory" | AdapterConfig> = makeCacheModule(open);

export {
  AdapterError,
  formatCacheLockingError,
  isAdapterError,
  isCacheLockingError,
  matchCacheLockingError,
} from "../../src/model/errors.ts";
export { CacheOutcome } from "../../src/model/outcome.ts";
export { backoffWaitStrategy, fixedWaitStrategy } from "../../src/model/wait_strategy.ts";
