import { Effect } from "effect";
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Cache, isCacheLockingError } from "../../mod.ts";
import { errorOf } from "../support/herd.ts";
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

describe("bad input is a VALIDATION_ERROR that names the option and the value", () => {
  const finite = "a finite duration that isn't negative, such as 500 (milliseconds) or '5 seconds'";
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
    ["coalesce", { ...good, coalesce: 1 }, option("coalesce", "true or false", "1")],
    ["ownerId", { ...good, ownerId: 1 }, option("ownerId", "a string", "1")],
    ["signal", { ...good, signal: {} }, option("signal", "an AbortSignal", "an object")],
    ["hooks", { ...good, hooks: 1 }, option("hooks", "an object of hooks", "1")],
    ["a hook", { ...good, hooks: { onHit: 1 } }, option("hooks.onHit", "a function", "1")],
    ["shouldCache", { ...good, shouldCache: true }, option("shouldCache", "a function", "true")],
    ["waitStrategy", { ...good, waitStrategy: 5 }, option("waitStrategy", "a function", "5")],
  ];
  for (const name of ["cacheTtl", "leaseTtl", "waitMax", "waitStep", "operationTimeout"]) {
    for (
      const [value, is] of [
        [-1, "-1"],
        [Number.NaN, "NaN"],
        [Infinity, "Infinity"],
        ["-5 seconds", '"-5 seconds"'],
        ["soon", '"soon"'],
        [{}, "an object"],
        [null, "null"],
        [true, "true"],
      ] as const
    ) cases.push([`${name}: ${is}`, { ...good, [name]: value }, option(name, finite, is)]);
  }
  for (const name of ["leaseTtl", "operationTimeout"]) {
    cases.push([
      `${name}: 0`,
      { ...good, [name]: 0 },
      option(name, "longer than zero, such as '5 seconds'", "0"),
    ]);
  }

  for (const [name, options, message] of cases) {
    it(name, async () => assert.equal(await refused(options), message));
  }

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
      "`cacheTtl` must return a finite duration, and returned NaN",
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
