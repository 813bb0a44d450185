import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import type { L1Options, Store } from "../../mod.ts";
import { createCache, type PromiseCache } from "../../promise.ts";
import type { ChangesListener } from "../../src/store/store.ts";
import { until } from "./until.ts";

/** How old an entry is in L1 at most where changes aren't told, and a bit. */
const UNTOLD = 1_200;

/** A listener that notes what it is told. */
export function notingIn(told: string[]): ChangesListener {
  return {
    changed: (hash) => void told.push(`changed ${hash}`),
    missed: () => void told.push("missed"),
    stands: (time) => void told.push(time === undefined ? "falls" : "stands"),
    none: () => void told.push("none"),
  };
}

/** The cache of a process with an L1. */
export function l1Of(adapter: Store<unknown>, l1: L1Options<number> = {}): PromiseCache {
  return createCache({ adapter, l1, operationTimeout: 30_000 });
}

/** Which value a call has, and where from: `"l1"`, or elsewhere. */
export async function found(cache: PromiseCache, key: string): Promise<[unknown, unknown]> {
  const { value, meta } = await cache.getOrSetResult(key, () => Promise.resolve("fetched"));
  return [value, meta.tier];
}

/** Waits until a key is kept for longer than it is where changes aren't told. */
export async function kept(cache: PromiseCache, key: string, value: string): Promise<void> {
  for (let tries = 0; tries < 10; tries++) {
    assert.equal((await found(cache, key))[0], value);
    await sleep(UNTOLD);
    const [own, tier] = await found(cache, key);
    assert.equal(own, value);
    if (tier === "l1") return;
  }
  assert.fail("it is kept in the end");
}

/** Waits until a call has a value. */
export function seen(cache: PromiseCache, key: string, value: string): Promise<void> {
  return until(async () => (await found(cache, key))[0] === value);
}

/** Of two processes, the first keeps what nobody changes, and drops what the second does. */
export async function assertTold(
  [first, second]: readonly [Store<unknown>, Store<unknown>],
  l1?: L1Options<number>,
): Promise<void> {
  const [one, two, key] = [l1Of(first, l1), l1Of(second), "a"];
  await two.set(key, "old");
  await kept(one, key, "old");
  for (const change of ["set", "expire", "delete", "refresh"] as const) {
    const value = change === "expire" || change === "delete" ? "fetched" : `new by ${change}`;
    if (change === "set") await two.set(key, value);
    else if (change === "refresh") await two.refresh(key, () => Promise.resolve(value));
    else await two[change](key);
    await seen(one, key, value);
    await until(async () => (await found(one, key))[1] === "l1");
  }
}

/** What is missed while the connection is cut, whose number `cut` returns, leaves nothing old, and changes are told again. */
export async function assertBackAfterCut(
  [first, second]: readonly [Store<unknown>, Store<unknown>],
  cut: () => Promise<number>,
  l1?: L1Options<number>,
): Promise<void> {
  const [one, two] = [l1Of(first, l1), l1Of(second)];
  await two.set("a", "old");
  await kept(one, "a", "old");
  const [connections] = await Promise.all([cut(), two.set("a", "new")]);
  assert.ok(connections > 0);
  await seen(one, "a", "new");
  await kept(one, "a", "new");
  await two.set("a", "newer");
  await seen(one, "a", "newer");
}
