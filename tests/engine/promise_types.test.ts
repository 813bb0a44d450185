import assert from "node:assert/strict";
import { it } from "node:test";
import { memoryAdapter } from "../../adapters/memory.ts";
import type { CallOptions as EffectOptions } from "../../mod.ts";
import {
  type AdapterConfig,
  type CacheEntry,
  CacheLockingError,
  type CacheLockingErrorCode,
  type CallOptions,
  createCache,
  type GetOrSetResult,
  type ManyResults,
} from "../../promise.ts";

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends (<T>() => T extends B ? 1 : 2) ? true
  : false;

/** Compiles only where the value has exactly this type. */
function hasType<A>() {
  return <B>(value: B, ..._same: Equal<A, B> extends true ? [] : [["it is", B]]): B => value;
}

interface User {
  readonly name: string;
}

declare const findUser: (id: string) => Promise<User>;
declare const config: AdapterConfig;

/** Never run: the compiler is the test. */
export async function types() {
  const cache = createCache({ adapter: config, cacheTtl: { minutes: 5 } });
  createCache({ adapter: memoryAdapter<User>() });

  hasType<User>()(await cache.getOrSet("k", () => findUser("42")));
  hasType<number>()(await cache.getOrSet("k", () => 1));
  hasType<GetOrSetResult<User>>()(await cache.getOrSetResult("k", ({ key }) => findUser(key)));
  createCache({ adapter: "memory", staleIfError: "1 day", softTimeout: { seconds: 1 } });
  // @ts-expect-error: it is a duration
  createCache({ adapter: "memory", softTimeout: true });
  createCache({ adapter: "memory", refreshAhead: 0.8 });
  createCache({ adapter: "memory", refreshAhead: { beta: 1 } });
  // @ts-expect-error: chance is told by `beta`
  createCache({ adapter: "memory", refreshAhead: { delta: 1 } });
  hasType<User>()(await cache.refresh("k", () => findUser("42"), { waitMax: 1 }));
  hasType<User | undefined>()(await cache.get<User>("k"));
  hasType<unknown>()(await cache.get("k"));
  hasType<CacheEntry<User> | undefined>()(await cache.getEntry<User>("k"));
  const wrapped = cache.wrap((id: string, tenant = 1) => findUser(`${tenant}:${id}`), {
    key: (id, tenant) => `${tenant}:${id}`,
    shouldCache: ({ name }) => name !== "",
  });
  hasType<User>()(await wrapped("42"));
  hasType<User>()(await wrapped("42", 7));
  await cache.getOrSet("k", () => findUser("42"), {
    cacheTtl: ({ name }) => `${name.length} seconds`,
    shouldCache: ({ name }) => name !== "",
    waitStrategy: ({ attempt, waitStep }) => attempt * waitStep,
    signal: AbortSignal.timeout(1000),
    hooks: {
      onLeader: async ({ name }, { leaseUntil, cached }) => await [name, leaseUntil, cached],
      onFallback: (_user, { waited }) => hasType<number>()(waited),
      onError: ({ code, context }) => hasType<CacheLockingErrorCode>()(code) + context.phase,
    },
  });

  const users: readonly { readonly id: number }[] = [];
  const key = ({ id }: { readonly id: number }) => `user:${id}`;
  const byId = await cache.getOrSetMany(
    users,
    ({ keys }) => Promise.resolve(new Map(keys.map((user) => [user, user.id]))),
    { key, maxBatch: 10, absent: { value: 0, ttl: "1 minute" } },
  );
  hasType<ManyResults<{ readonly id: number }, number>>()(byId);
  hasType<ReadonlyMap<string, User>>()(
    await cache.getOrSetAll(["a", "b"], async ({ keys }) => {
      hasType<readonly string[]>()(keys);
      return new Map([["a", await findUser("a")]]);
    }),
  );
  hasType<ReadonlyMap<string, User>>()(await cache.getMany<User>(["a"]));
  hasType<ReadonlyMap<{ readonly id: number }, unknown>>()(await cache.getMany(users, { key }));
  await cache.setMany(new Map([[1, "one"]]), { key: (id) => id.toFixed(), ttl: { minutes: 1 } });
  await cache.deleteMany(new Set(["a"]));
  // @ts-expect-error: keys that are no strings need names.
  await cache.getOrSetMany(users, () => new Map([[users[0]!, 1]]));
  // @ts-expect-error: keys that are no strings need names.
  await cache.getMany(users);
  // @ts-expect-error: the fetcher returns no map.
  await cache.getOrSetMany(["a"], () => ["Ada"]);

  const error: unknown = new Error();
  if (error instanceof CacheLockingError) {
    hasType<CacheLockingErrorCode>()(error.code);
    hasType<string | undefined>()(error.context.key);
  }

  // @ts-expect-error: its arguments are those of the function.
  await wrapped(42);
  // @ts-expect-error: there is no such adapter.
  createCache({ adapter: "disk" });
  // @ts-expect-error: an adapter must be given.
  createCache({});
  // @ts-expect-error: it has no such option.
  createCache({ adapter: "memory", ttl: 1 });
  // @ts-expect-error: there is no such unit.
  createCache({ adapter: "memory", cacheTtl: "5 fortnights" });
  // @ts-expect-error: a key is text.
  await cache.getOrSet(42, () => 1);
  // @ts-expect-error: the value has no such field.
  await cache.getOrSet("k", () => findUser("42"), { shouldCache: ({ age }) => age > 1 });
  // @ts-expect-error: only the library makes such errors.
  new CacheLockingError("made by hand");
}

type Options = Exclude<keyof CallOptions<unknown>, "hooks">;

it("the plain face has the options of the other one", () => {
  const same: Equal<Options, keyof EffectOptions<unknown>> = true;
  assert.ok(same);
});
