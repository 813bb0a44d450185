import { writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { PASSWORD } from "../conformance/told.ts";
import type { Description } from "./description.ts";
import {
  again,
  ask,
  findProgram,
  freePort,
  type StartedServer,
  type StartOptions,
  startServer,
} from "./server.ts";

/** Starts a server on the loopback; rejects if it doesn't come up. */
export function startRedisServer(
  binary: string,
  { port, args = [] }: StartOptions = {},
): Promise<StartedServer> {
  return startServer({
    command: binary,
    port,
    args: (folder, port) => [
      ...["--port", String(port), "--bind", "127.0.0.1", "--dir", folder],
      ...["--save", "", "--appendonly", "no", ...args],
    ],
    url: redisAt,
    ready: "Ready to accept connections",
  });
}

/** The address of a server: its default user takes any password. */
export function redisAt(host: string): string {
  return `redis://default:${PASSWORD}@${host}`;
}

/** A cluster of three servers, which has the address of the first. */
export interface RedisCluster extends StartedServer {
  /** All three. */
  readonly nodes: readonly StartedServer[];
  /** Theirs. */
  readonly ports: readonly number[];
}

/** How a cluster is started. */
export interface RedisClusterOptions extends Pick<StartOptions, "args"> {
  /** The ports; free ones by default. */
  readonly ports?: readonly number[] | undefined;
}

/** Starts three servers, each with a third of a cluster's slots. */
export async function startRedisCluster(
  binary: string,
  { ports = [], args = [] }: RedisClusterOptions = {},
): Promise<RedisCluster> {
  const servers: StartedServer[] = [];
  const meet: string[] = [];
  const stop = async () => void await Promise.all(servers.map((server) => server.stop()));
  try {
    for (let node = 0; node < 3; node++) {
      let bus = "";
      servers.push(
        await again(async () => {
          bus = String(await freePort());
          const own = ["--cluster-enabled", "yes", "--cluster-port", bus, ...args];
          return startRedisServer(binary, { port: ports[node], args: own });
        }),
      );
      const [from, to] = [Math.ceil(node * 16_384 / 3), Math.ceil((node + 1) * 16_384 / 3) - 1];
      await redisCommand(servers[node]!.port, `CLUSTER ADDSLOTSRANGE ${from} ${to}`);
      await redisCommand(servers[node]!.port, `CLUSTER SET-CONFIG-EPOCH ${node + 1}`);
      if (node > 0) meet.push(`CLUSTER MEET 127.0.0.1 ${servers[node]!.port} ${bus}`);
    }
    // One of them may not hear of it.
    await again(async () => {
      for (const command of meet) await redisCommand(servers[0]!.port, command);
      for (const { port } of servers) await untilWhole(port);
    });
    const { port, url } = servers[0]!;
    return { port, nodes: servers, ports: servers.map(({ port }) => port), url, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Gives each server of a cluster a replica. */
export async function startReplicas(
  binary: string,
  { ports }: Pick<RedisCluster, "ports">,
  { args = [] }: Pick<StartOptions, "args"> = {},
): Promise<Pick<RedisCluster, "ports" | "stop">> {
  const servers: StartedServer[] = [];
  const stop = async () => void await Promise.all(servers.map((server) => server.stop()));
  try {
    for (const primary of ports) {
      const own = () => ["--cluster-enabled", "yes", "--cluster-port", bus, ...args];
      let bus = "";
      const replica = await again(async () => {
        bus = String(await freePort());
        return startRedisServer(binary, { args: own() });
      });
      servers.push(replica);
      await redisCommand(primary, `CLUSTER MEET 127.0.0.1 ${replica.port} ${bus}`);
      const [, id] = /([0-9a-f]{40})/.exec(await redisCommand(primary, "CLUSTER MYID"))!;
      await untilDone(
        "The replica doesn't know its primary",
        () => redisCommand(replica.port, `CLUSTER REPLICATE ${id}`).then(() => true, () => false),
      );
      await untilDone(
        "The replica doesn't follow its primary",
        async () =>
          (await redisCommand(replica.port, "INFO replication")).includes("master_link_status:up"),
      );
    }
    return { ports: servers.map(({ port }) => port), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/**
 * Has a replica of a cluster's server take its place, which was killed, without the votes of the others: they would wait
 * until they take it for dead. Resolves once the whole cluster knows.
 */
export async function takeOver(replica: number, others: readonly number[]): Promise<void> {
  const [, id] = /([0-9a-f]{40})/.exec(await redisCommand(replica, "CLUSTER MYID"))!;
  await redisCommand(replica, "CLUSTER FAILOVER TAKEOVER");
  await untilDone("The cluster doesn't know who leads", async () => {
    const told = await Promise.all(others.map((port) => redisCommand(port, "CLUSTER NODES")));
    return told.every((nodes) => new RegExp(`^${id} .*master.* \\d+-\\d+\r?$`, "m").test(nodes));
  });
}

/** Kills a server that doesn't expect it. */
export async function killRedis(port: number): Promise<void> {
  const [, id] = /process_id:(\d+)/.exec(await redisCommand(port, "INFO server"))!;
  process.kill(Number(id), "SIGKILL");
}

/** Starts a replica of a server, which has all that is there. */
export async function startReplica(binary: string, port: number): Promise<StartedServer> {
  const args = ["--replicaof", "127.0.0.1", String(port)];
  const replica = await startRedisServer(binary, { args });
  await untilDone(
    "The replica doesn't follow its primary",
    async () =>
      (await redisCommand(replica.port, "INFO replication")).includes("master_link_status:up"),
  );
  return replica;
}

/** Starts a Sentinel that watches a server under the name `main`, and alone decides that it failed. */
export function startSentinel(binary: string, watched: StartedServer): Promise<StartedServer> {
  return startServer({
    command: binary,
    args: (folder, port) => {
      const config = join(folder, "sentinel.conf");
      writeFileSync(config, `sentinel monitor main 127.0.0.1 ${watched.port} 1\n`);
      return [config, "--sentinel", "--port", String(port), "--bind", "127.0.0.1", "--dir", folder];
    },
    ready: "+monitor master main",
  });
}

/** Sends one command, and returns the reply as it came; rejects if that is an error. */
export async function redisCommand(port: number, command: string): Promise<string> {
  const reply = await ask(port, command);
  if (reply.startsWith("-")) throw new Error(`${command}: ${reply}`);
  return reply;
}

function untilWhole(port: number): Promise<void> {
  return untilDone("The cluster did not come together", async () => {
    const info = await redisCommand(port, "CLUSTER INFO");
    return info.includes("cluster_state:ok") && info.includes("cluster_known_nodes:3");
  });
}

async function untilDone(failure: string, look: () => Promise<boolean>): Promise<void> {
  for (let attempt = 0; attempt < 200; attempt++) {
    if (await look()) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(failure);
}

/** One Redis server. Suites that stop and restart one of their own find the program in `REDIS_SERVER`. */
export const redis: Description = {
  backend: "redis",
  find: findBinary,
  async start() {
    const binary = await findBinary();
    const server = await startRedisServer(binary);
    return { ...server, version: await versionOf(server), env: { REDIS_SERVER: binary } };
  },
};

/** A cluster of three. Suites that restart it find its ports in `REDIS_CLUSTER_PORTS`. */
export const redisCluster: Description = {
  backend: "redis-cluster",
  find: findBinary,
  async start() {
    const binary = await findBinary();
    const cluster = await startRedisCluster(binary);
    const env = { REDIS_SERVER: binary, REDIS_CLUSTER_PORTS: cluster.ports.join() };
    return { ...cluster, env, version: `${await versionOf(cluster)}, three nodes` };
  },
};

async function versionOf({ port }: StartedServer): Promise<string> {
  const info = await redisCommand(port, "INFO server");
  const valkey = /valkey_version:(\S+)/.exec(info)?.[1];
  return valkey ? `Valkey ${valkey}` : `Redis ${/redis_version:(\S+)/.exec(info)?.[1]}`;
}

function findBinary(): Promise<string> {
  return findProgram("redis-server", "valkey-server");
}
