import { Effect } from "effect";
import assert from "node:assert/strict";
import { test } from "node:test";
import { memoryAdapter } from "../../adapters/memory.ts";
import type { Store } from "../../mod.ts";
import { conformance } from "../conformance/mod.ts";

/** Runs the case of a lease that is renewed in time, over stores in memory; gives how often it was tried. */
async function triesOf(renewed: (store: Store<unknown>, tries: number) => Store<unknown>["renew"]) {
  const store = memoryAdapter();
  let opened = 0;
  const cases = conformance({
    open: Effect.sync(() => ({ ...store, renew: renewed(store, Math.ceil(++opened / 2)) })),
    pace: 60,
    damage: "nobody else can write to a process's memory",
  });
  const { run } = cases.find(({ name }) => name.startsWith("a lease that is renewed in time"))!;
  const failure = await run().then(() => undefined, (error: unknown) => error);
  return { tries: opened / 2, failure };
}

function standStill(millis: number): void {
  for (const began = performance.now(); performance.now() - began < millis;);
}

test("a case that fails as its process stands still is tried again, at times that are longer", async () => {
  const { tries, failure } = await triesOf(({ renew }, tries) => (key, owner, ttl) =>
    Effect.suspend(() => {
      if (tries < 3) standStill(2 * ttl);
      return renew(key, owner, ttl);
    })
  );
  assert.equal(failure, undefined);
  assert.ok(tries >= 3, `${tries} tries`);
});

test("a case that fails as its process stands still while a value is stored is tried again", async () => {
  const store = memoryAdapter();
  let opened = 0;
  const cases = conformance({
    open: Effect.sync(() => {
      const first = Math.ceil(++opened / 2) === 1;
      const fill: typeof store.fill = (...asked) =>
        Effect.flatMap(Effect.sleep(first ? 3000 : 0), () => store.fill(...asked));
      return { ...store, fill };
    }),
    damage: "nobody else can write to a process's memory",
  });
  await cases.find(({ name }) => name.startsWith("no second fetch after a fill"))!.run();
  assert.ok(opened >= 4, `${opened} stores`);
});

test("a case that fails as its store is at fault fails, as it does however slow the process", async () => {
  for (const pause of [0, 2]) {
    const { tries, failure } = await triesOf(({ renew }) => (key, owner, ttl) =>
      Effect.suspend(() => {
        standStill(pause * ttl);
        return pause > 0 ? renew(key, owner, ttl) : Effect.succeed(false);
      })
    );
    assert.ok(failure instanceof assert.AssertionError, `${failure}`);
    assert.ok(pause > 0 ? tries === 4 : tries >= 2, `${tries} tries`);
  }
});
