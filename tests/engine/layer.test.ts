import { Context, Effect, Exit, Layer, Scope } from "effect";
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { memoryAdapter } from "../../adapters/memory.ts";
import { Cache, type CacheClient, type ServiceTag } from "../../mod.ts";
import { KEY, source } from "../support/herd.ts";
import { simulate } from "../support/simulation.ts";

/** A tag of either Effect, as a class of `Context.Service` or `Context.Tag` is one. */
type Tag<I, S> = ServiceTag<I, S> & Effect.Effect<S, never, I>;
const { Service, Tag: TagOf } = Context as unknown as {
  readonly Service?: () => (key: string) => unknown;
  readonly Tag?: (key: string) => () => unknown;
};
const tagOf = <I, S>(key: string) =>
  (Service === undefined ? TagOf!(key)() : Service()(key)) as Tag<I, S>;

interface Users {
  readonly _: "Users";
}
interface Redis {
  readonly _: "Redis";
}
const Users = tagOf<Users, CacheClient>("Users");
const Redis = tagOf<Redis, ReturnType<typeof memoryAdapter>>("Redis");

const run = <A, E>(program: Effect.Effect<A, E>) => simulate().run(program);

describe("a layer", () => {
  it("has one client for the program, and closes it at the program's end", async () => {
    const { fetcher } = source(100, () => "value");
    const layer = Cache.layer(Users, { name: "users", adapter: memoryAdapter() });
    let made: CacheClient | undefined;
    const program = Effect.gen(function* () {
      const users = yield* Users;
      made = users;
      const { value } = yield* users.getOrSet(KEY, fetcher);
      assert.equal(yield* Users, users);
      assert.equal((yield* users.getOrSet(KEY, fetcher)).meta.cache, "HIT");
      return value;
    });
    assert.equal(await run(Effect.provide(program, layer)), "value");
    assert.equal(made!.stats().name, "users");
    const after = await run(Effect.flip(made!.getOrSet(KEY, fetcher)));
    assert.equal((after as { readonly _tag?: unknown })._tag, "CLOSED");
  });

  it("closes the client if what follows fails, and stops its fetches", async () => {
    const layer = Cache.layer(Users, { adapter: memoryAdapter() });
    let stopped = false;
    const fetcher = () =>
      Effect.onInterrupt(Effect.never, () => Effect.sync(() => void (stopped = true)));
    await run(Effect.gen(function* () {
      const scope = yield* Scope.make();
      const context = yield* Layer.buildWithScope(layer, scope);
      const users = Context.get(context, Users as never) as CacheClient;
      yield* Effect.all([
        Effect.exit(users.getOrSet(KEY, fetcher)),
        Effect.delay(Scope.close(scope, Exit.void), 100),
      ], { concurrency: "unbounded" });
    }));
    assert.equal(stopped, true);
  });

  it("takes options of an effect, with what that needs", async () => {
    const adapter = memoryAdapter();
    const layer = Cache.layer(Users, Effect.map(Redis, (adapter) => ({ adapter })));
    const redis = Layer.succeed(Redis as never, adapter as never) as unknown as Layer.Layer<Redis>;
    const program = Effect.flatMap(Users, (users) => users.set(KEY, "value"));
    await run(Effect.provide(program, Layer.provide(layer, redis)));
    assert.deepEqual((await run(adapter.get(KEY)))?.value, "value");
  });

  it("dies of bad options with what `make` throws", async () => {
    const bad = { adapter: "disk" } as never;
    const program = Effect.provide(
      Effect.flatMap(Users, () => Effect.void),
      Cache.layer(Users, bad),
    );
    await assert.rejects(run(program), /Cannot use the option `adapter`/);
  });

  it("may have a tag of fewer methods, and is refused for one of another service", () => {
    const Narrow = tagOf<Users, Pick<CacheClient, "getOrSet">>("Narrow");
    Cache.layer(Narrow, { adapter: "memory" });
    const Numbers = tagOf<Users, Map<string, number>>("Numbers");
    // @ts-expect-error: the client is no map.
    Cache.layer(Numbers, { adapter: "memory" });
  });
});
