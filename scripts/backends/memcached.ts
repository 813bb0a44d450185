import { startMemcached } from "../../tests/servers/memcached_server.ts";
import { must } from "../shell.ts";
import type { Description } from "./description.ts";

/** One memcached. Suites that stop and restart one of their own find the program in `MEMCACHED_SERVER`. */
export const memcached: Description = {
  backend: "memcached",
  async start() {
    const found = await must("sh", ["-c", "command -v memcached"]).catch(() => "");
    if (!found) throw new Error("no memcached is installed; Debian's package is memcached");
    const binary = found.trim();
    const { version, url, stop } = await startMemcached(binary);
    return { url, stop, version: `memcached ${version}`, env: { MEMCACHED_SERVER: binary } };
  },
};
