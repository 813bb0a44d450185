import { Effect, Fiber } from "effect";
import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import fs from "node:fs";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { sqliteAdapter, type SqliteAdapterOptions } from "../../../adapters/sqlite.ts";
import { Cache, type CacheLockingError, type Store } from "../../../mod.ts";
import { randomToken } from "../../../src/model/token.ts";
import { medianOf } from "../../support/percentile.ts";
import { type Folder, newFolder, openFile, skip } from "./clients.ts";

const run = Effect.runPromise;
let folder: Folder;
before(() => void (skip || (folder = newFolder())));
after(() => skip || folder.remove());

/** Leads in one, and follows over a connection of its own until it is told to stop. */
async function follow(
  leader: Store<unknown>,
  options: SqliteAdapterOptions,
  errors: CacheLockingError[] = [],
) {
  const key = randomToken();
  await run(leader.acquire(key, "leader", 60_000));
  const cache = Cache.make({
    adapter: sqliteAdapter(options),
    waitStep: "1 minute",
    waitStrategy: () => "1 minute",
    waitMax: "20 seconds",
    hooks: { onError: (error) => Effect.sync(() => void errors.push(error)) },
  });
  const fiber = Effect.runFork(cache.getOrSet(key, () => Effect.succeed("fallback")));
  await sleep(100);
  const filled = async () => {
    await run(leader.fill(key, "leader", "filled", { freshFor: 60_000 }));
    const began = performance.now();
    const { value } = await run(Fiber.join(fiber));
    const took = performance.now() - began;
    assert.ok(took < 5000, `found without a push after ${took} ms`);
    return value;
  };
  return { key, fiber, filled };
}

/** What `fs.watch` is while something is done: a watch that tells only what it is told to tell. */
async function withWatch(
  watch: (tell: (file: string | null) => void, watcher: EventEmitter) => void,
  work: (closed: () => number) => Promise<void>,
): Promise<void> {
  const own = fs.watch;
  let closed = 0;
  const instead = (_folder: string, _options: object, changed: (...args: unknown[]) => void) => {
    const watcher = new EventEmitter();
    watch((file) => changed("change", file), watcher);
    return Object.assign(watcher, { close: () => void closed++ });
  };
  fs.watch = instead as never;
  try {
    await work(() => closed);
  } finally {
    fs.watch = own;
  }
}

// A watch keeps no process alive.
let alive: ReturnType<typeof setInterval>;
before(() => void (alive = setInterval(() => {}, 1000)));
after(() => clearInterval(alive));

describe("push of sqlite", { skip }, () => {
  it("wakes a follower within milliseconds of the fill, in every journal mode", async () => {
    for (const mode of ["wal", "delete", "truncate", "persist"]) {
      const [one, two] = [folder.open(`${mode}.db`), folder.open(`${mode}.db`)];
      await run(sqliteAdapter({ db: one }).get("a"));
      for (const db of [one, two]) db.exec(`PRAGMA journal_mode = ${mode}`);
      const options = { createTable: false };
      const leader = sqliteAdapter({ ...options, db: one });
      const follower = sqliteAdapter({ ...options, db: two });
      const late: number[] = [];
      for (let round = 0; round < 20; round++) {
        const key = randomToken();
        await run(leader.acquire(key, "a", 60_000));
        await run(Effect.scoped(Effect.gen(function* () {
          const watch = yield* follower.watch!(key);
          const began = performance.now();
          yield* leader.fill(key, "a", round);
          yield* watch!.next;
          assert.equal((yield* follower.acquire(key, "b", 60_000))._tag, "Hit");
          late.push(performance.now() - began);
        })));
      }
      const median = medianOf(late).toFixed(1);
      console.log(`    # ${mode}: the value is there ${median} ms after its fill was begun`);
    }
  });

  it("wakes those alone whose key has changed, whatever else is written, and nobody by a renewal", async () => {
    const [one, two] = [folder.open("alone.db"), folder.open("alone.db")];
    const [leader, follower] = [sqliteAdapter({ db: one }), sqliteAdapter({ db: two })];
    await run(leader.acquire("kept", "a", 60_000));
    await run(leader.acquire("filled", "a", 60_000));
    await run(Effect.scoped(Effect.gen(function* () {
      const kept = yield* follower.watch!("kept");
      const filled = yield* follower.watch!("filled");
      for (let i = 0; i < 20; i++) yield* leader.set(`other ${i}`, i);
      assert.equal(yield* leader.renew("kept", "a", 60_000), true);
      yield* leader.fill("filled", "a", 1);
      yield* filled!.next;
      const { _tag } = yield* Effect.timeoutOption(kept!.next, 300);
      assert.equal(_tag, "None");
    })));
  });

  it("stands before there is a table", async () => {
    const [one, two] = [folder.open("first.db"), folder.open("first.db")];
    const [writer, follower] = [sqliteAdapter({ db: one }), sqliteAdapter({ db: two })];
    await run(Effect.scoped(Effect.gen(function* () {
      const watch = yield* follower.watch!("a");
      yield* writer.set("a", 1);
      yield* watch!.next;
    })));
  });

  it("looks in time, however many changes follow one another", async () => {
    const leader = sqliteAdapter({ db: folder.open("many.db") });
    let tell = (_file: string | null) => {};
    await withWatch((told) => void (tell = told), async () => {
      const { filled } = await follow(leader, { db: folder.open("many.db") });
      let changes = true;
      const change = () => {
        tell("many.db-wal");
        if (changes) setImmediate(change);
      };
      change();
      await sleep(150);
      const value = filled();
      assert.equal(await Promise.race([value, sleep(3000)]), "filled");
      changes = false;
    });
  });

  it("wakes by a value that is set over the same value", async () => {
    const [one, two] = [folder.open("set.db"), folder.open("set.db")];
    const [writer, follower] = [sqliteAdapter({ db: one }), sqliteAdapter({ db: two })];
    for (let i = 0; i < 2; i++) await run(writer.set("a", 1));
    await run(Effect.scoped(Effect.gen(function* () {
      const watch = yield* follower.watch!("a");
      yield* writer.set("a", 1);
      yield* watch!.next;
    })));
  });

  it("has one watch for all keys and stores of a connection, and closes it when none is waited for", async () => {
    const leader = sqliteAdapter({ db: folder.open("one.db") });
    const db = folder.open("one.db");
    let opened = 0;
    let tell = (_file: string | null) => {};
    await withWatch((told) => void (opened++, tell = told), async (closed) => {
      const waits = await Promise.all([
        ...Array.from({ length: 4 }, () => follow(leader, { db })),
        ...Array.from({ length: 4 }, () => follow(leader, { db, keyPrefix: "" })),
      ]);
      assert.equal(opened, 1);
      const values = waits.map(({ filled }) => filled());
      await sleep(20);
      tell("one.db-wal");
      assert.deepEqual(await Promise.all(values), Array(8).fill("filled"));
      await sleep(1300);
      assert.equal(closed(), 1);
      // And opens it again.
      const { filled } = await follow(leader, { db });
      const value = filled();
      await sleep(20);
      tell(null);
      assert.equal(await value, "filled");
      assert.equal(opened, 2);
    });
  });
});

describe("watches of sqlite", { skip }, () => {
  it("finds what is committed after the file has changed, and heeds no other file", async () => {
    const leader = sqliteAdapter({ db: folder.open("late.db") });
    let tell = (_file: string | null) => {};
    await withWatch((told) => void (tell = told), async () => {
      const errors: CacheLockingError[] = [];
      const { filled, fiber } = await follow(leader, { db: folder.open("late.db") }, errors);
      tell("late.db-wal");
      await sleep(15);
      assert.equal(await filled(), "filled");
      const other = await follow(leader, { db: folder.open("late.db") }, errors);
      await sleep(150);
      const value = other.filled();
      for (const name of ["other.db", "late.db-shm", "late.db-wal2"]) tell(name);
      assert.equal(await Promise.race([value, sleep(200)]), undefined);
      tell("late.db-wal");
      assert.equal(await value, "filled");
      assert.deepEqual(errors, []);
      await run(Fiber.interrupt(fiber));
    });
  });

  it("goes on once all other connections were closed, and the files of the WAL made anew", async () => {
    const name = "anew.db";
    const first = openFile(folder.file(name));
    const leader = sqliteAdapter({ db: first });
    await run(leader.acquire("key", "a", 60_000));
    const db = openFile(folder.file(name));
    const watching = sqliteAdapter({ db });
    await run(Effect.scoped(Effect.gen(function* () {
      const watch = yield* watching.watch!("key");
      yield* Effect.sync(() => first.close());
      const again = openFile(folder.file(name));
      const other = sqliteAdapter({ db: again });
      assert.equal(yield* other.fill("key", "a", 1), true);
      yield* watch!.next;
      yield* Effect.sync(() => again.close());
    })));
    db.close();
  });

  it("polls where it can't watch, says so, and watches once it can", async () => {
    const leader = sqliteAdapter({ db: folder.open("refused.db") });
    const db = folder.open("refused.db");
    const errors: CacheLockingError[] = [];
    const refuse = () => {
      throw new Error("ENOSPC: System limit for number of file watchers reached");
    };
    await withWatch(refuse, async () => {
      const polling = await follow(leader, { db }, errors);
      await run(Fiber.interrupt(polling.fiber));
    });
    assert.deepEqual(errors.map(({ _tag }) => _tag), ["WAIT_FAILED"]);
    assert.match(errors[0]!.message, /ENOSPC/);
    await sleep(1100);
    const { filled } = await follow(leader, { db }, errors);
    assert.equal(await filled(), "filled");
    assert.equal(errors.length, 1);
  });

  it("says so where the watch breaks, or the connection is closed", async () => {
    const leader = sqliteAdapter({ db: folder.open("broken.db") });
    const errors: CacheLockingError[] = [];
    let broken: EventEmitter;
    await withWatch((_, watcher) => void (broken = watcher), async (closed) => {
      const { fiber } = await follow(leader, { db: folder.open("broken.db") }, errors);
      broken.emit("error", new Error("the folder is gone"));
      await sleep(20);
      assert.match(errors[0]!.message, /the folder is gone/);
      assert.equal(closed(), 1);
      await run(Fiber.interrupt(fiber));
    });
    const db = openFile(folder.file("broken.db"));
    const { key, fiber } = await follow(leader, { db }, errors);
    db.close();
    await run(leader.release(key, "leader", "failed"));
    await sleep(200);
    assert.equal(errors[1]!._tag, "WAIT_FAILED");
    await run(Fiber.interrupt(fiber));
  });

  it("has none in memory, and none with `watch: false`", async () => {
    const db = openFile(":memory:");
    await withWatch(() => assert.fail(), async () => {
      assert.equal(await run(Effect.scoped(sqliteAdapter({ db }).watch!("a"))), undefined);
    });
    assert.equal(sqliteAdapter({ db, watch: false }).watch, undefined);
    db.close();
  });
});
