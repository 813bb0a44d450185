import { Effect } from "effect";
import assert from "node:assert/strict";
import { it } from "node:test";
import {
  type AdapterConfig,
  Cache,
  type CacheLockingError,
  formatCacheLockingError,
  type GetOrSetResult,
  type ManyResults,
  matchCacheLockingError,
  type Store,
} from "../../mod.ts";

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends (<T>() => T extends B ? 1 : 2) ? true
  : false;

/** Compiles only where the effect has exactly this type. */
function hasType<A, E, R>() {
  return <E2 extends Effect.Effect<unknown, unknown, unknown>>(
    effect: E2,
    ..._same: E2 extends Effect.Effect<infer A3, infer E3, infer R3>
      ? Equal<[A3, E3, R3], [A, E, R]> extends true ? [] : [["it is", A3, E3, R3]]
      : never
  ): E2 => effect;
}

class FetchError {
  readonly _tag = "FetchError";
}
interface HookError {
  readonly _tag: "HookError";
}
interface OtherHookError {
  readonly _tag: "OtherHookError";
}
interface Database {
  readonly query: Effect.Effect<number, FetchError>;
}
interface Metrics {
  readonly count: Effect.Effect<void, HookError>;
}

declare const fetchUser: Effect.Effect<{ readonly name: string }, FetchError, Database>;
declare const countHit: Effect.Effect<void, HookError, Metrics>;
declare const otherHook: Effect.Effect<void, OtherHookError>;
declare const store: Store<string>;
type User = { readonly name: string };

/** Never run: the compiler is the test. */
export function types() {
  hasType<GetOrSetResult<number>, CacheLockingError, never>()(
    Cache.getOrSet({ adapter: "memory", key: "k", fetcher: () => Effect.succeed(1) }),
  );

  hasType<GetOrSetResult<User>, FetchError | CacheLockingError, Database>()(
    Cache.getOrSet({ adapter: "memory", key: "k", fetcher: () => fetchUser }),
  );

  // A fetch has a scope of its own.
  const opened = Effect.acquireRelease(fetchUser, () => Effect.void);
  hasType<GetOrSetResult<User>, FetchError | CacheLockingError, Database>()(
    Cache.getOrSet({ adapter: "memory", key: "k", fetcher: () => opened }),
  );
  hasType<GetOrSetResult<User>, FetchError | CacheLockingError, Database>()(
    Cache.make({ adapter: "memory" }).getOrSet("k", () => opened),
  );

  hasType<
    GetOrSetResult<User>,
    FetchError | HookError | OtherHookError | CacheLockingError,
    Database | Metrics
  >()(
    Cache.getOrSet({
      adapter: "memory",
      key: "k",
      fetcher: ({ key, signal }) => {
        const _context: [string, AbortSignal] = [key, signal];
        return fetchUser;
      },
      cacheTtl: (user) => user.name === "" ? 0 : "1 minute",
      shouldCache: (user) => user.name !== "",
      hooks: {
        onHit: (user, { key }) => {
          const _hit: [string, string] = [user.name, key];
          return countHit;
        },
        onLeader: (user, { leaseUntil, cached }) => {
          const _led: [string, number, boolean] = [user.name, leaseUntil, cached];
          return otherHook;
        },
        onError: (error) => Effect.log(error._tag),
      },
    }),
  );

  const client = Cache.make({
    adapter: { type: "memory" },
    softTimeout: "100 millis",
    hooks: { onHit: () => countHit },
  });
  hasType<GetOrSetResult<User>, FetchError | HookError | CacheLockingError, Database | Metrics>()(
    client.getOrSet("k", () => fetchUser),
  );
  hasType<
    GetOrSetResult<User>,
    FetchError | HookError | OtherHookError | CacheLockingError,
    Database | Metrics
  >()(
    client.getOrSet("k", () => fetchUser, {
      hooks: { onFallback: (user) => user.name === "" ? otherHook : Effect.void },
    }),
  );
  hasType<
    GetOrSetResult<User>,
    FetchError | HookError | OtherHookError | CacheLockingError,
    Database | Metrics
  >()(client.refresh("k", () => fetchUser, { hooks: { onFallback: () => otherHook } }));
  const sharing = Cache.make({
    adapter: "memory",
    failures: {
      codec: { encode: ({ _tag }: FetchError) => _tag, decode: () => new FetchError() },
      ttl: "2 seconds",
      when: ({ _tag }) => _tag === "FetchError",
    },
  });
  hasType<GetOrSetResult<number>, FetchError | CacheLockingError, never>()(
    sharing.getOrSet("k", () => Effect.succeed(1)),
  );
  hasType<void, never, never>()(sharing.close());
  hasType<void, CacheLockingError, never>()(client.expire("k"));
  hasType<void, CacheLockingError, never>()(client.delete("k"));

  type Id = { readonly id: number };
  const ids: readonly Id[] = [];
  hasType<
    ManyResults<Id, User, FetchError | HookError | OtherHookError>,
    CacheLockingError,
    Database | Metrics
  >()(
    client.getOrSetMany(
      ids,
      ({ keys, signal }) => {
        const _context: [readonly Id[], AbortSignal] = [keys, signal];
        return Effect.map(fetchUser, (user) => new Map(keys.map((id) => [id, user])));
      },
      { key: ({ id }) => String(id), hooks: { onLeader: () => otherHook } },
    ),
  );
  hasType<
    ReadonlyMap<string, User>,
    FetchError | HookError | CacheLockingError,
    Database | Metrics
  >()(
    client.getOrSetAll(["a"], () => Effect.map(opened, (user) => new Map([["a", user]])), {
      maxBatch: 10,
      absent: { value: { name: "nobody" }, ttl: "1 minute" },
    }),
  );
  const plain = Cache.make({ adapter: "memory" });
  hasType<ReadonlyMap<string, User>, CacheLockingError, never>()(plain.getMany<User>(["a"]));
  hasType<ReadonlyMap<Id, unknown>, CacheLockingError, never>()(
    plain.getMany(ids, { key: ({ id }) => String(id) }),
  );
  hasType<void, CacheLockingError, never>()(plain.setMany([["a", 1]], { ttl: "1 minute" }));
  hasType<void, CacheLockingError, never>()(
    plain.deleteMany(ids, { key: ({ id }) => String(id) }),
  );
  // @ts-expect-error: keys that are no strings need names
  plain.getOrSetMany(ids, () => Effect.succeed(new Map([[ids[0]!, 1]])));
  // @ts-expect-error: keys that are no strings need names
  plain.deleteMany(ids);
  // @ts-expect-error: the fetcher returns no map
  plain.getOrSetMany(["a"], () => Effect.succeed([1]));
  // @ts-expect-error: the value isn't of the type that is fetched
  plain.getOrSetMany(["a"], () => Effect.succeed(new Map([["a", 1]])), { absent: { value: "" } });

  const config: AdapterConfig = { type: "memory", options: { maxEntries: 10 } };
  const constant = { type: "memory", options: { maxEntries: 10 } } as const;
  for (const adapter of [config, constant, store]) {
    hasType<GetOrSetResult<string>, CacheLockingError, never>()(
      Cache.getOrSet({ adapter, key: "k", fetcher: () => Effect.succeed("v") }),
    );
  }

  // @ts-expect-error: no such adapter
  Cache.getOrSet({ adapter: "nothing", key: "k", fetcher: () => Effect.succeed(1) });
  // @ts-expect-error: no such type of config
  Cache.make({ adapter: { type: "nothing" } });
  // @ts-expect-error: the fetcher is missing
  Cache.getOrSet({ adapter: "memory", key: "k" });
  // @ts-expect-error: the fetcher returns a promise
  Cache.getOrSet({ adapter: "memory", key: "k", fetcher: () => Promise.resolve(1) });
  Cache.getOrSet({
    adapter: "memory",
    key: "k",
    fetcher: () => Effect.succeed(1),
    // @ts-expect-error: the hook returns no Effect
    hooks: { onHit: () => 1 },
  });
  Cache.getOrSet({
    adapter: "memory",
    key: "k",
    // @ts-expect-error: the predicate takes a string
    fetcher: () => Effect.succeed(1),
    shouldCache: (value: string) => value !== "",
  });
}

it("an error in a result's type is matched by its tag", () => {
  const handled = Effect.match(
    Cache.getOrSet({ adapter: "memory", key: "", fetcher: () => Effect.fail(new FetchError()) }),
    {
      onSuccess: () => "found",
      onFailure: (error) =>
        matchCacheLockingError(error, {
          VALIDATION_ERROR: (error) => `${error.context.phase}: ${formatCacheLockingError(error)}`,
          _: (error) => error._tag,
        }),
    },
  );
  assert.match(Effect.runSync(handled), /^options: VALIDATION_ERROR \(phase=options\): Cannot use/);
});
