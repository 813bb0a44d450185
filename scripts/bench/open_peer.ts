import { Effect } from "effect";
import type * as memoryPeers from "./memory_peers.ts";
import { loadLibrary, type LoadPeer, type MakePeer, type Peer } from "./peer.ts";
import type * as postgresPeers from "./postgres_peers.ts";
import type * as redisPeers from "./redis_peers.ts";

type Plain = keyof typeof memoryPeers | keyof typeof postgresPeers | keyof typeof redisPeers;

/** A cache by its name; this library as it was before, or one that speaks in promises, awaited in an effect. */
export type PeerName = Plain | `before:${Plain}` | `effect:${Plain}`;

/** Where Redis is, and how it is spoken to. */
export interface Redises {
  readonly url: string;
  readonly enableAutoPipelining?: boolean | undefined;
}

/** Where the server of a cache is; without one it is in memory. */
export interface Servers {
  readonly redis?: Redises | undefined;
  readonly postgres?: string | undefined;
}

/** What a cache is given. */
export interface PeerOptions extends Servers {
  /** How many entries it has room for; 10,000 by default. */
  readonly entries?: number;
}

/** Loads a cache by its name. */
export async function openPeer(
  name: PeerName,
  { redis, postgres, entries = 10_000 }: PeerOptions,
): Promise<MakePeer> {
  const [, prefix, plain] = /^(?:(before|effect):)?(\w+)$/.exec(name)!;
  const peers: Record<string, LoadPeer> = redis
    ? await import("./redis_peers.ts")
    : postgres
    ? await import("./postgres_peers.ts")
    : await import("./memory_peers.ts");
  const { Redis } = redis ? await import("ioredis") : {};
  const make = await peers[plain!]!({
    library: await loadLibrary(prefix === "before" ? "before" : "now"),
    entries,
    postgres,
    connect: () => {
      if (redis === undefined) {
        throw new Error(`Cannot connect "${name}" to Redis: it has no address`);
      }
      const { url, ...options } = redis;
      return new Redis!(url, options);
    },
  });
  return (source) => {
    const peer = make(source);
    if (prefix === "effect") return inEffect(peer);
    if (prefix === "before") return { ...peer, name: `${peer.name}, before` };
    return peer.promise && !redis && !postgres ? { ...peer, name: `${peer.name}, bare` } : peer;
  };
}

function inEffect({ name, promise, close }: Peer): Peer {
  const get = (key: string) => Effect.promise(() => promise!(key));
  return { name: `${name}, in Effect`, effect: get, ...close && { close } };
}
