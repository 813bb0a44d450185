import { Effect } from "effect";
import fc from "fast-check";
import assert from "node:assert/strict";
import type { CacheClient, CacheLockingError, Codec, Store } from "../../../mod.ts";
import { makeCacheModule } from "../../../src/face/client.ts";
import { flightsUnderWay } from "../../../src/engine/flight.ts";
import { isWellFormed } from "../../../adapters/kit/names.ts";
import { randomToken } from "../../../src/model/token.ts";
import { quoted } from "../../../src/model/describe.ts";
import { failures, ownError } from "./failures.ts";
import { foreignBytes, keys, SECRET, twoKeys, unstorable, values } from "./inputs.ts";
import { holds, outcomeOf, tells, valueOf } from "./judge.ts";

/** A store that is attacked. */
export interface Target {
  readonly store: Store<unknown>;
  /** The same with {@linkcode bytes}. */
  readonly ofBytes: Store<unknown>;
  /** Keys that the backend can't have; by default those that UTF-8 can't carry. */
  readonly refuses?: (key: string) => boolean;
  /** Why `null` is no value, if it is none. */
  readonly nulls?: string;
  /** How a value comes back; by default as JSON has it. */
  readonly kept?: (value: unknown) => unknown;
  /** The most bytes of a value that the backend takes, if five million are too many. */
  readonly fullAt?: number;
  /** Writes past the adapter. */
  readonly hand?: Hand;
}

/** What writes where an adapter keeps the entry of a key, past the adapter. */
export interface Hand {
  /** Writes bytes. */
  readonly write: (key: string, bytes: Uint8Array) => PromiseLike<unknown>;
  /** The value that these bytes are; throws for those that are none. As JSON by default. */
  readonly read?: (bytes: Uint8Array) => unknown;
  /** Writes things that aren't even bytes where the entry should be. */
  readonly others?: Readonly<Record<string, (key: string) => PromiseLike<unknown>>>;
}

/** Keeps nothing but bytes, as they are. */
export const bytes: Codec = {
  encode: (value) => value as Uint8Array,
  decode: (bytes) => Uint8Array.from(bytes),
};

/** One thing that is shown of a target. */
export interface Property {
  readonly name: string;
  /** Whether the target must have a hand for it. */
  readonly byHand?: boolean;
  readonly run: (target: Target) => Promise<void>;
}

const same = (value: unknown) => value;
const json = (value: unknown) => value === undefined ? value : JSON.parse(JSON.stringify(value));
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const readJson = (bytes: Uint8Array) =>
  bytes.length === 0 ? undefined : JSON.parse(utf8.decode(bytes));

// Without the adapters, so that a Worker has no more than its own.
const Cache = makeCacheModule(() => undefined);

/** A client, and what its `onError` was told. */
function clientOf(store: Store<unknown>): { cache: CacheClient; errors: CacheLockingError[] } {
  const errors: CacheLockingError[] = [];
  const onError = (error: CacheLockingError) => Effect.sync(() => void errors.push(error));
  const cache = Cache.make({
    adapter: store,
    coalesce: true,
    operationTimeout: "10 seconds",
    hooks: { onError },
  });
  return { cache: cache as CacheClient, errors };
}

const refuses = ({ refuses = (key) => !isWellFormed(key) }: Target, key: string) => refuses(key);

/** That nobody holds the lease of a key, and that no flight is under way. */
async function nothingHeld(store: Store<unknown>, key: string): Promise<void> {
  const observer = randomToken();
  for (let look = 0;; look++) {
    // Who was aborted is answered before its flight has ended.
    if (flightsUnderWay(store) > 0 && look < 100) {
      await new Promise((resolve) => setTimeout(resolve, 20));
      continue;
    }
    assert.equal(flightsUnderWay(store), 0, "a flight is left behind");
    const { _tag } = await valueOf(() => store.acquire(key, observer, 5000));
    if (_tag === "Leader") break;
    // Where there is an entry there is no lease.
    if (_tag === "Hit") return;
    // Who was cancelled is answered before the backend is.
    assert.ok(_tag === "Follower" && look < 100, `a lease is left behind: ${_tag}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  await valueOf(() => store.release(key, observer, "cancelled"));
}

async function keepsEntry(target: Target, key: string, value: unknown): Promise<void> {
  const { kept = json } = target;
  const { cache, errors } = clientOf(target.store);
  const clean = await outcomeOf(() => cache.delete(key));
  const call = () => cache.getOrSet(key, () => Effect.succeed(value));
  if (clean.error !== undefined) {
    assert.ok(refuses(target, key), clean.error.message);
    for (const run of [() => cache.get(key), () => cache.set(key, value), call]) {
      const { error } = await outcomeOf<unknown>(run);
      tells(error!, quoted(key));
    }
    return;
  }
  assert.ok(!refuses(target, key), "the key can be had");
  const led = await valueOf(call);
  assert.deepEqual([led.meta.cache, errors], ["MISS-LEADER", []]);
  // The leader, too, has it as it was stored and read back.
  assert.deepEqual(led.value, kept(value));
  const hit = await valueOf(call);
  assert.equal(hit.meta.cache, "HIT");
  assert.deepEqual(hit.value, kept(value));
  await valueOf(() => cache.delete(key));
  await nothingHeld(target.store, key);
}

async function keepsApart({ store }: Target, one: string, two: string): Promise<void> {
  for (const key of [one, two]) await valueOf(() => store.delete(key));
  const owners = [randomToken(), randomToken()] as const;
  const tagOf = async (key: string, owner: string) =>
    (await valueOf(() => store.acquire(key, owner, 60_000)))._tag;
  assert.equal(await tagOf(one, owners[0]), "Leader");
  assert.equal(await tagOf(two, owners[1]), "Leader", "two keys share a lease");
  assert.equal(await valueOf(() => store.fill(one, owners[0], 1)), true);
  assert.equal(await valueOf(() => store.get(two)), undefined, "two keys share an entry");
  assert.equal(await valueOf(() => store.fill(two, owners[1], 2)), true);
  assert.equal((await valueOf(() => store.get(one)))?.value, 1);
  await valueOf(() => store.delete(one));
  assert.equal((await valueOf(() => store.get(two)))?.value, 2);
  await valueOf(() => store.delete(two));
}

/** The value that bytes are, if they are one. */
function readBy(
  read: (bytes: Uint8Array) => unknown,
  bytes: Uint8Array,
): { readonly value: unknown } | undefined {
  try {
    return { value: read(bytes) };
  } catch {
    return undefined;
  }
}

/** A key whose entry somebody else has written: a hit if it is a value, or else a miss that is reported once. */
async function refills(
  { store }: Target,
  key: string,
  found: { readonly value: unknown } | undefined,
): Promise<void> {
  const { cache, errors } = clientOf(store);
  const call = () => cache.getOrSet(key, () => Effect.succeed("fetched"));
  const first = await valueOf(call);
  if (found === undefined) {
    assert.deepEqual([first.meta.cache, first.value], ["MISS-LEADER", "fetched"]);
    // A value that takes long to be refused is given before.
    for (let left = 4_000; errors.length === 0 && left > 0; left--) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    assert.equal(errors.length, 1, "it is reported once");
    assert.equal(errors[0]!._tag, "CACHE_GET_FAILED");
    tells(errors[0]!, quoted(key));
  } else {
    assert.deepEqual([first.meta.cache, first.value, errors], ["HIT", found.value, []]);
  }
  const second = await valueOf(call);
  assert.deepEqual([second.meta.cache, second.value], ["HIT", first.value]);
  assert.equal(errors.length, found === undefined ? 1 : 0);
  await valueOf(() => cache.delete(key));
}

/**
 * What the caller of a fetch gets whose value can't be stored: the value itself, or what it is encoded as, if it can be
 * encoded; and what it is told: nothing of it.
 */
async function givesUnstored(
  { store }: Target,
  value: unknown,
  isGiven: (given: unknown, value: unknown) => void = (given, value) =>
    assert.ok(Object.is(given, value)),
): Promise<void> {
  const key = randomToken();
  const { cache, errors } = clientOf(store);
  const result = await valueOf(() => cache.getOrSet(key, () => Effect.succeed(value)));
  isGiven(result.value, value);
  assert.equal(result.meta.cache, "MISS-LEADER-NOCACHE");
  // A value that takes long to be refused is given before.
  for (let left = 4_000; errors.length === 0 && left > 0; left--) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  assert.equal(errors.length, 1, "it is reported once");
  assert.equal(errors[0]!._tag, "CACHE_SET_FAILED");
  tells(errors[0]!, quoted(key));
  await nothingHeld(store, key);
  const { error } = await outcomeOf(() => cache.set(key, value));
  tells(error!, quoted(key));
  assert.equal(await valueOf(() => store.get(key)), undefined);
}

/** What is shown of every store. */
export const properties: readonly Property[] = [
  {
    name: "keeps every value under every key, or names the key",
    run: (target) =>
      holds(
        fc.tuple(keys, target.nulls ? values.filter((value) => value !== null) : values),
        ([key, value]) => keepsEntry(target, key, value),
      ),
  },
  {
    name: "keeps two keys apart that look the same",
    run: (target) =>
      holds(
        twoKeys.filter((pair) => !pair.some((key) => refuses(target, key))),
        ([one, two]) => keepsApart(target, one, two),
        60,
      ),
  },
  {
    name: "keeps bytes through a codec",
    run: ({ ofBytes: store }) =>
      holds(
        fc.uint8Array({ maxLength: 300 }),
        (bytes) => keepsEntry({ store, ofBytes: store, kept: same }, randomToken(), bytes),
        20,
      ),
  },
  {
    name: "takes what it can't read for a miss, reports it once and refills it",
    byHand: true,
    async run(target) {
      const { write, read = readJson, others = {} } = target.hand!;
      await holds(foreignBytes, async (bytes) => {
        const key = randomToken();
        await write(key, bytes);
        await refills(target, key, readBy(read, bytes));
      });
      for (const write of Object.values(others)) {
        const key = randomToken();
        await write(key);
        await refills(target, key, undefined);
      }
    },
  },
  {
    name: "gives what can't be stored to its caller, and leaves no lease",
    run: (target) =>
      target.kept === undefined
        ? holds(unstorable, (make) => givesUnstored(target, make()), 12)
        : holds(unstorable, (make) => keepsEntry(target, randomToken(), make()), 12),
  },
  {
    name: "leads and fills whatever the owners are called, or names the option",
    run: ({ store }) =>
      holds(keys, async (ownerId) => {
        const key = randomToken();
        const { cache } = clientOf(store);
        const call = () => cache.getOrSet(key, () => Effect.succeed("value"), { ownerId });
        const { error, value } = await outcomeOf(call);
        if (error === undefined) assert.equal(value.meta.cache, "MISS-LEADER");
        else tells(error, "`ownerId`");
        await valueOf(() => cache.delete(key));
        await nothingHeld(store, key);
      }),
  },
  {
    name: "takes, or refuses, a key of 64 kB, and no longer one",
    async run(target) {
      const longest = "k{é".repeat(64 * 1024 / 4);
      await keepsEntry(target, longest, "value");
      const { error } = await outcomeOf(() => clientOf(target.store).cache.get(`${longest}k`));
      assert.equal(error?._tag, "VALIDATION_ERROR");
      assert.ok(error.message.length < 500, error.message);
    },
  },
  {
    name: "takes, or refuses, a value of five megabytes",
    run: (target) => {
      const value = { [SECRET]: "é".repeat(2_500_000) };
      return target.fullAt === undefined
        ? keepsEntry(target, randomToken(), value)
        : givesUnstored(target, value, assert.deepEqual);
    },
  },
  {
    name: "leaves no lease and no flight behind, however a call ends",
    run: ({ store }) =>
      holds(
        fc.tuple(fc.constantFrom(...failures), fc.integer({ min: 1, max: 3 })),
        async ([{ name, options = {}, fetcher, leaves, blames }, callers]) => {
          const key = randomToken();
          const { cache } = clientOf(store);
          const controller = new AbortController();
          const call = () =>
            cache.getOrSet(key, fetcher as () => Effect.Effect<unknown>, {
              signal: controller.signal,
              ...options,
            });
          if (leaves === "before") controller.abort(ownError);
          const calls = Array.from({ length: callers }, () => outcomeOf(call, [ownError]));
          if (leaves === "meanwhile") setTimeout(() => controller.abort(ownError), 5);
          const errors = (await Promise.all(calls)).flatMap(({ error }) => error ?? []);
          assert.ok(errors.length > 0, `${name} fails`);
          for (const error of errors) tells(error, blames ?? quoted(key), [ownError]);
          await nothingHeld(store, key);
        },
        30,
      ),
  },
];
