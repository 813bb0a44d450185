import * as arktype from "arktype";
import { Effect, Schema } from "effect";
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as v from "valibot";
import { z } from "zod";
import { Cache, type CacheLockingError, type Codec } from "../../mod.ts";
import { schemaCodec, type StandardSchema } from "../../src/store/schema_codec.ts";
import { mapBackend, mapStore } from "../adapters/kit/map_store.ts";
import { KEY } from "../support/herd.ts";

/** Of Effect 4, and of Effect 3. */
const { toStandardSchemaV1, standardSchemaV1 } = Schema as unknown as {
  readonly toStandardSchemaV1?: (schema: unknown) => StandardSchema;
  readonly standardSchemaV1?: (schema: unknown) => StandardSchema;
};
const ofEffect = (toStandardSchemaV1 ?? standardSchemaV1)!;

const schemas: Readonly<Record<string, StandardSchema>> = {
  zod: z.object({ name: z.string(), tags: z.array(z.string()) }),
  valibot: v.object({ name: v.string(), tags: v.array(v.string()) }),
  arktype: arktype.type({ name: "string", tags: "string[]" }),
  Effect: ofEffect(Schema.Struct({ name: Schema.String, tags: Schema.Array(Schema.String) })),
};
/** The same by a promise. */
const later = (schema: StandardSchema): StandardSchema => ({
  "~standard": {
    validate: (value) => Promise.resolve().then(() => schema["~standard"].validate(value)),
  },
});

const good = { name: "Ada", tags: ["a"] };
const SECRET = "s3cret";
const bad = { name: "Ada", tags: ["a", { [SECRET]: SECRET }] };

/** A cache over a store that holds a value of an older program, and what it reports. */
function cacheOver(codec: Codec, stored?: unknown) {
  const errors: CacheLockingError[] = [];
  const hooks = {
    onError: (error: CacheLockingError) => Effect.sync(() => void errors.push(error)),
  };
  const store = mapStore(mapBackend());
  const cache = Cache.make({ adapter: store, codec, hooks });
  const old = Cache.make({ adapter: store });
  const ready = Effect.runPromise(stored === undefined ? Effect.void : old.set(KEY, stored));
  return { cache, errors, ready };
}

const run = Effect.runPromise;
const fetcher = (value: unknown) => () => Effect.succeed(value);

for (const [name, schema] of Object.entries(schemas)) {
  for (const [kind, own] of [["", schema], [", by a promise", later(schema)]] as const) {
    describe(`a schema of ${name}${kind}`, () => {
      it("lets through what fits, for get, getOrSet and its hits", async () => {
        const { cache, errors, ready } = cacheOver(schemaCodec(own), good);
        await ready;
        const { value, meta } = await run(cache.getOrSet(KEY, fetcher("new")));
        assert.deepEqual([value, meta.cache, errors], [good, "HIT", []]);
        assert.deepEqual(await run(Effect.map(cache.get(KEY), ({ _tag }) => _tag)), "Some");
      });

      it("makes what doesn't fit a miss, which is reported by its path, and replaced", async () => {
        const { cache, errors, ready } = cacheOver(schemaCodec(own), bad);
        await ready;
        assert.equal((await run(cache.get(KEY)))._tag, "None");
        const { value, meta } = await run(cache.getOrSet(KEY, fetcher(good)));
        assert.deepEqual([value, meta.cache], [good, "MISS-LEADER"]);
        assert.equal((await run(cache.getOrSet(KEY, fetcher("new")))).meta.cache, "HIT");
        assert.equal(errors.length, 2);
        for (const { _tag, message } of errors) {
          assert.equal(_tag, "CACHE_GET_FAILED");
          assert.match(message, /the value doesn't fit the schema at tags\.1$/);
        }
      });
    });
  }
}

describe("a schema", () => {
  it("may change the value, for the caller that fetched, too", async () => {
    const schema = z.object({ since: z.coerce.date() });
    const { cache } = cacheOver(schemaCodec(schema));
    const since = new Date(0);
    const first = await run(cache.getOrSet(KEY, fetcher({ since, more: 1 })));
    assert.deepEqual(first.value, { since });
    assert.deepEqual((await run(cache.getOrSet(KEY, fetcher(1)))).value, { since });
  });

  it("by a promise leaves the caller that fetched its value", async () => {
    const schema = later(z.object({ since: z.coerce.date() }));
    const { cache } = cacheOver(schemaCodec(schema));
    const value = { since: new Date(0), more: 1 };
    assert.deepEqual((await run(cache.getOrSet(KEY, fetcher(value)))).value, value);
    const { value: again } = await run(cache.getOrSet(KEY, fetcher(1)));
    assert.deepEqual(again, { since: value.since });
  });

  it("stands over another codec", async () => {
    const pairs: Codec = {
      encode: (value) => JSON.stringify([...value as Map<string, string>]),
      decode: (bytes) => new Map(JSON.parse(new TextDecoder().decode(bytes))),
    };
    const { cache } = cacheOver(schemaCodec(z.map(z.string(), z.coerce.bigint()), pairs));
    await run(cache.set(KEY, new Map([["a", "1"]])));
    assert.deepEqual((await run(cache.getOrSet(KEY, fetcher(1)))).value, new Map([["a", 1n]]));
  });

  it("that throws or rejects makes an entry bad, and tells nothing of it", async () => {
    const throwing: StandardSchema = {
      "~standard": {
        validate() {
          throw new Error(SECRET);
        },
      },
    };
    for (
      const [schema, why] of [
        [throwing, "the schema threw"],
        [later(throwing), "the schema's promise was rejected"],
      ] as const
    ) {
      const { cache, errors, ready } = cacheOver(schemaCodec(schema), good);
      await ready;
      assert.deepEqual((await run(cache.getOrSet(KEY, fetcher("new")))).value, "new");
      assert.ok(errors[0]!.message.endsWith(why), errors[0]!.message);
    }
  });

  it("must be one", () => {
    const message = "Cannot use the schema: it must be one of Standard Schema, with `~standard`";
    for (const schema of [undefined, null, {}, { "~standard": {} }] as never[]) {
      assert.throws(() => schemaCodec(schema), { message });
    }
    assert.throws(() => schemaCodec(schemas.zod!, {} as never), /`codec` must have/);
  });

  it("names few paths, of few letters, and none for the value itself", async () => {
    const issues = [
      {},
      ...Array.from({ length: 9 }, (_, key) => ({ path: ["x".repeat(500), key] })),
    ];
    for (const [own, length] of [[[{}], 0], [issues, 114]] as const) {
      const schema: StandardSchema = { "~standard": { validate: () => ({ issues: own }) } };
      const { cache, errors, ready } = cacheOver(schemaCodec(schema), good);
      await ready;
      await run(cache.get(KEY));
      const [, where = ""] = errors[0]!.message.split("the value doesn't fit the schema");
      assert.ok(where.length <= length, where);
      assert.equal(where === "", length === 0);
    }
  });
});
