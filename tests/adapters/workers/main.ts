/** A Worker that runs the conformance suites over its bindings, and calls the library as requests do. */
import { Effect } from "effect";
import { cloudflareD1Adapter } from "../../../adapters/cloudflare_d1.ts";
import { cloudflareKvAdapter } from "../../../adapters/cloudflare_kv.ts";

import type { Store } from "../../../mod.ts";
import { Cache } from "../../../adapters/workers/mod.ts";
import { r2Adapter } from "../../../adapters/workers/r2.ts";
import { type Backend, conformance } from "../../conformance/mod.ts";
import { type Bindings as CheckedBindings, checks } from "./checks.ts";
import { damagedRows } from "../../support/damaged_rows.ts";
import { damagedKv, runOn } from "./damage.ts";
import { damagedObjects } from "../../support/damaged_objects.ts";
import { fuzzed, runFuzz } from "./fuzz.ts";
import "../../support/every_error.ts";

interface Bindings extends CheckedBindings {
  /** This Worker, as others call it. */
  readonly SELF: { fetch(url: string, init: RequestInit): Promise<Response> };
}

interface Context {
  waitUntil(promise: Promise<unknown>): void;
}

/** The adapters as the suites have them, by name. */
function adaptersOf(
  { DB: db, KV: kv, BUCKET: bucket }: Bindings,
): Record<string, () => Store<unknown>> {
  return {
    "cloudflare-d1": () => cloudflareD1Adapter({ db }),
    "cloudflare-kv": () => cloudflareKvAdapter({ kv, leasesDb: db }),
    "r2": () => r2Adapter({ bucket }),
  };
}

function backendsOf(bindings: Bindings): Record<string, Backend> {
  const { DB: db, KV: kv, BUCKET: bucket } = bindings;
  const adapters = adaptersOf(bindings);
  // Each a store of its own, with flights of its own, as another process has it.
  const open = (name: string) => Effect.sync(() => ({ ...adapters[name]!() }));
  const shared = { gaps: { push: "it has none" }, pace: 1000 };
  const rows = (table: string) => (key: string) =>
    Effect.promise(async () => {
      const sql = `SELECT * FROM ${table} WHERE key = ?1 AND ` +
        "(kept_until IS NULL OR kept_until > unixepoch('subsec') * 1000)";
      return (await db.prepare(sql).bind(key).all()).results;
    });
  return {
    "cloudflare-d1": {
      ...shared,
      open: open("cloudflare-d1"),
      leftovers: rows("cache_locking"),
      damage: damagedRows(runOn(db), "cache_locking"),
    },
    "cloudflare-kv": {
      ...shared,
      open: open("cloudflare-kv"),
      gaps: { ...shared.gaps, clocks: "an entry's time to live is kept by the Workers' own clock" },
      damage: damagedKv(kv, db, "cache_locking_kv"),
      leftovers: (key) =>
        Effect.flatMap(rows("cache_locking_kv")(key), (left) =>
          Effect.promise(async () => {
            const { value, metadata } = await kv.getWithMetadata<{ expiresAt: number }>(key);
            const fresh = value !== null && (metadata?.expiresAt ?? Infinity) > Date.now();
            return fresh ? [...left, value] : left;
          })),
    },
    "r2": {
      ...shared,
      open: open("r2"),
      gaps: {
        ...shared.gaps,
        expiry: "R2 can't be asked for its time",
        clocks: "how old an object is, is told by the Workers' own clock",
      },
      damage: damagedObjects((key, body) => bucket.put(key, body)),
      // What is over stays until it is written over.
      leftovers: (key) =>
        Effect.promise(async () => {
          const text = await (await bucket.get(key))?.text();
          if (text === undefined) return [];
          const { at, ttl = Infinity } = JSON.parse(text.slice(text.indexOf("{")).split("\n")[0]!);
          return at + ttl <= Date.now() ? [] : [text];
        }),
    },
  };
}

/** How many fetches of which stale key have begun, in all requests. */
const fetchesOf = new Map<string, number>();

let unhandled: unknown;
addEventListener("unhandledrejection", (event: { readonly reason?: unknown }) => {
  unhandled ??= event.reason;
});

/** What was wrong, as text: why a test has failed, or the first rejection that nobody has handled so far. */
function faultOf(test: Promise<unknown>): Promise<string> {
  return test.then(() => unhandled === undefined ? "" : `unhandled: ${unhandled}`, String);
}

export default {
  async fetch(request: Request, bindings: Bindings, context: Context): Promise<Response> {
    const [, what, name = "", argument = ""] = new URL(request.url).pathname.split("/");
    const backends = backendsOf(bindings);
    switch (what) {
      case "cases": {
        return Response.json(
          Object.entries(backends).flatMap(([backend, description]) =>
            conformance(description).map(({ run: _, ...rest }) => ({ backend, ...rest }))
          ),
        );
      }
      case "checks":
        return Response.json(Object.keys(checks));
      case "check": {
        const check = checks[decodeURIComponent(name)]!;
        return new Response(await faultOf(check(bindings)));
      }
      case "fuzzes":
        return Response.json(
          fuzzed.map(({ backend, property }) => `${backend} ${property.name}`),
        );
      case "fuzz":
        return new Response(await faultOf(runFuzz(Number(name), bindings)));
      case "run": {
        const { run } = conformance(backends[name]!)[Number(argument)]!;
        return new Response(await faultOf(run()));
      }
      case "get":
      case "hang": {
        const cache = Cache.make({
          adapter: adaptersOf(bindings)[name]!(),
          waitUntil: (work) => context.waitUntil(work),
        });
        let fetches = 0;
        const fetcher = () =>
          Effect.as(Effect.sleep(what === "hang" ? "1 minute" : 300), ++fetches);
        const call = cache.getOrSet(argument, fetcher, {
          signal: request.signal,
          waitMax: "1 minute",
        });
        const { meta } = await Effect.runPromise(call);
        return Response.json({ fetches, outcome: meta.cache });
      }
      case "stale":
      case "expire": {
        const cache = Cache.make({
          adapter: adaptersOf(bindings)[name]!(),
          cacheTtl: "1 hour",
          staleWhileRevalidate: "1 hour",
          waitUntil: (work) => context.waitUntil(work),
        });
        if (what === "expire") {
          await Effect.runPromise(cache.expire(argument));
          return new Response("expired");
        }
        const fetcher = () =>
          Effect.suspend(() => {
            const number = (fetchesOf.get(argument) ?? 0) + 1;
            fetchesOf.set(argument, number);
            return Effect.as(Effect.sleep(300), `fetch ${number}`);
          });
        const { value, meta } = await Effect.runPromise(cache.getOrSet(argument, fetcher));
        return Response.json({
          value,
          outcome: meta.cache,
          fetches: fetchesOf.get(argument) ?? 0,
        });
      }
      case "cancel": {
        const store = adaptersOf(bindings)[name]!();
        const request = () => {
          const controller = new AbortController();
          const url = `http://workers/hang/${name}/${argument}`;
          const over = bindings.SELF.fetch(url, { signal: controller.signal }).catch(() => {});
          return async () => {
            controller.abort();
            await over;
          };
        };
        /** Whether the lease is held, once it is as awaited or that takes too long. */
        const lease = async (awaited: "held" | "free") => {
          for (let look = 0;; look++) {
            const acquiring = store.acquire(argument, "observer", 1);
            const { _tag } = await Effect.runPromise(acquiring);
            const found = _tag === "Follower" ? "held" : "free";
            if (found === awaited || look === 100) return found;
            await Effect.runPromise(Effect.sleep(20));
          }
        };
        const cancelLeader = request();
        const found = [await lease("held")];
        const cancelFollower = request();
        await Effect.runPromise(Effect.sleep(300));
        await cancelFollower();
        await Effect.runPromise(Effect.sleep(100));
        found.push(await lease("held"));
        await cancelLeader();
        found.push(await lease("free"));
        return new Response(found.join(", "));
      }
      default:
        return new Response("no such page", { status: 404 });
    }
  },
};
