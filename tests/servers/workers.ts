// @ts-types="./miniflare.d.ts"
import { Miniflare } from "miniflare";
import type { Description } from "./description.ts";

/** A Worker in workerd that runs the suites itself, from one module, with the bindings that Miniflare has. */
export function workersOf(worker: () => Promise<string>): Description {
  return {
    backend: "workers",
    find: () => Promise.resolve(),
    async start() {
      const miniflare = new Miniflare({
        name: "main",
        // As they are: Miniflare would look for what they load on first use.
        modules: [{ type: "ESModule", path: "main.js", contents: await worker() }],
        host: "127.0.0.1",
        compatibilityDate: "2026-07-01",
        // For `node:assert` in the suites, and for requests that are cancelled.
        compatibilityFlags: ["nodejs_compat", "enable_request_signal"],
        d1Databases: ["DB"],
        kvNamespaces: ["KV"],
        r2Buckets: ["BUCKET"],
        serviceBindings: { SELF: "main" },
      });
      const url = await miniflare.ready;
      return {
        version: "workerd, by Miniflare",
        url: url.origin,
        stop: () => miniflare.dispose(),
      };
    },
  };
}
