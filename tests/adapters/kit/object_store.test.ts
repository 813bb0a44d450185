import { Effect } from "effect";
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { LeaseOutcome, Store } from "../../../mod.ts";
import type { Objects } from "../../../adapters/kit/objects.ts";
import { makeObjectStore } from "../../../adapters/kit/object_store.ts";
import { conformance } from "../../conformance/mod.ts";
import { damagedObjects } from "../../support/damaged_objects.ts";
import { type Meddle, memoryObjects } from "../../support/memory_objects.ts";
import { simulate } from "../../support/simulation.ts";

const HOUR = 60 * 60 * 1000;

/** A bucket in a world of its own, and stores over it. */
function world() {
  const simulation = simulate();
  const bucket = memoryObjects(simulation.now);
  const time = {
    monotonic: simulation.now,
    pause: (millis: number) => simulation.promise(Effect.sleep(millis)),
  };
  const storeOver = (objects: Objects) => makeObjectStore({ name: "objects", objects, time });
  const open = (meddle?: Meddle) => {
    const objects = bucket.reach(meddle);
    return { store: storeOver(objects), asked: objects.asked };
  };
  const contentOf = (name: string) => new TextDecoder().decode(bucket.held.get(name)?.body);
  return { ...simulation, ...bucket, open, storeOver, contentOf };
}

/** Does something to the first request of a kind, and to those after it as they are. */
function once(request: "get" | "put" | "delete", how: ReturnType<Meddle>): Meddle {
  let left = 1;
  return (asked) => asked === request && left-- > 0 ? how : undefined;
}

describe("object store: the suite", () => {
  const shared = world();
  const cases = conformance({
    open: Effect.sync(() => shared.open().store),
    run: shared.runExit,
    gaps: {
      push: "objects have none",
      expiry: "whoever has a lease has it until another has seen it for long enough",
      l1: "an L1 counts by this machine's clock, and time is made up here",
    },
    damage: damagedObjects((key, body) => {
      const bytes = typeof body === "string" ? new TextEncoder().encode(body) : body;
      shared.held.set(key, { body: bytes, written: shared.now() });
      return Promise.resolve();
    }),
  });
  for (const { name, run, skipped = false } of cases) it(name, { skip: skipped }, run);
});

describe("object store", () => {
  it("needs one request for a hit, and four for a miss once conditions are known to count", async () => {
    const { open, run } = world();
    const { store, asked } = open();
    const miss = async (key: string) => {
      await run(store.get(key));
      await run(store.acquire(key, "a", 1000));
      await run(store.fill(key, "a", "value"));
      return asked.splice(0);
    };
    const proof = Array.from({ length: 18 }, () => "put");
    assert.deepEqual(await miss("first"), ["get", "get", "put", ...proof, "put"]);
    assert.deepEqual(await miss("second"), ["get", "get", "put", "put"]);
    await run(store.get("second"));
    assert.deepEqual(asked, ["get"]);
  });

  it("writes no bytes twice, so that a hash of them names one write", async () => {
    const { open, run, contentOf } = world();
    const { store } = open();
    const seen = new Set<string>();
    for (let write = 0; write < 3; write++) {
      await run(store.set("a", "same", { freshFor: 1000 }));
      seen.add(contentOf("a"));
      await run(store.delete("a"));
      await run(store.acquire("a", "a", 1000));
      seen.add(contentOf("a"));
      await run(store.renew("a", "a", 1000));
      seen.add(contentOf("a"));
    }
    assert.equal(seen.size, 9);
  });

  it("takes a lease over that was left long before anybody looked", async () => {
    const { run, open } = world();
    await run(open().store.acquire("a", "dies", 1000));
    await run(Effect.sleep(1500));
    assert.equal((await run(open().store.acquire("a", "me", 1000)))._tag, "Follower");
    await run(Effect.sleep(2600));
    assert.equal((await run(open().store.acquire("a", "me", 1000)))._tag, "Leader");
  });

  it("believes no writer's time beyond the second in which the server says that it wrote", async () => {
    for (const skew of [HOUR, -HOUR]) {
      const { run, open, reach, now, storeOver } = world();
      const objects = { ...reach(), now: () => now() + skew };
      const skewed = storeOver(objects);
      await run(skewed.set("a", "value", { freshFor: 3000 }));
      const { store } = open();
      await run(Effect.sleep(1900));
      assert.deepEqual((await run(store.get("a")))?.value, "value");
      await run(Effect.sleep(2200));
      assert.equal(await run(store.get("a")), undefined);
    }
  });

  it("takes nothing for its own that it didn't write, and no more of it than it knows", async () => {
    const { run, open, held, now } = world();
    const { store } = open();
    const foreign = [
      "",
      "\n",
      "cache-locking/1",
      "cache-locking/1 \n1",
      "cache-locking/1 null\n1",
      "cache-locking/1 {}\n1",
      'cache-locking/1 {"kind":"entry","at":"0"}\n1',
      'cache-locking/1 {"kind":"entry","at":0,"ttl":"1"}\n1',
      'cache-locking/1 {"kind":"lease","at":0}\n1',
      'cache-locking/1 {"kind":"__proto__","at":0,"ttl":1}\n1',
      'cache-locking/2 {"kind":"entry","at":0}\n1',
      '{"kind":"entry","at":0}\n1',
    ];
    for (const text of foreign) {
      held.set("a", { body: new TextEncoder().encode(text), written: now() });
      const error = await run(Effect.flip(store.get("a")));
      assert.equal(error.corrupt, true, text);
      assert.match(error.message, /the stored object is not from this library/);
      assert.equal(await run(store.renew("a", "me", 1000)), false);
      assert.equal((await run(store.acquire("a", text, 1000)))._tag, "Leader", text);
    }
    const lease = 'cache-locking/1 {"kind":"lease","at":0,"ttl":9e9,"owner":1,"last":"x"}\n';
    held.set("a", { body: new TextEncoder().encode(lease), written: now() });
    assert.equal((await run(store.acquire("a", "me", 1000)))._tag, "Leader");
    const polluting = 'cache-locking/1 {"kind":"entry","at":0,"__proto__":{"ttl":0}}\n1';
    held.set("a", { body: new TextEncoder().encode(polluting), written: now() });
    assert.deepEqual((await run(store.get("a")))?.value, 1);
  });

  it("names objects so that every server can keep them, each key its own", () => {
    const { open, run, held } = world();
    const { store } = open();
    const names = {
      "user:42": "user:42",
      "a/b": "a!2Fb",
      "..": "!2E!2E",
      "...": "!2E!2E!2E",
      "a.b": "a.b",
      "a!2Fb": "a!212Fb",
      "é~": "!C3!A9!7E",
      "a\0": "a!00",
    };
    return run(Effect.gen(function* () {
      for (const key of Object.keys(names)) yield* store.set(key, key);
      assert.deepEqual([...held.keys()], Object.values(names));
      held.clear();
      for (const key of ["x".repeat(2000), "x".repeat(2001), "日".repeat(600)]) {
        yield* store.set(key, key);
        assert.equal((yield* store.get(key))?.value, key);
      }
      assert.equal(held.size, 3);
      for (const name of held.keys()) assert.match(name, /^[\w!]{40}~[0-9a-f]{64}$/);
    }));
  });

  it("refuses prefixes that it can't use", () => {
    const { reach } = world();
    for (const keyPrefix of [1, null, "\ud800", "x".repeat(251)]) {
      assert.throws(
        () => makeObjectStore({ name: "objects", objects: reach(), keyPrefix: keyPrefix as never }),
        { name: "TypeError", message: /^`keyPrefix` must be a string of at most 250 characters/ },
      );
    }
  });
});

describe("the answers of objects", () => {
  describe("an answer that is lost", () => {
    const lost = (request: "get" | "put" | "delete") => {
      const { open, ...rest } = world();
      return { ...rest, ...open(once(request, "lost")), open };
    };

    it("to an acquire is found again by its owner", async () => {
      const { store, run, asked } = lost("put");
      await run(Effect.flip(store.acquire("a", "me", 1000)));
      assert.equal((await run(store.acquire("a", "me", 1000)))._tag, "Leader");
      asked.length = 0;
      assert.equal(await run(store.fill("a", "me", "value")), true);
      assert.deepEqual(asked, ["put"]);
    });

    it("to an acquire leaves no lease when that is released", async () => {
      const { store, run, open } = lost("put");
      await run(Effect.flip(store.acquire("a", "me", 1000)));
      await run(store.release("a", "me", "cancelled"));
      assert.equal((await run(open().store.acquire("a", "other", 1000)))._tag, "Leader");
    });

    for (
      const [name, lose] of Object.entries(
        {
          renew: (store) => store.renew("a", "me", 1000),
          fill: (store) => store.fill("a", "me", "value"),
        } satisfies Record<string, (store: Store<unknown>) => Effect.Effect<boolean, Error>>,
      )
    ) {
      it(`to a ${name} doesn't lose the lease`, async () => {
        const { run, open } = world();
        let losing = false;
        const { store } = open((request) =>
          request === "put" && losing ? (losing = false, "lost") : undefined
        );
        await run(store.acquire("a", "me", 1000));
        losing = true;
        await run(Effect.flip(lose(store)));
        assert.equal(losing, false);
        assert.equal(await run(lose(store)), true);
        assert.equal(await run(store.fill("a", "me", "value")), true);
        assert.deepEqual((await run(open().store.get("a")))?.value, "value");
      });
    }

    for (const outcome of ["failed", "uncached", "cancelled"] satisfies LeaseOutcome[]) {
      it(`to a release that says ${outcome} changes nothing when it is asked for again`, async () => {
        const { run, open, contentOf } = world();
        let losing = false;
        const { store } = open(() => losing ? (losing = false, "lost") : undefined);
        await run(store.acquire("a", "me", 1000));
        losing = true;
        await run(Effect.flip(store.release("a", "me", outcome)));
        const left = contentOf("a");
        await run(store.release("a", "me", outcome));
        assert.equal(contentOf("a"), left);
        const { _tag } = await run(store.acquire("a", "next", 1000, { waitedFor: "me" }));
        assert.equal(_tag, outcome === "uncached" ? "Ended" : "Leader");
      });
    }
  });

  it("knows its own writes where a client sends them twice, as their first answer was lost", async () => {
    const { run, reach, open, storeOver } = world();
    const objects = reach();
    let twice = false;
    const store = storeOver({
      ...objects,
      put: async (name, body, options) => {
        if (twice) await objects.put(name, body, options);
        twice = false;
        return await objects.put(name, body, options);
      },
      conditional: "known",
    });
    const sentTwice = <A, E>(effect: Effect.Effect<A, E>) => {
      twice = true;
      return run(effect);
    };
    assert.equal((await sentTwice(store.acquire("a", "me", 1000)))._tag, "Leader");
    assert.equal(await sentTwice(store.renew("a", "me", 1000)), true);
    assert.equal(await sentTwice(store.fill("a", "me", "value")), true);
    assert.deepEqual((await run(open().store.get("a")))?.value, "value");
    await run(store.delete("a"));
    await run(store.acquire("a", "me", 1000));
    await sentTwice(store.release("a", "me", "uncached"));
    assert.equal(
      (await run(open().store.acquire("a", "next", 1000, { waitedFor: "me" })))._tag,
      "Ended",
    );
  });

  it("waits for the renewal under way before it fills, even if nobody else does", async () => {
    const { run, reach, open, storeOver } = world();
    const objects = reach();
    let slow = false;
    const store = storeOver({
      ...objects,
      conditional: "known",
      put: async (name, body, options) => {
        if (slow) await run(Effect.sleep(50));
        slow = false;
        return await objects.put(name, body, options);
      },
    });
    await run(store.acquire("a", "me", 1000));
    slow = true;
    await run(Effect.timeoutOption(store.renew("a", "me", 1000), 10));
    objects.asked.length = 0;
    assert.equal(await run(store.fill("a", "me", "value")), true);
    assert.deepEqual(objects.asked, ["put", "put"]);
    assert.deepEqual((await run(open().store.get("a")))?.value, "value");
  });

  it("leaves no lease behind of an acquire that comes after it was given up", async () => {
    const { run, reach, open, storeOver } = world();
    const objects = reach();
    let arrive!: () => void;
    const late = new Promise<void>((resolve) => arrive = resolve);
    const store = storeOver({
      ...objects,
      conditional: "known",
      // As a client of HTTP: what it calls off may have been sent.
      put: (name, body, options) =>
        new Promise((resolve, reject) => {
          const abort = () => reject(new Error("aborted"));
          if (options.signal.aborted) return abort();
          options.signal.addEventListener("abort", abort);
          late.then(() => objects.put(name, body, options)).then(resolve, reject);
        }),
    });
    await run(Effect.timeoutOption(store.acquire("a", "me", 1000), 10));
    const released = await run(Effect.timeoutOption(store.release("a", "me", "cancelled"), 10));
    assert.equal(released._tag, "None");
    // How long a request goes on whose caller has left is the machine's time.
    await sleep(20);
    arrive();
    await run(store.get("a"));
    await run(Effect.sleep(10));
    assert.equal((await run(open().store.acquire("a", "next", 1000)))._tag, "Leader");
  });

  it("takes no answer for the newer one that was asked for before", async () => {
    const { run, reach, open, storeOver } = world();
    const objects = reach();
    let late = false;
    const store = storeOver({
      ...objects,
      conditional: "known",
      get: async (name, signal) => {
        const delayed = late;
        late = false;
        const answer = await objects.get(name, signal);
        if (delayed) await run(Effect.sleep(50));
        return answer;
      },
    });
    await run(open().store.acquire("a", "old", 1000));
    await run(store.acquire("a", "sees", 1000));
    await run(Effect.sleep(1000));
    late = true;
    const [behind, taken] = await run(Effect.all([
      store.acquire("a", "behind", 60_000),
      Effect.flatMap(Effect.sleep(10), () => store.acquire("a", "new", 60_000)),
    ], { concurrency: "unbounded" }));
    assert.equal(taken._tag, "Leader");
    assert.ok(behind._tag === "Follower" && behind.lease === "new", JSON.stringify(behind));
  });

  it("looks again after a conflict", async () => {
    const { run, open } = world();
    let conflicts = 0;
    const { store, asked } = open((request) =>
      request === "put" && conflicts-- > 0 ? "conflict" : undefined
    );
    await run(store.acquire("proves", "me", 1000));
    asked.length = 0;
    conflicts = 1;
    assert.equal((await run(store.acquire("a", "me", 1000)))._tag, "Leader");
    assert.deepEqual(asked.splice(0), ["get", "put", "get", "put"]);
    conflicts = 1;
    assert.equal(await run(store.renew("a", "me", 1000)), true);
    conflicts = 1;
    assert.equal(await run(store.fill("a", "me", "value")), true);
    assert.deepEqual(asked.splice(0), ["put", "get", "put", "put", "get", "put"]);

    conflicts = Infinity;
    await run(store.delete("a"));
    const { message } = await run(Effect.flip(store.acquire("a", "me", 1000)));
    assert.match(message, /others wrote it during each of 5 tries/);
  });
});

describe("a server that ignores conditions", () => {
  const ignoring: Record<string, Meddle> = {
    "all of them": () => "ignored",
    "those of what must not be there": (_, over) => over === null ? "ignored" : undefined,
    "those of what must be there": (_, over) => over ? "ignored" : undefined,
  };
  for (const [which, meddle] of Object.entries(ignoring)) {
    it(`is refused at the first lease, if it is ${which}`, async () => {
      const { run, open, held } = world();
      const { store, asked } = open(meddle);
      for (const key of ["a", "b"]) {
        const { message } = await run(Effect.flip(store.acquire(key, "me", 1000)));
        assert.match(message, /^Cannot acquire the lease for "[ab]": the server ignores/);
        await run(store.release(key, "me", "cancelled"));
      }
      assert.equal(held.size, 0);
      assert.equal(asked.filter((request) => request === "delete").length, 1);
      await run(store.set("a", "value"));
      assert.deepEqual((await run(store.get("a")))?.value, "value");
    });
  }

  it("is found out where its conditions race, as one of 16 writes at once may be made", async () => {
    const { run, open, held } = world();
    let writes = 0;
    // The lease, the two that must be refused, and then the race.
    const { store } = open((request) =>
      request === "put" && [5, 9].includes(++writes) ? "ignored" : undefined
    );
    const { message } = await run(Effect.flip(store.acquire("a", "me", 1000)));
    assert.match(
      message,
      /: the server made 3 of 16 writes at once, of which the conditions allow/,
    );
    assert.equal(held.size, 0);
    await run(Effect.flip(store.acquire("b", "me", 1000)));
    assert.equal(held.size, 0);
  });

  it("is found out once for all that ask at once", async () => {
    const { run, open } = world();
    const { store, asked } = open();
    const keys = Array.from({ length: 10 }, (_, key) => String(key));
    const leads = await run(
      Effect.forEach(keys, (key) => store.acquire(key, "me", 1000), { concurrency: "unbounded" }),
    );
    assert.ok(leads.every(({ _tag }) => _tag === "Leader"));
    assert.equal(asked.filter((request) => request === "put").length, 10 + 18);
    for (const key of keys) assert.equal(await run(store.fill(key, "me", key)), true);
  });

  it("is not confused with one on which somebody deletes meanwhile", async () => {
    const { run, open, held } = world();
    let writes = 0;
    const { store } = open((request) => {
      // The lease is gone by the time of the second and the third write.
      if (request === "put" && writes++ === 1) held.clear();
      return undefined;
    });
    await run(store.acquire("a", "me", 1000));
    assert.ok(writes > 3);
    assert.equal(await run(store.fill("a", "me", "stale")), false);
    assert.equal(await run(store.get("a")), undefined);
    assert.equal((await run(store.acquire("a", "other", 1000)))._tag, "Leader");
  });
});
