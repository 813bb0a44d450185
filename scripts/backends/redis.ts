import { startRedisCluster, startRedisServer } from "../../tests/servers/redis_server.ts";
import { must } from "../shell.ts";
import type { Description } from "./description.ts";

/** One Redis server. Suites that stop and restart one of their own find the program in `REDIS_SERVER`. */
export const redis: Description = {
  backend: "redis",
  async start() {
    const binary = await findBinary();
    return { ...await startRedisServer(binary), env: { REDIS_SERVER: binary } };
  },
};

/** A cluster of three. Suites that restart it find its ports in `REDIS_CLUSTER_PORTS`. */
export const redisCluster: Description = {
  backend: "redis-cluster",
  async start() {
    const binary = await findBinary();
    const { version, ports, url, stop } = await startRedisCluster(binary);
    const env = { REDIS_SERVER: binary, REDIS_CLUSTER_PORTS: ports.join() };
    return { url, stop, env, version: `${version}, three nodes` };
  },
};

async function findBinary(): Promise<string> {
  for (const name of ["redis-server", "valkey-server"]) {
    const found = await must("sh", ["-c", `command -v ${name}`]).catch(() => "");
    if (found) return found.trim();
  }
  throw new Error("no redis-server is installed; Debian's package is redis-server");
}
