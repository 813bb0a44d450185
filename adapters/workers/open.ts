import { memoryAdapter } from "../memory.ts";
import { openerOf } from "../../src/face/open_adapter.ts";
import type { OpenAdapter } from "../../src/face/settings.ts";

/** Opens memory, and the adapters that have bindings in Workers. */
export const open: OpenAdapter = openerOf({ memory: memoryAdapter }, {
  needs: { "cloudflare-d1": ["db"], "cloudflare-kv": ["kv"], r2: ["bucket"] },
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
});
