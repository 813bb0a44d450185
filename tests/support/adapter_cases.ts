import { Effect } from "effect";
import assert from "node:assert/strict";
import { type AdapterConfig, Cache, type LeasesHalf, type Store } from "../../mod.ts";

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
  assert.match(error.message, /`(client|bucket|sql|collection)` must be given, and is undefined/);
}

/** The ways to write a value, each under a key: all at once, or as a leader that fetched it. */
export function writesOf(
  value: unknown,
): Readonly<Record<string, (store: Store<unknown>, key: string) => Effect.Effect<unknown, Error>>> {
  return {
    set: (store, key) => store.set(key, value, 60_000),
    fill: (store, key) =>
      Effect.flatMap(
        store.acquire(key, "leader", 60_000),
        () => store.fill(key, "leader", value, 60_000),
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
