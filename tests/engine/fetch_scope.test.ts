import { Effect } from "effect";
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { memoryAdapter } from "../../adapters/memory.ts";
import { Cache } from "../../mod.ts";
import { all, KEY, start } from "../support/herd.ts";
import { processOver } from "../support/process_store.ts";
import { simulate } from "../support/simulation.ts";

describe("a fetch has a scope of its own", () => {
  const resource = () => {
    const told: string[] = [];
    const tell = (what: string) => Effect.sync(() => void told.push(what));
    const fetcher = () =>
      Effect.flatMap(
        Effect.acquireRelease(tell("opened"), () => tell("closed")),
        () => Effect.as(Effect.flatMap(Effect.sleep(100), () => tell("used")), "value"),
      );
    return { told, fetcher };
  };

  it("which ends with the fetch, not with its caller", async () => {
    const { told, fetcher } = resource();
    const cache = Cache.make({ adapter: processOver(memoryAdapter()) });
    const result = await simulate().run(cache.getOrSet(KEY, fetcher));
    assert.equal(result.value, "value");
    assert.deepEqual(told, ["opened", "used", "closed"]);
  });

  it("so the first caller closes nothing under the others as it leaves", async () => {
    const { told, fetcher } = resource();
    const cache = Cache.make({ adapter: processOver(memoryAdapter()) });
    const simulation = simulate();
    const [, other] = await simulation.run(all([
      Effect.scoped(Effect.flatMap(
        start(cache.getOrSet(KEY, fetcher)),
        () => Effect.as(Effect.sleep(50), undefined),
      )),
      Effect.delay(cache.getOrSet(KEY, fetcher), 10),
    ]));
    assert.equal(other!.value, "value");
    assert.deepEqual(told, ["opened", "used", "closed"]);
  });

  it("and an interrupted one closes it, too", async () => {
    const { told, fetcher } = resource();
    const cache = Cache.make({ adapter: processOver(memoryAdapter()) });
    await simulate().run(Effect.scoped(Effect.flatMap(
      start(cache.getOrSet(KEY, fetcher)),
      () => Effect.sleep(50),
    )));
    assert.deepEqual(told, ["opened", "closed"]);
  });
});
