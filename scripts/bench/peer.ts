import { Effect } from "effect";
import type { Redis } from "ioredis";
import process from "node:process";
import type { memoryAdapter } from "../../adapters/memory.ts";
import type { postgresAdapter } from "../../adapters/postgres.ts";
import type { redisAdapter } from "../../adapters/redis.ts";
import type { Cache } from "../../mod.ts";
import type { createCache } from "../../promise.ts";
import type { effectMetrics } from "../../src/metrics/mod.ts";

/** The source that a cache is in front of. */
export type Source = (key: string) => Promise<unknown>;

/** A cache of this process, which speaks in effects or in promises. */
export type Peer =
  & {
    readonly name: string;
    readonly close?: () => unknown;
    /** Asks for many keys at once; without it each is a call. */
    readonly many?: (keys: readonly string[]) => Promise<unknown>;
  }
  & (
    | {
      readonly effect: (key: string) => Effect.Effect<unknown, unknown>;
      readonly promise?: never;
    }
    | { readonly promise: (key: string) => Promise<unknown>; readonly effect?: never }
  );

/** Loads the packages of a cache. */
export type LoadPeer = (means: Means) => MakePeer | Promise<MakePeer>;

/** Makes a cache in front of a source. */
export type MakePeer = (source: Source) => Peer;

/** What a cache is made with. */
export interface Means {
  readonly library: Library;
  /** How many entries it has room for. */
  readonly entries: number;
  /** Opens a connection to Redis. */
  readonly connect: () => Redis;
  /** Where Postgres is. */
  readonly postgres: string | undefined;
}

/** One build of this library. */
export interface Library {
  readonly Cache: typeof Cache;
  readonly effectMetrics: typeof effectMetrics;
  readonly memoryAdapter: typeof memoryAdapter;
  readonly postgresAdapter: typeof postgresAdapter;
  readonly redisAdapter: typeof redisAdapter;
  /** The plain face, which older builds lack. */
  readonly createCache: typeof createCache;
}

/** The builds that a program may load: the files of the working tree, and those of an older commit. */
export type Build = "now" | "before";

/** Where the modules of each build are, by their subpaths: `./memory`. */
export type Builds = Readonly<Partial<Record<Build, Readonly<Record<string, string>>>>>;

/** Loads a build, whose address is in the environment. */
export async function loadLibrary(build: Build): Promise<Library> {
  const modules = (JSON.parse(process.env.BENCH_BUILDS!) as Builds)[build]!;
  const exported = await Promise.all(Object.values(modules).map((module) => import(module)));
  return Object.assign({}, ...exported);
}

/** A call of a peer: where it speaks in effects, with a run of its own. */
export function callOf({ effect, promise }: Peer): (key: string) => Promise<unknown> {
  return promise ?? ((key) => Effect.runPromise(effect!(key)));
}
