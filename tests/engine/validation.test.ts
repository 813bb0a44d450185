import { Effect } from "effect";
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Cache, isCacheLockingError } from "../../mod.ts";
import { createCache } from "../../promise.ts";
import { quoted } from "../../src/model/describe.ts";
import { errorOf } from "../support/herd.ts";
import { otherEffect } from "../support/other_effect.ts";
import { simulate } from "../support/simulation.ts";

const good = { adapter: "memory", key: "validation", fetcher: () => Effect.succeed(1) } as const;

/** What a caller without types passes, and what it is told. */
async function refused(options: unknown): Promise<string> {
  const call = Effect.suspend(() => Cache.getOrSet(options as typeof good));
  const error = await simulate().run(errorOf(call));
  assert.ok(isCacheLockingError(error), `no error for ${String(options)}`);
  assert.equal(error._tag, "VALIDATION_ERROR");
  return error.message;
}

const without = (name: keyof typeof good) => {
  const { [name]: _, ...rest } = good;
  return rest;
};

const finite =
  "a duration that isn't negative, such as 500 (milliseconds), '5 seconds' or { minutes: 5 }";
const adapter =
  "'memory', a config `{ type, options }` of a known type, an adapter, or halves `{ cache, leases }`";
const option = (name: string, must: string, is: string) =>
  `Cannot use the option \`${name}\`: it must be ${must}, and is ${is}`;
const get = () => Effect.succeed(null);
const set = () => Effect.void;

const cases: [string, unknown, string][] = [
  ["no options", undefined, "Cannot use the options: they must be an object, and are undefined"],
  ["null", null, "Cannot use the options: they must be an object, and are null"],
  ...["waitMax", "key", "fetcher"].map((name): [string, unknown, string] => [
    `a getter of ${name} that throws`,
    Object.defineProperty({ ...good }, name, { get: bug, enumerable: true }),
    "Cannot use the options: reading them threw",
  ]),
  ["text", "memory", 'Cannot use the options: they must be an object, and are "memory"'],
  ["no adapter", without("adapter"), option("adapter", adapter, "undefined")],
  ["an unknown adapter", { ...good, adapter: "disk" }, option("adapter", adapter, '"disk"')],
  [
    "an unknown type",
    { ...good, adapter: { type: "disk" } },
    option("adapter", adapter, '"disk"'),
  ],
  [
    "a type of Object.prototype",
    { ...good, adapter: { type: "constructor" } },
    option("adapter", adapter, '"constructor"'),
  ],
  [
    "a client for an adapter, which has a method of this name",
    { ...good, adapter: { type: () => {} } },
    option("adapter", adapter, "an object"),
  ],
  [
    "an unknown adapter option",
    { ...good, adapter: { type: "memory", options: { maxEntry: 5 } } },
    'Cannot use the option `adapter`: it has no option "maxEntry"; the nearest is `maxEntries`',
  ],
  [
    "a bad adapter option",
    { ...good, adapter: { type: "memory", options: { maxEntries: 0 } } },
    "Cannot use the option `adapter`: `maxEntries` must be a positive integer, and is 0",
  ],
  [
    "no fetcher",
    without("fetcher"),
    option("fetcher", "a function that returns an Effect", "undefined"),
  ],
  [
    "an Effect as fetcher",
    { ...good, fetcher: Effect.succeed(1) },
    option("fetcher", "a function that returns an Effect", "an object"),
  ],
  [
    "a fetcher that returns a promise",
    { ...good, fetcher: () => Promise.resolve(1) },
    'Cannot run the fetcher for "validation": it must return an Effect, and returned a promise',
  ],
  [
    "a fetcher of another version of effect",
    { ...good, fetcher: () => otherEffect.effect },
    'Cannot run the fetcher for "validation": it must return an Effect, and returned an object made by another copy or version of effect',
  ],
  [
    "an Effect of another version as fetcher",
    { ...good, fetcher: otherEffect.effect },
    option(
      "fetcher",
      "a function that returns an Effect",
      "an object made by another copy or version of effect",
    ),
  ],
  [
    "a fetcher that returns nothing",
    { ...good, fetcher: () => {} },
    'Cannot run the fetcher for "validation": it must return an Effect, and returned undefined',
  ],
  [
    "an empty key",
    { ...good, key: "" },
    option("key", "a non-empty string of at most 64 kB", '""'),
  ],
  ["no key", without("key"), option("key", "a non-empty string of at most 64 kB", "undefined")],
  [
    "a number as key",
    { ...good, key: 42 },
    option("key", "a non-empty string of at most 64 kB", "42"),
  ],
  [
    "halves without leases",
    { ...good, adapter: { cache: { get, set } } },
    option("leases", "a leases half, as the adapter keeps no leases", "undefined"),
  ],
  [
    "leases without acquire",
    { ...good, adapter: { cache: { get, set }, leases: { release: set } } },
    option("adapter.leases", "a leases half with `acquire` and `release`", "an object"),
  ],
  [
    "the option leases without acquire",
    { ...good, leases: {} },
    option("leases", "a leases half with `acquire` and `release`", "an object"),
  ],
  [
    "a cache half without set",
    { ...good, adapter: { cache: { get } } },
    option("adapter.cache", "a cache half with `get` and `set`", "an object"),
  ],
  [
    "takeovers: -1",
    { ...good, takeovers: -1 },
    option("takeovers", "a whole number from 0", "-1"),
  ],
  [
    "takeovers: 1.5",
    { ...good, takeovers: 1.5 },
    option("takeovers", "a whole number from 0", "1.5"),
  ],
  [
    "onCacheFailure",
    { ...good, onCacheFailure: "no" },
    option("onCacheFailure", "'fail' or 'bypass'", '"no"'),
  ],
  [
    "abandonedFetch",
    { ...good, abandonedFetch: true },
    option("abandonedFetch", "'interrupt' or 'finish'", "true"),
  ],
  ["coalesce", { ...good, coalesce: 1 }, option("coalesce", "true or false", "1")],
  ["ownerId", { ...good, ownerId: 1 }, option("ownerId", "a string", "1")],
  ["signal", { ...good, signal: {} }, option("signal", "an AbortSignal", "an object")],
  ["hooks", { ...good, hooks: 1 }, option("hooks", "an object of hooks", "1")],
  ["a hook", { ...good, hooks: { onHit: 1 } }, option("hooks.onHit", "a function", "1")],
  ["shouldCache", { ...good, shouldCache: true }, option("shouldCache", "a function", "true")],
  ...([[-0.1, "-0.1"], [1.1, "1.1"], [NaN, "NaN"], ["0.1", '"0.1"'], [null, "null"], [
    1n,
    "1n",
  ]] as const)
    .map(([ttlJitter, is]): [string, unknown, string] => [
      `ttlJitter: ${is}`,
      { ...good, ttlJitter },
      option("ttlJitter", "a number from 0 to 1", is),
    ]),
  ...([
    [0, "0"],
    [1, "1"],
    [NaN, "NaN"],
    ["0.8", '"0.8"'],
    [null, "null"],
    [{}, "an object"],
    [{ beta: 0 }, "an object"],
    [{ beta: Infinity }, "an object"],
    [{ beta: "1" }, "an object"],
    [{ beta: 1, delta: 1 }, "an object"],
  ] as const)
    .map(([refreshAhead, is]): [string, unknown, string] => [
      `refreshAhead: ${JSON.stringify(refreshAhead)}`,
      { ...good, refreshAhead },
      option("refreshAhead", "a number between 0 and 1, or `{ beta }` with one above 0", is),
    ]),
  ["waitStrategy", { ...good, waitStrategy: 5 }, option("waitStrategy", "a function", "5")],
];
describe("bad input is a VALIDATION_ERROR that names the option and the value", () => {
  const durations = [
    "cacheTtl",
    "staleWhileRevalidate",
    "staleIfError",
    "softTimeout",
    "errorBackoff",
    "leaseTtl",
    "waitMax",
    "fetchTimeout",
    "waitStep",
    "operationTimeout",
  ];
  for (const name of durations) {
    for (
      const [value, is] of [
        [-1, "-1"],
        [Number.NaN, "NaN"],
        ["-5 seconds", '"-5 seconds"'],
        ["soon", '"soon"'],
        [{}, "an object"],
        [{ seconds: -5 }, "an object"],
        [{ seconds: "5" }, "an object"],
        [{ fortnights: 1 }, "an object"],
        [otherEffect.duration, "an object made by another copy or version of effect"],
        [null, "null"],
        [true, "true"],
      ] as const
    ) cases.push([`${name}: ${is}`, { ...good, [name]: value }, option(name, finite, is)]);
  }
  cases.push([
    "leaseTtl: Infinity",
    { ...good, leaseTtl: Infinity },
    option("leaseTtl", "at most 30 days, as nobody else ends a dead leader's lease", "Infinity"),
  ]);
  for (
    const [name, nearest] of [
      ["ttl", "cacheTtl"],
      ["TTL", "cacheTtl"],
      ["timeout", "softTimeout"],
      ["maxWait", "waitMax"],
      ["cacheTTL", "cacheTtl"],
      ["onError", "hooks.onError"],
      ["fetch", "fetcher"],
      ["", "cacheTtl"],
      ["\u202e".repeat(1e5), "cacheTtl"],
    ] as const
  ) {
    cases.push([
      `an unknown option: ${name.slice(0, 50)}`,
      { ...good, [name]: 1 },
      `Cannot use the option ${quoted(name)}: there is none; the nearest is \`${nearest}\``,
    ]);
  }
  cases.push([
    "an unknown hook",
    { ...good, hooks: { onMiss: () => Effect.void } },
    'Cannot use the option "hooks.onMiss": there is none; the nearest is `hooks.onHit`',
  ]);
  for (const name of ["leaseTtl", "fetchTimeout", "operationTimeout"]) {
    cases.push([
      `${name}: 0`,
      { ...good, [name]: 0 },
      option(name, "longer than zero, such as '5 seconds'", "0"),
    ]);
  }

  for (const [name, options, message] of cases) {
    it(name, async () => assert.equal(await refused(options), message));
  }

  it("an option of a client alone, which a call doesn't have", () => {
    const name = "a non-empty string";
    const metrics = "metrics with `observe`, of cache-locking/metrics";
    for (
      const [options, message] of [
        [{ name: 1 }, option("name", name, "1")],
        [{ name: "" }, option("name", name, '""')],
        [{ metrics: {} }, option("metrics", metrics, "an object")],
      ] as const
    ) {
      const bad = { adapter: "memory", ...options } as never;
      assert.throws(() => Cache.make(bad), { message });
      assert.throws(() => createCache(bad), { message });
    }
  });

  it("an unknown option of a client, and of its call", async () => {
    const known = { adapter: "memory" } as const;
    const message = 'Cannot use the option "ttl": there is none; the nearest is `cacheTtl`';
    const options = { ttl: 5 } as object;
    assert.throws(() => Cache.make({ ...known, ...options }), { message });
    const { key, fetcher } = good;
    const error = await simulate().run(errorOf(Cache.make(known).getOrSet(key, fetcher, options)));
    assert.equal((error as Error).message, message);
    assert.throws(() => Cache.make({ ...known, key, fetcher } as typeof known), /"key"/);
  });

  it("an option of a client in a call", async () => {
    const { key, fetcher } = good;
    const codec = { encode: String, decode: String };
    for (
      const own of [{ l1: { ttl: 5 } }, { failures: { codec } }, { name: "a" }, { leases: {} }]
    ) {
      const [name] = Object.keys(own);
      const call = Cache.make({ adapter: "memory" }).getOrSet(key, fetcher, own as object);
      assert.equal(
        (await simulate().run(errorOf(call)) as Error).message,
        `Cannot use the option \`${name}\`: calls have none`,
      );
      const ofPromises = createCache({ adapter: "memory" }).getOrSet(key, () => 1, own as object);
      await assert.rejects(ofPromises, /calls have none/);
    }
  });

  it("a getter of an override that throws", async () => {
    const overrides = Object.defineProperty({}, "waitMax", { get: bug, enumerable: true });
    const cache = Cache.make({ adapter: "memory" });
    const call = Effect.suspend(() => cache.getOrSet(good.key, good.fetcher, overrides));
    const error = await simulate().run(errorOf(call));
    assert.ok(isCacheLockingError(error) && error._tag === "VALIDATION_ERROR");
    assert.equal(error.message, "Cannot use the options: reading them threw");
  });

  const broken: [string, object, string][] = [
    ["a cacheTtl that throws", { cacheTtl: bug }, "`cacheTtl` threw"],
    [
      "a cacheTtl that returns NaN",
      { cacheTtl: () => Number.NaN },
      "`cacheTtl` must return a duration, and returned NaN",
    ],
    ["a shouldCache that throws", { shouldCache: bug }, "`shouldCache` threw"],
  ];
  for (const [name, options, problem] of broken) {
    it(name, async () => {
      const adapter = { type: "memory" };
      const message = await refused({ ...good, adapter, ...options });
      assert.equal(message, `Cannot store the value of "validation": ${problem}`);
      // No lease is left, so that the next caller leads.
      const { meta } = await simulate().run(Cache.getOrSet({ ...good, adapter: adapter as never }));
      assert.equal(meta.cache, "MISS-LEADER");
    });
  }

  it("a fetcher that throws or dies is FETCHER_FAILED", async () => {
    for (const fetcher of [bug, () => Effect.sync(bug)]) {
      const adapter = { type: "memory" } as const;
      const error = await simulate().run(errorOf(Cache.getOrSet({ ...good, adapter, fetcher })));
      assert.ok(isCacheLockingError(error) && error._tag === "FETCHER_FAILED");
      assert.equal(error.message, 'Cannot run the fetcher for "validation": it threw');
      assert.ok(error.cause instanceof Error && error.cause.message === "a bug");
    }
  });
});

function bug(): never {
  throw new Error("a bug");
}
