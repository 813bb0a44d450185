import { startMemcached } from "../../tests/servers/memcached.ts";
import { freePort } from "../../tests/servers/server.ts";
import { fromDebian } from "./packages.ts";
import type { Family, Started } from "./row.ts";
import { startTwemproxyBefore } from "./servers.ts";

async function startOne(): Promise<Started> {
  const { path, version } = await fromDebian("memcached");
  return { ...await startMemcached(path), version };
}

async function startOneOfTwo(): Promise<Started> {
  const { url, ...server } = await startOne();
  return { ...server, url: `${url},127.0.0.1:${await freePort()}` };
}

async function startTwo(): Promise<Started> {
  const [one, two] = [await startOne(), await startOne()];
  const stop = async () => {
    await two.stop();
    await one.stop();
  };
  return { ...one, url: `${one.url},${two.url}`, stop };
}

const startTwemproxy = async (): Promise<Started> => {
  const { path } = await fromDebian("memcached");
  const { url, ...proxy } = await startTwemproxyBefore(() => startMemcached(path), "redis: false");
  return { ...proxy, url: url.replace("http://", "") };
};

/** memcached, and what stands before it. */
export const memcachedFamily: Family = {
  name: "memcached",
  client: "memjs@1.3.2",
  connection: "connections/memcached.ts",
  rows: [
    { name: "memcached", start: startOne },
    { name: "memcached, two servers", start: startTwo },
    {
      name: "memcached, two servers, one of them down",
      start: startOneOfTwo,
      settings: [{}, { words: "failover: true", place: { failover: true } }],
    },
    { name: "twemproxy before memcached", start: startTwemproxy },
  ],
};
