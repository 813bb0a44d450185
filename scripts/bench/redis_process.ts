/** One of the processes of the herds over Redis: it calls a cache as it is told to, by lines of JSON. */
import { Redis } from "ioredis";
import process from "node:process";
import { createInterface } from "node:readline";
import type { Share, Task } from "./redis_fleet.ts";
import * as makers from "./redis_peers.ts";

const url = process.argv[2]!;
const value = JSON.stringify({ id: 42, name: "Ada", notes: "x".repeat(200) });
let fetches = 0;
let task: Task;

async function source(): Promise<string> {
  fetches++;
  await new Promise((resolve) => setTimeout(resolve, task.fetch));
  if (task.down) throw new Error("the source is down");
  return value;
}

const peers = new Map<Task["peer"], makers.Peer>();

function peerOf(name: Task["peer"]): makers.Peer {
  const peer = peers.get(name) ?? makers[name](() => new Redis(url), source);
  peers.set(name, peer);
  return peer;
}

async function run({ peer, key, callers, begins }: Task): Promise<Share> {
  const { name, get } = peerOf(peer);
  await new Promise((resolve) => setTimeout(resolve, Math.max(0, begins - Date.now())));
  const began = performance.now();
  const got = await Promise.all(
    Array.from({ length: callers }, () => get(key).catch(() => undefined)),
  );
  const failed = got.filter((each) => each === undefined).length;
  return { name, fetches, failed, slowest: performance.now() - began };
}

console.log(JSON.stringify("ready"));
for await (const line of createInterface({ input: process.stdin })) {
  task = JSON.parse(line);
  fetches = 0;
  console.log(JSON.stringify(await run(task)));
}
for (const { close } of peers.values()) await close();
process.exit(0);
