import { formatCacheLockingError } from "../../mod.ts";
import assert from "node:assert/strict";
import { describe, it, test } from "node:test";
import { Cause, Effect } from "effect";
import {
  AdapterError,
  Cache,
  type CacheLockingError,
  isCacheLockingError,
  matchCacheLockingError,
} from "../../mod.ts";
import { cacheLockingError, CacheLockingFailure } from "../../src/model/errors.ts";
import { jsonCodec } from "../../src/store/codec.ts";
import { assertTellsNothing, PASSWORD, SECRETS } from "../conformance/told.ts";
import { mayRun } from "../support/address.ts";
import { startCallers } from "../support/callers.ts";
import { judgeError } from "../support/every_error.ts";
import { startRecording } from "../support/recording.ts";

test("errors are known from another copy of the library, and from others of the same tag", () => {
  const parts = { _tag: "ABORTED", context: { phase: "signal" } } as const;
  const brand = { [Symbol.for("cache-locking/CacheLockingError")]: true };
  const copy = Object.assign(new Error("from a copy"), parts, brand);
  const own = Object.assign(new Error("from elsewhere"), parts);
  const match = (error: Error) => matchCacheLockingError(error, { ABORTED: () => 1, _: () => 2 });
  assert.deepEqual([copy, own].map(isCacheLockingError), [true, false]);
  assert.deepEqual([copy, own].map(match), [1, 2]);
});

describe("what is told of a client's error", () => {
  const [secret, password] = SECRETS as [string, string];
  const command = { name: "set", args: ["key", secret, new TextEncoder().encode(password)] };

  it("is its name, message, code and frames, and as much of its causes", () => {
    const below = Object.assign(new TypeError("refused"), { code: 7, command });
    const thrown = Object.assign(new RangeError("out of memory", { cause: below }), {
      code: "OOM",
      command,
      [Symbol(secret)]: secret,
      toJSON: () => command,
    });
    Object.defineProperty(thrown, "response", { value: command, enumerable: false });
    const { cause, message } = new AdapterError("set", "a", thrown);
    assert.equal(message, 'Cannot store the value of "a": out of memory');
    assert.ok(cause instanceof Error && cause.cause instanceof Error);
    const { name, code, stack } = cause as Error & { code: string };
    assert.deepEqual([name, cause.message, code], ["RangeError", "out of memory", "OOM"]);
    assert.match(stack!, /^RangeError: out of memory\n +at .*errors\.test/);
    const { name: nameBelow, message: ofBelow } = cause.cause;
    assert.deepEqual([nameBelow, ofBelow], ["TypeError", "refused"]);
    assertTellsNothing(new AdapterError("set", "a", thrown));
  });

  it("is nothing that its class keeps on its prototype, or behind getters", () => {
    class Refused extends Error {
      get command() {
        return command;
      }
    }
    assertTellsNothing(new AdapterError("fill", "a", new Refused("no")));
  });

  it("is what can be told of something else that was thrown", () => {
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    const thrown = [command, proxy, null, () => secret, { message: command, code: command }, {
      get message(): string {
        throw secret;
      },
    }];
    for (const each of thrown) {
      const error = new AdapterError("get", "a", each);
      assert.equal(error.message, 'Cannot read the entry of "a": the backend failed');
      assertTellsNothing(error);
    }
    const loop = new Error("loop");
    loop.cause = loop;
    assertTellsNothing(new AdapterError("get", "a", loop));
  });

  it("is nothing of a URL's credentials, where it stands for an option", () => {
    const adapter = `redis://user:${password}@host:6379/0` as "memory";
    const error = Effect.runSync(
      Effect.flip(Cache.getOrSet({ adapter, key: "a", fetcher: () => Effect.succeed(1) })),
    );
    assert.match(error.message, /and is "redis:\/\/…@host:6379\/0"$/);
    assertTellsNothing(error);
  });

  it("is nothing of what `cacheTtl` returns", async () => {
    for (const part of [secret, { secret }, [secret], -42]) {
      const cacheTtl = () => part as never;
      const error = await Effect.runPromise(Effect.flip(
        Cache.getOrSet({ adapter: "memory", key: "a", fetcher: () => Effect.succeed(1), cacheTtl }),
      ));
      assert.match(
        error.message,
        /`cacheTtl` must return a duration, and returned an? \w+$/,
      );
      assertTellsNothing(error);
    }
  });
});

describe("the judge of every suite's errors", () => {
  it("finds a credential, and what was stored lately, in what a client threw", () => {
    jsonCodec.encode({ name: "Ada Lovelace" });
    const command = { args: ["SET", '{"name":"Ada Lovelace"}'] };
    for (
      const error of [
        new Error(`AUTH ${PASSWORD}`),
        Object.assign(new Error("no"), { command }),
        new Error("no", { cause: Object.assign(new Error("no"), { command }) }),
      ]
    ) {
      assert.throws(() => judgeError(error as never), /tells/);
    }
    judgeError(new AdapterError("set", "a", Object.assign(new Error("no"), { command })));
  });

  it("leaves alone what the caller's own code threw", () => {
    const own = new Error(SECRETS[0]);
    judgeError(cacheLockingError("FETCHER_FAILED", "Cannot", { phase: "fetch" }, own));
  });

  it("ends a process of a suite", { skip: mayRun() ? false : "it may start none" }, async () => {
    const place = { connection: "memory/connection", place: { url: "" }, own: true };
    const [caller] = await startCallers(1, place, startRecording());
    // Its followers' error names the key.
    const task = { key: SECRETS[0]!, callers: 3, fetch: 1, succeedsFrom: 10 };
    await caller!.call(task).report.catch(() => {});
    await assert.rejects(caller!.end(), /has ended with 1\n[^]* tells s3cr3t/);
  });

  it("sees each error that is made", () => {
    for (const each of [AdapterError, CacheLockingFailure]) {
      assert.equal(Object.getPrototypeOf(each).name, "Judged");
    }
  });
});

describe("a key in messages", () => {
  it("is cut to a hundred characters", () => {
    const { message, key } = new AdapterError("get", "k".repeat(5000));
    assert.equal(message, `Cannot read the entry of "${"k".repeat(100)}…": the backend failed`);
    assert.equal(key.length, 5000);
  });

  it("has nothing that a terminal or a log heeds", () => {
    const heeded = ["\x1b[31m", "\x7f", "\x85", "\x9b2J", "\u2028", "\u2029", "\u202e", "\u2066"];
    for (const mark of [...heeded, "\u200f", "\u061c"]) {
      const { message } = new AdapterError("get", `a${mark}b`);
      assert.doesNotMatch(message, /[^ -~]/);
      const [, quoted] = /"(.*)"/.exec(message)!;
      assert.equal(JSON.parse(`"${quoted}"`), `a${mark}b`);
    }
  });

  it("is refused where it has more than 64 kB", async () => {
    const get = (key: string) =>
      Effect.runPromise(Effect.exit(
        Cache.getOrSet({ adapter: "memory", key, fetcher: () => Effect.succeed(1) }),
      ));
    for (const [key, more] of [["k".repeat(65_536), "k"], ["日".repeat(21_845), "日"]] as const) {
      assert.equal((await get(key))._tag, "Success");
      const exit = await get(key + more);
      assert.ok(exit._tag === "Failure");
      const error = Cause.squash(exit.cause) as CacheLockingError;
      assert.equal(error._tag, "VALIDATION_ERROR");
      assert.match(
        error.message,
        /^Cannot use the option `key`: it must be a non-empty string of at most 64 kB, and is "/,
      );
      assert.ok(error.message.length < 300);
    }
  });
});

it("formatCacheLockingError takes any value", () => {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  const unprintable = { toString: () => ({}) };
  for (const value of [undefined, null, Object.create(null), Symbol("s"), proxy, unprintable, 1n]) {
    assert.equal(typeof formatCacheLockingError(value), "string");
  }
});
