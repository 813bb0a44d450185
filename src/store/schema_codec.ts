/**
 * A codec that checks what it reads by a schema of [Standard Schema](https://standardschema.dev): of zod, valibot, arktype,
 * Effect and others. What another version of your program has stored and doesn't fit is a bad entry: it is reported, and is
 * a miss.
 *
 * @example
 * ```ts redis
 * import assert from "node:assert/strict";
 * import process from "node:process";
 * import { Redis } from "ioredis";
 * import { createCache } from "cache-locking/promise";
 * import { schemaCodec } from "cache-locking/schema";
 * import { z } from "zod";
 *
 * const User = z.object({ name: z.string(), since: z.coerce.date() });
 * const client = new Redis(process.env.REDIS_URL!);
 * const told: string[] = [];
 * const users = createCache({
 *   adapter: { type: "redis", options: { client } },
 *   codec: schemaCodec(User),
 *   hooks: { onError: (error) => void told.push(error.message) },
 * });
 *
 * await client.set("schema:42", JSON.stringify({ name: 42 }));
 * const user = await users.getOrSet("schema:42", () => ({ name: "Ada", since: new Date(0) }));
 * assert(user.since instanceof Date);
 * assert.match(told[0], /the value doesn't fit the schema at name, since$/);
 *
 * const again = await users.getOrSet("schema:42", () => ({ name: "Grace", since: new Date(1) }));
 * assert.deepEqual(again, user);
 * await users.delete("schema:42");
 * await client.quit();
 * ```
 *
 * @module
 */
import { type Codec, codecOf } from "./codec.ts";
import { isPromise } from "./is_promise.ts";

/** What is used of a [Standard Schema](https://standardschema.dev). */
export interface StandardSchema {
  /** The schema. */
  readonly "~standard": {
    /** Checks a value, at once or by a promise. */
    readonly validate: (value: unknown) => SchemaResult | PromiseLike<SchemaResult>;
  };
}

/** What a schema says of a value: another one for it, or what is wrong with it. */
export interface SchemaResult {
  /** The value to use, if there are no issues. */
  readonly value?: unknown;
  /** What is wrong with it. */
  readonly issues?: readonly SchemaIssue[] | undefined;
}

/** One thing that is wrong with a value. */
export interface SchemaIssue {
  /** Where it is. */
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

/** How many issues an error names. */
const MOST_ISSUES = 5;

/**
 * Makes a codec that has a schema check what another one has decoded; JSON by default. The value is what the schema answers,
 * so it may turn text into a `Date`. What is stored isn't checked: the types of your program do that, and what doesn't fit
 * is found when it is read.
 *
 * An error names the paths of what doesn't fit, and no value. The keys of a record are parts of paths.
 *
 * A schema may answer by a promise. Then the caller that fetched has its value as it was fetched. Memory keeps values as
 * they are, and uses no codec. Keep the codec in a constant: calls with different ones don't share a flight.
 */
export function schemaCodec(schema: StandardSchema, codec?: Codec): Codec {
  if (typeof schema?.["~standard"]?.validate !== "function") {
    throw new TypeError(
      "Cannot use the schema: it must be one of Standard Schema, with `~standard`",
    );
  }
  const inner = codecOf(codec);
  const check = (value: unknown) => {
    let result;
    try {
      result = schema["~standard"].validate(value);
    } catch {
      throw new TypeError("the schema threw");
    }
    return isPromise(result)
      ? result.then(valueOf as never, () => {
        throw new TypeError("the schema's promise was rejected");
      })
      : valueOf(result);
  };
  return {
    encode: (value) => inner.encode(value),
    decode(bytes) {
      const value = inner.decode(bytes);
      return isPromise(value) ? value.then(check) : check(value);
    },
  };
}

function valueOf({ value, issues }: SchemaResult): unknown {
  if (issues === undefined) return value;
  const paths = issues.map(pathOf).filter((path) => path !== "");
  const named = [...new Set(paths)].slice(0, MOST_ISSUES);
  const where = named.length === 0 ? "" : ` at ${named.join(", ")}`;
  throw new TypeError(`the value doesn't fit the schema${where}`);
}

function pathOf({ path = [] }: SchemaIssue): string {
  const keys = path.map((part) => String(typeof part === "object" ? part.key : part));
  return keys.join(".").slice(0, 100);
}
