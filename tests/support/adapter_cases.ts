import { Effect } from "effect";
import assert from "node:assert/strict";
import {
  type AdapterConfig,
  Cache,
  type CacheLockingError,
  type LeasesHalf,
  type Store,
} from "../../mod.ts";

/** Asserts that options are refused by a message that names them, and a config without any by a typed error. */
export async function assertRefused(
  type: string,
  adapters: readonly ((options: never) => unknown)[],
  bad: readonly (readonly [options: unknown, message: RegExp])[],
): Promise<void> {
  for (const [options, message] of bad) {
    for (const adapter of adapters) {
      assert.throws(() => adapter(options as never), { name: "TypeError", message });
    }
  }
  const adapter = { type, options: {} } as never;
  const fetcher = () => Effect.succeed(1);
  const error = await Effect.runPromise(
    Effect.flip(Cache.getOrSet({ adapter, key: "a", fetcher })),
  );
  assert.equal(error._tag, "VALIDATION_ERROR");
  assert.match(
    error.message,
    /`(client|bucket|sql` or `pool|collection|db)` must be given, and is undefined/,
  );
}

/** The ways to write a value, each under a key: all at once, or as a leader that fetched it. */
export function writesOf(
  value: unknown,
): Readonly<Record<string, (store: Store<unknown>, key: string) => Effect.Effect<unknown, Error>>> {
  return {
    set: (store, key) => store.set(key, value, { freshFor: 60_000 }),
    fill: (store, key) =>
      Effect.flatMap(
        store.acquire(key, "leader", 60_000),
        () => store.fill(key, "leader", value, { freshFor: 60_000 }),
      ),
  };
}

/** Asserts that 50 callers whose configs are written out in each call fetch once. */
export async function assertMeet(config: () => AdapterConfig, key: string): Promise<void> {
  let fetches = 0;
  const herd = Array.from({ length: 50 }, () =>
    Cache.getOrSet({
      adapter: config(),
      key,
      cacheTtl: 60_000,
      fetcher: () => Effect.as(Effect.sleep(20), ++fetches),
    }));
  const results = await Effect.runPromise(Effect.all(herd, { concurrency: "unbounded" }));
  assert.deepEqual(new Set(results.map(({ value }) => value)), new Set([1]));
}

/** Asserts that the leases of several processes let one fetch, where the entries are elsewhere. */
export async function assertLeaseAlone(leases: readonly LeasesHalf[], key: string): Promise<void> {
  const entries = new Map<string, unknown>();
  const cache = {
    get: (key: string) => Effect.sync(() => entries.get(key) ?? null),
    set: (key: string, value: unknown) => Effect.sync(() => entries.set(key, value)),
  };
  let fetches = 0;
  const fetcher = () => Effect.as(Effect.sleep(50), ++fetches);
  const results = await Promise.all(
    leases.map((leases) =>
      Effect.runPromise(Cache.make({ adapter: { cache }, leases }).getOrSet(key, fetcher))
    ),
  );
  assert.deepEqual(results.map(({ value }) => value), leases.map(() => 1));
}

/** Every operation on a key. */
export function operationsOn(
  store: Store<unknown>,
  key: string,
): readonly Effect.Effect<unknown, Error>[] {
  return [
    store.get(key),
    store.set(key, 1),
    store.delete(key),
    store.acquire(key, "a", 1000),
    store.renew(key, "a", 1000),
    store.fill(key, "a", 1),
    store.release(key, "a", "failed"),
  ];
}

/** Asserts that a call over a client that can't be used fails so, and has its value where it may do without. */
export async function assertUnusable(
  adapter: Store<unknown>,
  message: RegExp,
  operationTimeout = 100,
): Promise<void> {
  const options = { adapter, key: "a", operationTimeout, fetcher: () => Effect.succeed(1) };
  const error = await Effect.runPromise(Effect.flip(Cache.getOrSet(options)));
  assert.equal(error._tag, "CACHE_GET_FAILED");
  assert.match(error.message, message);
  const bypassing = { onCacheFailure: "bypass", hooks: { onError: () => Effect.void } } as const;
  const { value, meta } = await Effect.runPromise(Cache.getOrSet({ ...options, ...bypassing }));
  assert.deepEqual([value, meta.cache], [1, "BYPASS"]);
}

/** What JSON says of a bigint, in this runtime. */
export const ofBigint: string = (() => {
  try {
    return JSON.stringify(1n);
  } catch (error) {
    return (error as Error).message;
  }
})();

/** Asserts that neither the text under a key, which is no JSON, is told nor a value that can't become JSON. */
export async function assertTextUntold(store: Store<unknown>, key: string): Promise<void> {
  const unreadable = await Effect.runPromise(Effect.flip(store.get(key)));
  assert.equal(unreadable.corrupt, true);
  assert.equal(
    unreadable.message,
    `Cannot read the entry of "${key}": the codec can't decode the stored value: it is no JSON`,
  );
  assert.equal(unreadable.cause, undefined);
  const unwritable = await Effect.runPromise(Effect.flip(store.set(key, { secret: 1n })));
  assert.equal(
    unwritable.message,
    `Cannot store the value of "${key}": the codec can't encode the value: ${ofBigint}`,
  );
}

/** Asserts that a call has a fetched value that the backend doesn't take, and reports why it isn't stored. */
export async function assertUnstored(
  adapter: Store<unknown>,
  key: string,
  { value, message }: { readonly value: string; readonly message: RegExp },
): Promise<void> {
  const errors: CacheLockingError[] = [];
  const hooks = {
    onError: (error: CacheLockingError) => Effect.sync(() => void errors.push(error)),
  };
  const fetcher = () => Effect.succeed(value);
  const result = await Effect.runPromise(Cache.getOrSet({ adapter, key, fetcher, hooks }));
  assert.equal(result.value, value);
  assert.equal(result.meta.cache, "MISS-LEADER-NOCACHE");
  assert.deepEqual(errors.map(({ _tag }) => _tag), ["CACHE_SET_FAILED"]);
  assert.match(errors[0]!.message, message);
}
