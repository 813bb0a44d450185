import { Effect, Exit, Fiber, Scope } from "effect";
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import {
  IDLE_CLOSE_MS,
  makePush,
  type PushEvents,
  PushForbidden,
  sharedPush,
} from "../../../adapters/kit/push.ts";
import { until } from "../../support/until.ts";

const run = Effect.runPromise;

/** A driver that notes what it is asked. */
function driver({ refuses }: { readonly refuses?: (asked: string) => boolean } = {}) {
  const asked: string[] = [];
  const opened: PushEvents[] = [];
  const ask = (what: string) => {
    asked.push(what);
    return refuses?.(what) ? Promise.reject(new Error(`${what} is refused`)) : Promise.resolve();
  };
  const push = makePush({
    async open(events) {
      await ask("open");
      opened.push(events);
      return {
        subscribe: (topic) => ask(`subscribe ${topic}`),
        unsubscribe: (topics) => void ask(`unsubscribe ${topics}`),
        close: (topics) => void ask(`close ${topics}`),
      };
    },
  });
  /** Watches until it is closed. */
  const watch = async (topic: string) => {
    const scope = await run(Scope.make());
    const watching = Effect.provideService(
      push.watch(topic, `key of ${topic}`),
      Scope.Scope,
      scope,
    );
    const { next } = (await run(watching))!;
    return { next: () => run(next), close: () => run(Scope.close(scope, Exit.void)) };
  };
  return { asked, opened, push, watch };
}

describe("push", () => {
  it("opens one connection and subscribes to a topic once, for all who watch", async () => {
    const { asked, watch, opened } = driver();
    const [a, same, b] = await Promise.all(["a", "a", "b"].map(watch));
    assert.deepEqual(asked.splice(0), ["open", "subscribe a", "subscribe b"]);
    const woken = Promise.all([a!.next(), same!.next()]);
    opened[0]!.message("a");
    await woken;
    const others = run(Effect.timeoutOption(Effect.promise(() => b!.next()), 10));
    assert.equal((await others)._tag, "None");
    await Promise.all([a!.close(), same!.close(), b!.close()]);
  });

  it("stops the messages of a topic, and closes, a second after the last has gone", async () => {
    const { asked, watch } = driver();
    const [a, b] = await Promise.all(["a", "b"].map(watch));
    await a!.close();
    await a!.close();
    await sleep(IDLE_CLOSE_MS / 2);
    const again = await watch("a");
    await again.close();
    await sleep(IDLE_CLOSE_MS * 0.8);
    assert.deepEqual(asked.splice(0), ["open", "subscribe a", "subscribe b"]);
    await sleep(IDLE_CLOSE_MS * 0.4);
    assert.deepEqual(asked.splice(0), ["unsubscribe a"]);
    await b!.close();
    await sleep(IDLE_CLOSE_MS + 100);
    assert.deepEqual(asked.splice(0), ["close b"]);
    await (await watch("c")).close();
    assert.deepEqual(asked, ["open", "subscribe c"]);
  });

  it("hears of a topic while a watch of it stands, and asks for none if there can't be one", async () => {
    const { asked, push, watch, opened } = driver({ refuses: (what) => what === "subscribe no" });
    let looked = 0;
    const hears = (topic: string) => push.hears(() => (looked++, topic));
    assert.equal(hears("a"), false);
    assert.equal(looked, 0);
    const opening = watch("a");
    assert.equal(hears("a"), false);
    const [one, two] = [await opening, await watch("a")];
    assert.deepEqual([hears("a"), hears("b")], [true, false]);
    await assert.rejects(watch("no"));
    assert.equal(hears("no"), false);
    await one.close();
    assert.equal(hears("a"), true);
    await two.close();
    assert.equal(hears("a"), false);
    await watch("a");
    assert.equal(hears("a"), true);
    opened[0]!.lost(new Error("lost"));
    assert.equal(hears("a"), false);
    assert.deepEqual(asked, ["open", "subscribe a", "subscribe no"]);
    push.closeIdle();

    const none = makePush({ open: () => undefined });
    await run(Effect.scoped(Effect.andThen(
      none.watch("a", "a"),
      Effect.sync(() => assert.equal(none.hears(() => "a"), false)),
    )));
    none.closeIdle();
  });

  it("holds a topic until it is let go of, and again when the connection is back or another", async () => {
    const { asked, push, opened } = driver();
    let stood = 0;
    const letGo = push.hold("a", () => void stood++);
    await sleep(20);
    assert.deepEqual([asked.splice(0), stood], [["open", "subscribe a"], 1]);
    opened[0]!.back();
    await sleep(20);
    assert.deepEqual([asked.splice(0), stood], [["subscribe a"], 2]);
    opened[0]!.message("a");
    opened[0]!.message("b");
    assert.equal(stood, 3);
    opened[0]!.lost(new Error("lost"));
    await until(() => stood === 4);
    assert.deepEqual(asked.splice(0), ["subscribe a"]);
    opened[0]!.ended(new Error("ended"));
    await until(() => stood === 5);
    assert.deepEqual(asked.splice(0), ["close ", "open", "subscribe a"]);
    letGo();
    opened[1]!.back();
    await sleep(IDLE_CLOSE_MS + 100);
    assert.deepEqual([asked.splice(0), stood], [["subscribe a", "close a"], 5]);
  });

  it("takes no topic that can't be held for a push that is forbidden", async () => {
    let stood = 0;
    const push = makePush({
      open: () => ({
        subscribe: (topic) => topic === "own" ? Promise.reject(new PushForbidden()) : undefined,
        unsubscribe: () => {},
        close: () => {},
      }),
    });
    const letGo = push.hold("own", () => void stood++);
    await sleep(20);
    const watch = await run(Effect.scoped(push.watch("a", "key")));
    assert.ok(watch !== undefined);
    assert.equal(stood, 0);
    letGo();
  });

  it("ends at once what nobody watches, if it is told to", async () => {
    const { asked, push, watch } = driver();
    push.closeIdle();
    const [a, b] = await Promise.all(["a", "b"].map(watch));
    await a!.close();
    asked.splice(0);
    push.closeIdle();
    await sleep(1);
    assert.deepEqual(asked.splice(0), ["unsubscribe a"]);
    await b!.close();
    push.closeIdle();
    await sleep(1);
    assert.deepEqual(asked.splice(0), ["close b"]);
    const c = await watch("c");
    push.closeIdle();
    await sleep(1);
    assert.deepEqual(asked.splice(0), ["open", "subscribe c"]);
    await c.close();
  });

  it("subscribes again once the connection is back, and wakes all", async () => {
    const { asked, watch, opened } = driver();
    const watches = await Promise.all(["a", "b"].map(watch));
    asked.length = 0;
    const woken = Promise.all(watches.map(({ next }) => next()));
    opened[0]!.back();
    await woken;
    assert.deepEqual(asked, ["subscribe a", "subscribe b"]);
    for (const { close } of watches) await close();
  });

  it("fails all where the connection is lost, each with its key, and goes on over the same one", async () => {
    const { asked, watch, opened } = driver();
    const { next, close } = await watch("a");
    opened[0]!.lost(new Error("gone"));
    await assert.rejects(next(), { message: 'Cannot watch "key of a": gone' });
    await close();
    const again = await watch("a");
    assert.deepEqual(asked, ["open", "subscribe a", "subscribe a"]);
    await again.close();
  });

  it("opens another connection once one has ended, and hears that one no more", async () => {
    const { asked, watch, opened } = driver();
    const { next, close } = await watch("a");
    opened[0]!.ended(new Error("gone"));
    await assert.rejects(next(), { message: 'Cannot watch "key of a": gone' });
    await close();
    const again = await watch("a");
    assert.deepEqual(asked, ["open", "subscribe a", "close ", "open", "subscribe a"]);
    opened[0]!.lost(new Error("gone again"));
    const pushed = again.next();
    opened[1]!.message("a");
    await pushed;
    await again.close();
  });

  it("fails a watch that can't be opened or subscribed, and tries with the next", async () => {
    for (const refused of ["open", "subscribe a"]) {
      let refusing = true;
      const { watch } = driver({ refuses: (asked) => refusing && asked === refused });
      await assert.rejects(watch("a"), {
        message: `Cannot watch "key of a": ${refused} is refused`,
      });
      refusing = false;
      await (await watch("a")).close();
    }
  });

  it("fails all where it can't subscribe again", async () => {
    let refusing = false;
    const { watch, opened } = driver({ refuses: (asked) => refusing && asked === "subscribe b" });
    const watches = await Promise.all(["a", "b"].map(watch));
    refusing = true;
    opened[0]!.back();
    for (const { next, close } of watches) {
      await assert.rejects(next(), /subscribe b is refused/);
      await close();
    }
  });

  it("has no watch where the deployment has no push", async () => {
    const push = makePush({ open: () => Promise.resolve(undefined) });
    assert.equal(await run(Effect.scoped(push.watch("a", "a"))), undefined);
  });

  it("says once that push is forbidden, and has no watch from then on", async () => {
    const push = makePush({
      open: () =>
        Promise.resolve({
          subscribe: () => Promise.reject(new PushForbidden("no right")),
          unsubscribe() {},
          close() {},
        }),
    });
    const watch = (topic: string) => run(Effect.exit(Effect.scoped(push.watch(topic, topic))));
    const [first, ...others] = await Promise.all(["a", "b", "c"].map(watch));
    assert.equal(first!._tag, "Failure");
    for (const other of [...others, await watch("a")]) {
      assert.ok(other._tag === "Success" && other.value === undefined);
    }
  });

  for (
    const [what, silent] of Object.entries({
      "comes up": "open",
      "answers": "subscribe a",
      "answers once it is back": "back",
    })
  ) {
    it(`opens another connection in place of one that never ${what}`, async () => {
      const asked: string[] = [];
      const events: PushEvents[] = [];
      let isSilent = silent !== "back";
      const ask = (asks: string) => {
        asked.push(asks);
        const never = isSilent && (asks === silent || silent === "back");
        return never ? new Promise<void>(() => {}) : Promise.resolve();
      };
      const push = makePush({
        async open(given) {
          events.push(given);
          await ask("open");
          return {
            subscribe: (topic) => ask(`subscribe ${topic}`),
            unsubscribe: () => {},
            close: () => void asked.push("close"),
          };
        },
      }, 30);
      const watch = Effect.scoped(
        Effect.flatMap(push.watch("a", "a"), (watch) => {
          if (silent !== "back" || events.length > 1) return Effect.void;
          isSilent = true;
          events[0]!.back();
          return Effect.ignore(watch!.next);
        }),
      );
      // Its own timer keeps no process alive.
      const awake = setInterval(() => {}, 1000);
      const failure = await run(Effect.exit(watch)).finally(() => clearInterval(awake));
      assert.equal(failure._tag, silent === "back" ? "Success" : "Failure");
      isSilent = false;
      await run(watch);
      assert.equal(events.length, 2);
      const before = { open: [], "subscribe a": ["close"], back: ["subscribe a", "close"] };
      assert.deepEqual(asked, [
        ...["open", ...silent === "open" ? [] : ["subscribe a"]],
        ...before[silent as keyof typeof before],
        ...["open", "subscribe a"],
      ]);
    });
  }

  it("lets go of a topic whose watcher left before it stood", async () => {
    let stand!: () => void;
    const late = new Promise<void>((resolve) => stand = resolve);
    const asked: string[] = [];
    const push = makePush({
      open: () =>
        Promise.resolve({
          subscribe: () => late,
          unsubscribe: () => {},
          close: (topics) => void asked.push(`close ${topics}`),
        }),
    });
    const fiber = Effect.runFork(Effect.scoped(push.watch("a", "a")));
    await sleep(10);
    await run(Fiber.interrupt(fiber));
    stand();
    await sleep(IDLE_CLOSE_MS + 100);
    assert.deepEqual(asked, ["close a"]);
  });

  it("is one for all the stores of a client, by its name", () => {
    const [client, other] = [{}, {}];
    const open = () => ({ open: () => Promise.resolve(undefined) });
    const push = sharedPush(client, "a", open);
    assert.equal(sharedPush(client, "a", open), push);
    assert.notEqual(sharedPush(client, "b", open), push);
    assert.notEqual(sharedPush(other, "a", open), push);
  });
});
