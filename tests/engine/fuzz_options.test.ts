import { Effect } from "effect";
import fc from "fast-check";
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { cloudflareD1Adapter } from "../../adapters/cloudflare_d1.ts";
import { cloudflareKvAdapter } from "../../adapters/cloudflare_kv.ts";
import { dynamodbAdapter } from "../../adapters/dynamodb.ts";
import { memcachedAdapter } from "../../adapters/memcached.ts";
import { memoryAdapter } from "../../adapters/memory.ts";
import { mongodbAdapter } from "../../adapters/mongodb.ts";
import { postgresAdapter } from "../../adapters/postgres.ts";
import { r2Adapter } from "../../adapters/r2.ts";
import { redisAdapter } from "../../adapters/redis.ts";
import { s3Adapter } from "../../adapters/s3.ts";
import { Cache, isCacheLockingError, type Store } from "../../mod.ts";
import { flightsUnderWay } from "../../src/engine/flight.ts";
import { anything, revoked } from "../support/fuzz/inputs.ts";
import { holds, outcomeOf, type Told } from "../support/fuzz/judge.ts";
import { handWritten } from "../support/hand_written.ts";

type Any = Parameters<typeof Cache.getOrSet>[0];
type Options = Readonly<Record<string, unknown>>;

const fetcher = () => Effect.succeed("value");
const options = [
  "cacheTtl",
  "leaseTtl",
  "waitMax",
  "waitStep",
  "waitStrategy",
  "codec",
  "shouldCache",
  "takeovers",
  "ownerId",
  "signal",
  "leases",
  "coalesce",
  "onCacheFailure",
  "operationTimeout",
  "ttlJitter",
  "refreshAhead",
  "fetchTimeout",
  "staleWhileRevalidate",
  "staleIfError",
  "softTimeout",
  "errorBackoff",
  "abandonedFetch",
  "waitUntil",
  "hooks",
];
const clientOptions = [...options, "name", "metrics", "failures", "l1"];

function names(error: Told | undefined, option: string): void {
  if (error === undefined) return;
  const { message } = error;
  const own = option.split(".").at(-1);
  const about = [
    `\`${option}\``,
    `\`${option}.`,
    `"${option}.`,
    `\`${own}\``,
    "the options",
    '"key"',
    "`on",
  ];
  // Halves are an adapter, and may lack the other one.
  if (option === "adapter") about.push("`leases`");
  assert.ok(about.some((text) => message.includes(text)), `${message} doesn't name ${option}`);
}

describe("options of any kind, fuzzed", () => {
  it("are used, or named in a typed error, by Cache.getOrSet", () =>
    holds(
      fc.tuple(fc.constantFrom(...options, "key", "fetcher", "adapter"), anything),
      async ([option, value]) => {
        const store = memoryAdapter();
        const bad = { adapter: store, key: "key", fetcher, [option]: value } as Any;
        names((await outcomeOf(() => Cache.getOrSet(bad))).error, option);
        assert.equal(flightsUnderWay(store), 0);
        const again = await outcomeOf(() =>
          Cache.getOrSet({ adapter: store, key: "key", fetcher, waitMax: 0 })
        );
        assert.ok(again.error === undefined && again.value.meta.cache !== "MISS-FOLLOWER-FALLBACK");
      },
      500,
    ));

  it("are used, or named, by each call of a client and by its overrides", () =>
    holds(
      fc.tuple(fc.constantFrom(...clientOptions), anything),
      async ([option, value]) => {
        const good = Cache.make({ adapter: memoryAdapter(), hooks: {} });
        const overrides = { [option]: value };
        names((await outcomeOf(() => good.getOrSet("key", fetcher, overrides))).error, option);
        let bad;
        try {
          bad = Cache.make({ adapter: memoryAdapter(), ...overrides } as unknown as Any);
        } catch (error) {
          return names(error as Told, option);
        }
        for (
          const call of [
            () => bad.getOrSet("key", fetcher),
            () => bad.get("key"),
            () => bad.set("key", "value"),
            () => bad.delete("key"),
          ]
        ) names((await outcomeOf<unknown>(call)).error, option);
      },
      300,
    ));

  it("are refused where all of them are something else", () =>
    holds(anything, async (value) => {
      const good = Cache.make({ adapter: memoryAdapter() });
      await outcomeOf(() => Cache.getOrSet(value as Any));
      try {
        Cache.make(value as Any);
      } catch (error) {
        assert.ok(isCacheLockingError(error));
      }
      await outcomeOf(() => good.getOrSet("key", fetcher, value as Any));
      await outcomeOf(() => good.getOrSet("key", value as typeof fetcher));
      await outcomeOf(() => good.getOrSet(value as string, fetcher));
      await outcomeOf(() => good.set("key", "value", value as number));
    }, 200));

  it("may be objects that throw whatever is done to them", async () => {
    for (const option of [...options, "key", "fetcher", "adapter"]) {
      const bad = { adapter: memoryAdapter(), key: "key", fetcher, [option]: revoked() };
      const { error } = await outcomeOf(() => Cache.getOrSet(bad as unknown as Any));
      assert.equal(error?._tag, "VALIDATION_ERROR", option);
    }
  });

  it("are refused where hooks that override others are none", async () => {
    const cache = Cache.make({ adapter: "memory", hooks: {} });
    for (const hooks of [5, "onHit", null]) {
      const { error } = await outcomeOf(() =>
        cache.getOrSet("key", fetcher, { hooks: hooks as unknown as object })
      );
      assert.match(error?.message ?? "", /`hooks`/);
    }
  });

  it("answer with whatever they like, where they are halves", () =>
    holds(
      fc.tuple(
        fc.constantFrom("get", "set", "acquire", "release", "renew", "isReady", "markReady"),
        anything,
        fc.boolean(),
      ),
      async ([method, answer, isEffect]) => {
        const { cache, readyLeases } = handWritten(0);
        const odd = { [method]: () => isEffect ? Effect.succeed(answer) : answer };
        const adapter = {
          cache: { ...cache, ...odd },
          leases: { ...readyLeases, ...odd },
        } as unknown as Store<unknown>;
        const options = { adapter, key: "key", waitMax: 20, waitStep: 5, hooks: silent };
        names((await outcomeOf(() => Cache.getOrSet({ ...options, fetcher }))).error, method);
      },
      200,
    ));
});

const silent = { onError: () => Effect.void };
const call = { key: "key", fetcher, operationTimeout: 50, hooks: silent };
const noop = () => Promise.reject(new Error("no server"));
const db = { prepare: () => ({ bind: () => ({}) }), batch: noop };
const codec = { encode: String, decode: String };

/** What each adapter can be given, and of what it must refuse what is no such thing. */
const adapters: Readonly<Record<string, readonly [(options: never) => unknown, Options]>> = {
  memory: [memoryAdapter, { maxEntries: 5 }],
  redis: [redisAdapter, {
    client: {
      defineCommand(this: Record<string, unknown>, name: string) {
        this[`${name}Buffer`] = noop;
      },
      getBuffer: noop,
      pttl: noop,
      on() {},
      removeListener() {},
      duplicate: noop,
    },
    subscriber: undefined,
    cache: { keyPrefix: "a" },
    leases: { keyPrefix: "b" },
    codec,
  }],
  memcached: [memcachedAdapter, {
    client: { perform() {}, incrSeq() {}, server: () => null, seq: 1 },
    keyPrefix: "a",
    codec,
  }],
  postgres: [postgresAdapter, {
    sql: { unsafe: () => ({ raw: noop }), listen: noop },
    subscriber: false,
    table: "a",
    createTable: true,
    keyPrefix: "a",
    codec,
  }],
  mongodb: [mongodbAdapter, {
    collection: {
      findOne: noop,
      findOneAndUpdate: noop,
      updateOne: noop,
      deleteOne: noop,
      createIndex: noop,
    },
    createIndex: true,
    keyPrefix: "a",
    codec,
  }],
  dynamodb: [dynamodbAdapter, {
    client: { send: noop },
    table: "a",
    attributes: { key: "k", value: "v" },
    keyPrefix: "a",
    codec,
  }],
  s3: [s3Adapter, { client: { send: noop }, bucket: "a", keyPrefix: "a", codec }],
  r2: [r2Adapter, { client: { send: noop }, bucket: "a", keyPrefix: "a", codec }],
  "cloudflare-d1": [cloudflareD1Adapter, {
    db,
    table: "a",
    createTable: true,
    keyPrefix: "a",
    codec,
  }],
  "cloudflare-kv": [cloudflareKvAdapter, {
    kv: { getWithMetadata: noop, put: noop, delete: noop },
    leasesDb: db,
    leases: { table: "a", createTable: true },
    keyPrefix: "a",
    codec,
  }],
};

for (const [type, [adapter, good]] of Object.entries(adapters)) {
  describe(`${type}'s options, fuzzed`, () => {
    const nested = Object.entries(good).flatMap(([option, value]) =>
      ["cache", "leases", "attributes"].includes(option)
        ? Object.keys(value as object).map((name) => [option, name] as const)
        : []
    );
    const paths = [...Object.keys(good).map((option) => [option] as const), ...nested];
    const withBad = (path: readonly string[], value: unknown) => {
      const [option, name] = path as [string, string?];
      const bad = name === undefined ? value : { ...good[option] as object, [name]: value };
      return { ...good, [option]: bad };
    };

    it("are used, or named by a TypeError", () =>
      holds(fc.tuple(fc.constantFrom(...paths), anything), ([path, value]) => {
        try {
          adapter(withBad(path, value) as never);
        } catch (error) {
          assert.ok(error instanceof TypeError);
          assert.ok(
            path.some((option) => new RegExp(`\\b${option}[.\`]`).test(error.message)) ||
              error.message.startsWith("`bucket`"),
            `${path}: ${error.message}`,
          );
        }
        return Promise.resolve();
      }, 300));

    it("are used, or named by a typed error, in a config", () =>
      holds(fc.tuple(fc.constantFrom(...paths), anything), async ([path, value]) => {
        const config = { type, options: withBad(path, value) };
        const { error } = await outcomeOf(() =>
          Cache.getOrSet({ adapter: config as never, ...call })
        );
        if (error) names(error, path.join("."));
      }, 50));

    if ("codec" in good) {
      it("name a codec that returns neither text nor bytes", () =>
        holds(
          anything.filter((value) => typeof value !== "string" && !(value instanceof Uint8Array)),
          async (encoded) => {
            const odd = { ...good, codec: { ...codec, encode: () => encoded } };
            const cache = Cache.make({ adapter: adapter(odd as never) as Store<unknown> });
            const { error } = await outcomeOf(() => cache.set("key", "value"));
            assert.match(error?.message ?? "", /"key": the codec must return text or bytes/);
          },
          50,
        ));
    }

    it("may be something else", () =>
      holds(anything, async (value) => {
        try {
          adapter(value as never);
        } catch (error) {
          assert.ok(error instanceof TypeError);
        }
        const config = { type, options: value } as never;
        const { error } = await outcomeOf(() => Cache.getOrSet({ adapter: config, ...call }));
        if (error) names(error, "adapter");
      }, 50));
  });
}
