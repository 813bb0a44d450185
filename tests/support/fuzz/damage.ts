import { Effect } from "effect";
import assert from "node:assert/strict";
import type { CacheLockingError, Store } from "../../../mod.ts";
import { makeCacheModule } from "../../../src/face/client.ts";
import { randomToken } from "../../../src/model/token.ts";
import { assertTellsNothing } from "../../conformance/told.ts";
import { variable } from "../address.ts";
import { seededRandom } from "../random.ts";
import { valueOf } from "./judge.ts";

/** What chance decides. */
export interface Draw {
  /** A whole number below another. */
  below(most: number): number;
  /** One of several. */
  of<A>(...choices: readonly A[]): A;
  /** Some bytes, few of which are text. */
  bytes(): Uint8Array;
  /** Some text, now and then the name of something. */
  text(): string;
  /** When something ends, in epoch milliseconds: long ago, soon, or beyond what any lease may live. */
  end(): number;
}

/** A backend whose stored data is damaged at random. */
export interface Damaged {
  /** The store that is asked, and another one of the same backend. */
  readonly stores: readonly [Store<unknown>, Store<unknown>];
  /** How many requests the first store's client has sent, if that can be told. */
  readonly requests?: () => number;
  /** Damages what is stored for a key, past the adapter. */
  readonly damage: (key: string, draw: Draw) => PromiseLike<unknown>;
  /** How many keys are damaged at once; 250 by default. */
  readonly atOnce?: number;
  /** How many are damaged in all; 2,000 by default. */
  readonly runs?: number;
  /** Closes what it has opened. */
  readonly close?: () => unknown;
}

/** The most that one operation may take, in milliseconds, and how much later a busy machine may answer. */
const TIMEOUT = 10_000;
const BUSY = 20_000;
/** The most requests that damage may cost a call, on an average. */
const MORE = 5;
const DAY = 86_400_000;

// Without the adapters, so that a Worker has no more than its own.
const Cache = makeCacheModule(() => undefined);

/** What may be there before the damage: what could become a lease ends soon. */
const states: readonly ((store: Store<unknown>, key: string) => Effect.Effect<unknown, unknown>)[] =
  [
    (store, key) => store.set(key, "stored", { freshFor: 2_000 }),
    (store, key) => store.set(key, "stored"),
    (store, key) => store.acquire(key, "gone", 150),
    (store, key) =>
      Effect.flatMap(
        store.acquire(key, "gone", 150),
        () => store.release(key, "gone", "uncached"),
      ),
    (store, key) =>
      Effect.flatMap(
        store.acquire(key, "gone", 150),
        () => store.release(key, "gone", "failed"),
      ),
  ];

/**
 * Damages what is stored of so many keys. Each is a value for who asks, within `operationTimeout` and its fetch, for five
 * requests more than usual, and well again after it. A failure tells the seed that repeats it.
 */
export async function survivesDamage(damaged: Damaged): Promise<void> {
  const seed = Number(variable("FUZZ_SEED") ?? Math.floor(Math.random() * 2 ** 31));
  const random = seededRandom(seed);
  const { atOnce = 250, runs = 2_000 } = damaged;
  try {
    const usual = await survives(damaged, atOnce, random, false);
    for (let left = Number(variable("FUZZ_RUNS") ?? runs); left > 0; left -= atOnce) {
      const requests = await survives(damaged, Math.min(left, atOnce), random, true);
      assert.ok(requests <= usual + MORE, `${requests} requests a call, and ${usual} usually`);
    }
  } catch (error) {
    throw new Error(`FUZZ_SEED=${seed}: ${(error as Error).message}`, { cause: error });
  }
}

/** Damages so many keys at once, or leaves them as they are; gives how many requests a call took. */
async function survives(
  { stores: [store, other], requests = () => 0, damage }: Damaged,
  keys: number,
  random: () => number,
  isDamaged: boolean,
): Promise<number> {
  const errors: CacheLockingError[] = [];
  const onError = (error: CacheLockingError) => Effect.sync(() => void errors.push(error));
  const options = { coalesce: true, operationTimeout: TIMEOUT, waitMax: "1 minute" } as const;
  const [asked, second] = [store, other].map((adapter) =>
    Cache.make({ adapter, ...options, hooks: { onError } })
  );
  const all = Array.from({ length: keys }, () => `damage:${randomToken()}`);
  await Promise.all(all.map(async (key) => {
    const draw = drawFrom(random);
    await valueOf(() => draw.of(...states)(other, key) as Effect.Effect<unknown, never>);
    if (isDamaged) await damage(key, draw);
  }));
  const before = requests();
  const values = await Promise.all(all.map(async (key) => {
    const began = performance.now();
    const result = await valueOf(() => asked!.getOrSet(key, () => Effect.succeed("fetched")));
    const took = performance.now() - began;
    assert.ok(took < TIMEOUT + BUSY, `it took ${took} ms`);
    return result.value;
  }));
  const sent = requests() - before;
  await Promise.all(all.map(async (key, index) => {
    const { value, meta } = await valueOf(() =>
      second!.getOrSet(key, () => Effect.succeed("fetched again"))
    );
    if (meta.cache === "HIT") assert.deepEqual(value, values[index]);
    const entry = await valueOf(() => store.get(key));
    // What was found there may have come to its end meanwhile; what was fetched has none.
    if (entry === undefined) assert.equal(meta.cache, "HIT");
    else assert.deepEqual(entry.value, value);
  }));
  for (const error of errors) assertTellsNothing(error);
  return sent / keys;
}

function drawFrom(random: () => number): Draw {
  const below = (most: number) => Math.floor(random() * most);
  const of = <A>(...choices: readonly A[]): A => choices[below(choices.length)]!;
  return {
    below,
    of,
    bytes: () => Uint8Array.from({ length: below(12) }, () => below(256)),
    text: () =>
      of(
        "",
        "{",
        "5",
        '"s3cr3t"',
        "null",
        "owner",
        "$owner",
        "uncached",
        "failed",
        "\u{1f98a}",
        "-1",
      ),
    end: () => Date.now() + of(-1e12, -1000, -1, 0, 5, 50, 32 * DAY, 400 * DAY, 1e14),
  };
}

/** A client that does what another does, and how often it was asked to by methods of these names. */
export function counted<Client extends object>(
  client: Client,
  methods: RegExp,
): { readonly client: Client; readonly requests: () => number } {
  let requests = 0;
  const counting = new Proxy(client, {
    get(target, property) {
      const value = Reflect.get(target, property, target);
      if (typeof value !== "function") return value;
      return (...args: unknown[]) => {
        if (methods.test(String(property))) requests++;
        return value.apply(target, args);
      };
    },
  });
  return { client: counting, requests: () => requests };
}
