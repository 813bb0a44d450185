/**
 * The plain face as Cloudflare Workers bundle it: promise.ts, with the configs of those adapters that have bindings there.
 *
 * @module
 */
import type { AdapterConfig } from "../remote/configs.ts";
import { createCacheOf } from "../../src/face/promise.ts";
import type { CreateCache } from "../../src/face/promise_cache.ts";
import { open } from "./open.ts";

/** Makes a cache. */
export const createCache: CreateCache<"memory" | AdapterConfig> = createCacheOf(open);

export { CacheOutcome } from "../../src/model/cache_outcome.ts";
export { AdapterError, formatCacheLockingError } from "../../src/model/errors.ts";
export { CacheLockingError } from "../../src/face/promise_errors.ts";
export { backoffWaitStrategy, fixedWaitStrategy } from "../../src/face/promise_strategies.ts";
