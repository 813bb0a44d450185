/** Whether this is Cloudflare Workers, where one request may not await another's I/O or timers. */
export const inWorkers: boolean =
  (globalThis as { navigator?: { userAgent?: string } }).navigator?.userAgent ===
    "Cloudflare-Workers";
