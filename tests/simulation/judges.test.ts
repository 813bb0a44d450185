import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { judge } from "./judge.ts";
import type { Answer, BackendTraits, Event, Happening, Question, Terms } from "./history.ts";
import { termsOf } from "../support/recorded_call.ts";
import { judgeAll, sharedClock, startRecording } from "../support/recording.ts";

const KEY = "user:42";
const TTL = 1000;
const SLACK = 10;
const VALUE = "value of call 1";

/** One that shows all that it does. */
const BACKEND: BackendTraits = {
  fenced: true,
  seen: "deeds",
  renews: true,
  remembers: true,
  names: true,
  silent: false,
};

/** What happened in a process at a time, in milliseconds. */
type Line = readonly [at: number, process: number, happening: Happening];

const call = (call: number, more: Partial<Terms> = {}): Happening => ({
  type: "call",
  call,
  key: KEY,
  terms: { ...termsOf({ leaseTtl: TTL, cacheTtl: TTL, onCacheFailure: "bypass" }), ...more },
});
const returned = (call: number, cache: string): Happening => ({
  type: "return",
  call,
  ending: { type: "value", value: `value of call ${call}`, cache },
});
const fetch = (call: number): Happening => ({ type: "fetch", fetch: call * 1000, call });
const fetched = (call: number): Happening => ({
  type: "fetched",
  fetch: call * 1000,
  result: { type: "value", value: `value of call ${call}` },
});
/** Asks, and is answered: each operation is named by a number of its own. */
const ask = (operation: number, question: Omit<Question, "key">): Happening => ({
  type: "ask",
  operation,
  question: { key: KEY, ...question },
});
const answer = (operation: number, answer: Answer): Happening => ({
  type: "answer",
  operation,
  answer,
});
const owner = (call: number) => `call ${call}:a`;

/** What the judges say of what several processes recorded. */
function judged(lines: readonly Line[]): string[] {
  const recording = startRecording();
  const began = sharedClock();
  recording.add(lines.map(([at, process, happening]): Event => ({
    ...happening,
    at: began + at,
    process,
  })));
  return judgeAll(recording.histories(SLACK, { announces: true })).map(({ what }) => what);
}

/** What they say of what happened in virtual time, where what is of one moment comes in this order. */
function judgedInOrder(events: Event[]): string[] {
  return judge({ events, backend: BACKEND, slack: 0.01, instant: 0 }).map(({ what }) => what);
}

describe("The judges of what processes have recorded", () => {
  /** A lease, a fill, and a delete that another process asks for at a time, and a second fetch. */
  const second = (deleted: number): readonly Line[] => [
    [0, 1, call(1)],
    [1, 1, ask(11, { operation: "get" })],
    [2, 1, answer(11, { is: "none" })],
    [3, 1, ask(12, { operation: "acquire", owner: owner(1), ttl: TTL })],
    [4, 1, answer(12, { is: "Leader", remaining: TTL })],
    [5, 1, fetch(1)],
    [205, 1, fetched(1)],
    [206, 1, ask(13, { operation: "fill", owner: owner(1), value: VALUE, ttl: TTL })],
    [210, 1, answer(13, { is: "true" })],
    [211, 1, returned(1, "MISS-LEADER")],
    [deleted, 2, { type: "change", change: 2, how: "delete", key: KEY }],
    [deleted + 1, 2, ask(21, { operation: "delete" })],
    [deleted + 40, 2, answer(21, { is: "none" })],
    [deleted + 40, 2, { type: "changed", change: 2, ok: true }],
    [400, 3, call(3)],
    [401, 3, ask(31, { operation: "get" })],
    [402, 3, answer(31, { is: "none" })],
    [403, 3, ask(32, { operation: "acquire", owner: owner(3), ttl: TTL })],
    [404, 3, answer(32, { is: "Leader", remaining: TTL })],
    [405, 3, fetch(3)],
    [605, 3, fetched(3)],
    [606, 3, ask(33, { operation: "fill", owner: owner(3), value: "value of call 3", ttl: TTL })],
    [610, 3, answer(33, { is: "true" })],
    [611, 3, returned(3, "MISS-LEADER")],
  ];

  it("know that a delete may be done after a fill that was asked for later", () => {
    assert.deepEqual(judged(second(200)), []);
  });

  it("find the second fetch where a delete was answered before the fill", () => {
    assert.deepEqual(judged(second(60)), [
      "call 1 filled what had been changed since",
      "call 3 fetched what had been stored",
    ]);
  });

  /** Two values that are set by hand, the first of which ends so, and a hit of the first. */
  const setTwice = (end: Happening): readonly Line[] => [
    [0, 1, { type: "change", change: 1, how: "set", key: KEY, value: "one" }],
    [1, 1, ask(11, { operation: "set", value: "one" })],
    [100, 1, end],
    [101, 1, { type: "changed", change: 1, ok: end.type === "answer" }],
    [200, 2, { type: "change", change: 2, how: "set", key: KEY, value: "two" }],
    [201, 2, ask(21, { operation: "set", value: "two" })],
    [205, 2, answer(21, { is: "none" })],
    [206, 2, { type: "changed", change: 2, ok: true }],
    [400, 3, call(3)],
    [401, 3, ask(31, { operation: "get" })],
    [402, 3, answer(31, { is: "entry", value: "one" })],
    [403, 3, { type: "return", call: 3, ending: { type: "value", value: "one", cache: "HIT" } }],
  ];

  it("know that a set that was given up may be done later", () => {
    assert.deepEqual(judged(setTwice({ type: "dropped", operation: 11 })), []);
  });

  it("find what was set before another set", () => {
    assert.deepEqual(judged(setTwice(answer(11, { is: "none" }))), [
      "call 3 got what is older than a set before it",
    ]);
  });

  /** A leader whose only renewal ends so, almost or all of `operationTimeout` later, long before its fetch. */
  const renewed = (at: number, end: Happening): readonly Line[] => [
    [0, 1, call(1, { operationTimeout: 100 })],
    [1, 1, ask(11, { operation: "get" })],
    [2, 1, answer(11, { is: "none" })],
    [3, 1, ask(12, { operation: "acquire", owner: owner(1), ttl: TTL })],
    [4, 1, answer(12, { is: "Leader", remaining: TTL })],
    [5, 1, fetch(1)],
    [338, 1, ask(13, { operation: "renew", owner: owner(1), ttl: TTL })],
    [at, 1, end],
    [at + 1, 1, { type: "hook", call: 1, hook: "onError", tag: "LEASE_ACQUIRE_FAILED" }],
    [480, 1, fetched(1)],
    [481, 1, ask(14, { operation: "fill", owner: owner(1), value: VALUE, ttl: TTL })],
    [482, 1, answer(14, { is: "true" })],
    [483, 1, returned(1, "MISS-LEADER")],
  ];

  it("know that a renewal that has failed is asked for again a third of the lease later", () => {
    assert.deepEqual(judged(renewed(433, { type: "failure", operation: 13, corrupt: false })), []);
  });

  it("find one that had no answer in time, and wasn't asked for again at once", () => {
    assert.deepEqual(judged(renewed(438, { type: "dropped", operation: 13 })), [
      "call 1 stopped renewing its lease",
    ]);
  });

  /** One that has won a lease without hearing of it, and hears it once it asks again; another takes over when its time is out. */
  const unheard = (first: Happening, waitedFor?: string): readonly Line[] => {
    const owned = (call: number) =>
      ({ operation: "acquire", owner: owner(call), ttl: TTL }) as const;
    const waited = { ...owned(2), waitedFor: owner(1) };
    return [
      [0, 1, call(1)],
      [1, 1, ask(11, { operation: "get" })],
      [2, 1, answer(11, { is: "none" })],
      [3, 1, ask(12, owned(1))],
      [10, 2, call(2)],
      [11, 2, ask(21, { operation: "get" })],
      [12, 2, answer(21, { is: "none" })],
      [13, 2, ask(22, owned(2))],
      [14, 2, answer(22, { is: "Follower", lease: owner(1), remaining: TTL })],
      [803, 1, first],
      [804, 1, ask(13, { ...owned(1), waitedFor })],
      [805, 1, answer(13, { is: "Leader", remaining: TTL })],
      [806, 1, fetch(1)],
      [1014, 2, ask(23, waited)],
      [1015, 2, answer(23, { is: "Leader", remaining: TTL })],
      [1016, 2, fetch(2)],
      [1138, 1, ask(14, { operation: "renew", owner: owner(1), ttl: TTL })],
      [1139, 1, answer(14, { is: "false" })],
      [1146, 1, fetched(1)],
      [1147, 1, returned(1, "MISS-LEADER-NOCACHE")],
      [1216, 2, fetched(2)],
      [
        1217,
        2,
        ask(24, { operation: "fill", owner: owner(2), value: "value of call 2", ttl: TTL }),
      ],
      [1218, 2, answer(24, { is: "true" })],
      [1219, 2, returned(2, "MISS-LEADER")],
    ];
  };

  it("know that the lease of who didn't hear of it may be as old as its first question", () => {
    assert.deepEqual(judged(unheard({ type: "dropped", operation: 12 })), []);
    const heard = answer(12, { is: "Follower", lease: owner(3), remaining: 1 });
    assert.deepEqual(judged(unheard(heard, owner(3))), ["calls 1 and 2 led at once"]);
  });

  describe("of a leader that is announced", () => {
    const terms = { leaseTtl: 10 * TTL, waitMax: 20 * TTL };
    /** One that leads from the beginning until it crashes, and another process that takes over at a time. */
    const replaced = (crashed: number, at: number): readonly Line[] => {
      const lines: Line[] = [
        [0, 1, call(1, terms)],
        [1, 1, ask(11, { operation: "get" })],
        [2, 1, answer(11, { is: "none" })],
        [3, 1, ask(12, { operation: "acquire", owner: owner(1), ttl: terms.leaseTtl })],
        [4, 1, answer(12, { is: "Leader", remaining: terms.leaseTtl })],
        [5, 1, fetch(1)],
        [505, 1, { type: "announce", key: KEY, owner: owner(1) }],
        [crashed, 1, { type: "crash" }],
        [520, 2, call(2, terms)],
        [521, 2, ask(21, { operation: "get" })],
        [522, 2, answer(21, { is: "none" })],
      ];
      const owned = { operation: "acquire", owner: owner(2), ttl: terms.leaseTtl } as const;
      const waited = { ...owned, waitedFor: owner(1) };
      let number = 100;
      for (let look = 523; look < at; look += 251) {
        const lease = { lease: owner(1), remaining: terms.leaseTtl - look, watched: true };
        lines.push([look, 2, ask(++number, number > 101 ? waited : owned)]);
        lines.push([look + 1, 2, answer(number, { is: "Follower", ...lease })]);
      }
      const filled = { operation: "fill", owner: owner(2), value: "value of call 2" } as const;
      return [
        ...lines,
        [at, 2, ask(22, waited)],
        [at + 1, 2, answer(22, { is: "Leader", remaining: terms.leaseTtl })],
        [at + 2, 2, fetch(2)],
        [at + 202, 2, fetched(2)],
        [at + 203, 2, ask(23, { ...filled, ttl: TTL })],
        [at + 204, 2, answer(23, { is: "true" })],
        [at + 205, 2, returned(2, "MISS-LEADER")],
      ];
    };
    const cut = (from: number, to: number): readonly Line[] => [
      [from, -1, { type: "gone" }],
      [to, -1, { type: "back" }],
    ];

    it("know that it may be replaced once it has been dead for the grace", () => {
      assert.deepEqual(judged(replaced(700, 1776)), []);
      assert.deepEqual(judged(replaced(1100, 1776)), ["calls 1 and 2 led at once"]);
    });

    it("find one that was healthy, or cut off for less than the grace, and replaced", () => {
      const healthy = replaced(1900, 1776);
      assert.deepEqual(judged(healthy), ["calls 1 and 2 led at once"]);
      assert.deepEqual(judged([...healthy, ...cut(600, 1200)]), ["calls 1 and 2 led at once"]);
      assert.deepEqual(judged([...healthy, ...cut(600, 1800)]), []);
    });

    it("find one that is dead and waited for longer, unless the network was broken", () => {
      const late = replaced(700, 3500);
      assert.deepEqual(judged(late), ["call 1 is dead, and still waited for"]);
      assert.deepEqual(judged([...late, ...cut(600, 2400)]), []);
      assert.deepEqual(judged([...late, ...cut(1000, 2400)]), []);
    });
  });

  describe("of a failure that is shared", () => {
    const terms = { shares: TTL };
    const failure = { failures: 1, quietFor: TTL, payload: "e30=" };
    const told = (call: number, of: number): Happening => ({
      type: "return",
      call,
      ending: { type: "error", tag: "SOURCE_DOWN", own: call === of, of },
    });
    const fails: readonly Line[] = [
      [0, 1, call(1, terms)],
      [1, 1, ask(11, { operation: "get" })],
      [2, 1, answer(11, { is: "none" })],
      [3, 1, ask(12, { operation: "acquire", owner: owner(1), ttl: TTL })],
      [4, 1, answer(12, { is: "Leader", remaining: TTL })],
      [5, 1, fetch(1)],
      [205, 1, { type: "fetched", fetch: 1000, result: { type: "failed", typed: true } }],
      [206, 1, ask(13, { operation: "release", owner: owner(1), outcome: "failed", failure })],
      [207, 1, answer(13, { is: "done" })],
      [208, 1, told(1, 1)],
    ];
    /** A call of another process at a time, which leads. */
    const second = (at: number): readonly Line[] => [
      [at, 2, call(2, terms)],
      [at + 1, 2, ask(21, { operation: "get" })],
      [at + 2, 2, answer(21, { is: "none" })],
      [at + 3, 2, ask(22, { operation: "acquire", owner: owner(2), ttl: TTL })],
      [at + 4, 2, answer(22, { is: "Leader", remaining: TTL })],
      [at + 5, 2, fetch(2)],
      [at + 205, 2, fetched(2)],
      [
        at + 206,
        2,
        ask(23, { operation: "fill", owner: owner(2), value: "value of call 2", ttl: TTL }),
      ],
      [at + 210, 2, answer(23, { is: "true" })],
      [at + 211, 2, returned(2, "MISS-LEADER")],
    ];

    it("find who leads while all are to be quiet, unless the backend has lost that", () => {
      assert.deepEqual(judged([...fails, ...second(1300)]), []);
      assert.deepEqual(judged([...fails, ...second(600)]), [
        "call 2 led when all were to be quiet",
      ]);
      assert.deepEqual(
        judged([...fails, ...second(600), [400, -1, { type: "lost", key: KEY }]]),
        [],
      );
    });

    it("know that who wasn't answered may have led in between", () => {
      const unanswered: readonly Line[] = [
        [300, 3, call(3, terms)],
        [301, 3, ask(31, { operation: "get" })],
        [302, 3, answer(31, { is: "none" })],
        [303, 3, ask(32, { operation: "acquire", owner: owner(3), ttl: TTL })],
        [304, 3, { type: "crash" }],
      ];
      assert.deepEqual(judged([...fails, ...unanswered, ...second(600)]), []);
    });

    it("know who may fail with it, and find who may not", () => {
      const other = (terms: Partial<Terms>): readonly Line[] => [
        [210, 2, call(2, terms)],
        [211, 2, ask(21, { operation: "get" })],
        [212, 2, answer(21, { is: "none" })],
        [213, 2, ask(22, { operation: "acquire", owner: owner(2), ttl: TTL, backOff: true })],
        [214, 2, answer(22, { is: "Failed", remaining: TTL })],
        [215, 2, told(2, 1)],
      ];
      assert.deepEqual(judged([...fails, ...other(terms)]), []);
      assert.deepEqual(judged([...fails, ...other({})]), [
        "call 2 failed with the error of call 1",
      ]);
    });
  });
});

describe("The judges of what a backend did", () => {
  it("know a hit in L1 that a hook has failed, and find one of a stale entry that was read", () => {
    const terms = { l1: TTL, staleWhileRevalidate: TTL };
    const read: readonly Happening[] = [
      ask(2, { operation: "get" }),
      { type: "done", operation: 2, answer: { is: "stale", value: VALUE, staleFor: 4 } },
      answer(2, { is: "stale", value: VALUE, staleFor: 4 }),
    ];
    const failed = (between: readonly Happening[]) =>
      judgedInOrder([
        {
          type: "change" as const,
          change: 3,
          how: "set" as const,
          key: KEY,
          value: VALUE,
          at: 0,
        },
        { ...ask(1, { operation: "set", value: VALUE, ttl: 1, staleFor: TTL }), at: 0 },
        { type: "done" as const, operation: 1, answer: { is: "done" }, at: 0 },
        { ...call(1, terms), at: 5 },
        ...between.map((each) => ({ ...each, at: 5 })),
        { type: "hook" as const, call: 1, hook: "onHit", at: 5 },
        {
          type: "return" as const,
          call: 1,
          ending: { type: "error" as const, tag: "MINE", own: true, of: 1 },
          at: 5,
        },
      ].map((event): Event => ({ ...event, process: 1 })));
    assert.deepEqual(failed([]), []);
    assert.deepEqual(failed(read), ["call 1 didn't get the stale value that it may have"]);
  });

  it("know that who comes as a read of many keys is answered may have joined it", () => {
    const terms = { operationTimeout: 100, bypass: false };
    const many = (each: number, key: string, batch: number | undefined): Happening => ({
      ...call(each, terms),
      key,
      batch,
    } as Happening);
    const read = (operation: number, key: string): Happening => ({
      ...ask(operation, { operation: "get" }),
      question: { key, operation: "get" },
    } as Happening);
    const none = (operation: number) => answer(operation, { is: "none" });
    const failed = (each: number): Happening => ({
      type: "return",
      call: each,
      ending: { type: "error", tag: "CACHE_GET_FAILED", own: false },
    });
    const bypassed = (batch: number | undefined, came: number) =>
      judgedInOrder(([
        [0, many(1, KEY, batch)],
        [0, many(2, "user:43", batch)],
        [0, read(11, KEY)],
        [0, read(12, "user:43")],
        [1, { type: "pause" }],
        [300, { type: "resume" }],
        [300, none(11)],
        [300, none(12)],
        [came, call(3, { ...terms, bypass: true })],
        [came, { type: "hook", call: 3, hook: "onError", tag: "CACHE_GET_FAILED" }],
        [came, failed(1)],
        [came, failed(2)],
        [came, fetch(3)],
        [310, fetched(3)],
        [310, returned(3, "BYPASS")],
      ] as const).map(([at, happening]): Event => ({ ...happening, at, process: 1 })));
    const unreasonable = ["call 3 fetched without a lease and without a reason"];
    assert.deepEqual(bypassed(1, 300), []);
    assert.deepEqual(bypassed(1, 301), unreasonable);
    assert.deepEqual(bypassed(undefined, 300), unreasonable);
  });

  it("know that a refresh may join one that hasn't heard yet what it has found, and find a later one", () => {
    const refresh = { refresh: true, operationTimeout: 100 };
    const led: Answer = { is: "Leader", remaining: TTL, value: "value of call 1" };
    const look = { operation: "acquire", owner: owner(2), ttl: TTL, waitedFor: owner(1) } as const;
    /** What is answered to a call, before and after which others ask for a refresh, and all of them get. */
    const joined = (before: readonly Happening[], after: readonly Happening[]) => {
      const all: (readonly [at: number, process: number, happening: Happening])[] = [
        [0, 1, call(1, refresh)],
        [0, 1, ask(10, { operation: "acquire", owner: owner(1), ttl: TTL })],
        [0, -1, { type: "done", operation: 10, answer: { is: "Leader", remaining: TTL } }],
        [0, 1, answer(10, { is: "Leader", remaining: TTL })],
        [0, 1, fetch(1)],
        [0, 2, call(2, refresh)],
        [0, 2, ask(20, { operation: "acquire", owner: owner(2), ttl: TTL })],
        [0, -1, { type: "done", operation: 20, answer: { is: "Follower", lease: owner(1) } }],
        [0, 2, answer(20, { is: "Follower", lease: owner(1) })],
        [5, 1, fetched(1)],
        [5, 1, ask(11, { operation: "fill", owner: owner(1), value: VALUE, ttl: TTL })],
        [5, -1, { type: "done", operation: 11, answer: { is: "true" } }],
        [5, 1, answer(11, { is: "true" })],
        [5, 1, returned(1, "MISS-LEADER")],
        [6, 2, ask(21, look)],
        [7, -1, { type: "done", operation: 21, answer: led }],
        [8, 2, answer(21, led)],
        ...before.map((each) => [8, 2, each] as const),
        [8, 2, ask(22, { operation: "release", owner: owner(2), outcome: "cancelled" })],
        ...after.map((each) => [8, 2, each] as const),
        ...[2, 3].map((call) =>
          [8, 2, {
            type: "return",
            call,
            ending: { type: "value", value: VALUE, cache: "MISS-FOLLOWER-HIT" },
          }] as const
        ),
        [9, -1, { type: "done", operation: 22, answer: { is: "done" } }],
        [9, 2, answer(22, { is: "done" })],
      ];
      return judgedInOrder(
        all.map(([at, process, happening]): Event => ({ ...happening, at, process })),
      );
    };
    const third = [call(3, refresh)];
    assert.deepEqual(joined(third, []), []);
    assert.deepEqual(joined([], third), [
      "call 3 got what had been there before it asked for a refresh",
    ]);
  });

  it("know that who comes before a cancelled fetch has let go waits, and find who had none to wait for", () => {
    const many = (each: number, key: string, batch: number): Happening => ({
      ...call(each, { operationTimeout: 100 }),
      key,
      batch,
      maxBatch: 100,
    } as Happening);
    const of = (key: string, operation: number, question: Omit<Question, "key">): Happening => ({
      ...ask(operation, question),
      question: { key, ...question },
    } as Happening);
    /** Asks, and is answered at once. */
    const asked = (at: number, happening: Happening, is: string) => {
      const { operation } = happening as { readonly operation: number };
      return [
        [at, happening],
        [at, { type: "done", operation, answer: { is, remaining: TTL } }],
        [at, answer(operation, { is, remaining: TTL })],
      ] as const;
    };
    const leads = (at: number, each: number, key: string) =>
      asked(
        at,
        of(key, each * 10, { operation: "acquire", owner: owner(each), ttl: TTL }),
        "Leader",
      );
    const fetches = (
      each: number,
      batch: number,
    ): Happening => ({ ...fetch(each), batch } as Happening);
    const lets = asked(
      10,
      of("b", 11, { operation: "release", owner: owner(1), outcome: "cancelled" }),
      "done",
    );
    const fills = (at: number, each: number, key: string) =>
      asked(
        at,
        of(key, each * 10 + 1, {
          operation: "fill",
          owner: owner(each),
          value: `value of call ${each}`,
          ttl: TTL,
        }),
        "true",
      );
    /** A call for `b` that is aborted, and one for `a` and `b` that come before or after its lease is let go of. */
    const came = (before: boolean) =>
      judgedInOrder(([
        [0, many(1, "b", 1)],
        ...leads(0, 1, "b"),
        [0, fetches(1, 100)],
        [10, { type: "leave", call: 1, how: "abort" }],
        [10, { type: "unwanted", fetch: 1000 }],
        [
          10,
          {
            type: "return",
            call: 1,
            ending: { type: "error", tag: "ABORTED", own: false },
          },
        ],
        [10, { type: "fetched", fetch: 1000, result: { type: "interrupted" } }],
        ...before ? [] : lets,
        [10, many(2, "a", 2)],
        [10, many(3, "b", 2)],
        ...leads(10, 2, "a"),
        [10, fetches(2, 200)],
        ...before ? lets : [],
        ...leads(10, 3, "b"),
        [10, fetches(3, 300)],
        [30, fetched(2)],
        [30, fetched(3)],
        ...fills(30, 2, "a"),
        ...fills(30, 3, "b"),
        [30, returned(2, "MISS-LEADER")],
        [30, returned(3, "MISS-LEADER")],
      ] as const).map(([at, happening]): Event => ({ ...happening, at, process: 1 })));
    assert.deepEqual(came(true), []);
    assert.deepEqual(came(false), ["call 2 fetched its keys one after the other"]);
  });

  it("know that who comes as a lost fill is answered may have joined it, and find who comes later", () => {
    const came = (at: number) =>
      judgedInOrder(([
        [0, 1, call(1)],
        [0, 1, ask(11, { operation: "get" })],
        [1, 1, answer(11, { is: "none" })],
        [1, 1, ask(12, { operation: "acquire", owner: owner(1), ttl: TTL })],
        [2, 1, answer(12, { is: "Leader", remaining: TTL })],
        [2, 1, fetch(1)],
        [10, 2, { type: "change", change: 2, how: "set", key: KEY, value: "two" }],
        [10, 2, ask(21, { operation: "set", value: "two" })],
        [11, -1, { type: "done", operation: 21, answer: { is: "done" } }],
        [12, 2, answer(21, { is: "done" })],
        [12, 2, { type: "changed", change: 2, ok: true }],
        [20, 1, fetched(1)],
        [20, 1, ask(13, { operation: "fill", owner: owner(1), value: VALUE, ttl: TTL })],
        [30, 1, answer(13, { is: "false" })],
        [at, 1, call(3)],
        [at, 1, {
          type: "return",
          call: 3,
          ending: { type: "value", value: VALUE, cache: "MISS-FOLLOWER-HIT" },
        }],
        [at, 1, returned(1, "MISS-LEADER-NOCACHE")],
      ] as const).map(([at, process, happening]): Event => ({ ...happening, at, process }))).filter(
        (what) => what.includes("older"),
      );
    assert.deepEqual(came(30), []);
    assert.deepEqual(came(31), ["call 3 got what is older than a set before it"]);
  });

  it("know that a key of a batch whose callers have left is fetched anew, and find a second fetch of one who stays", () => {
    const terms = { waitMax: 5 };
    const many = (each: number, key: string): Happening => ({
      ...call(each, terms),
      key,
      batch: 9,
    } as Happening);
    const fetches = (each: number): Happening => ({ ...fetch(each), batch: 90 } as Happening);
    const left = (each: number): readonly Happening[] => [
      { type: "leave", call: each, how: "abort" },
      { type: "return", call: each, ending: { type: "error", tag: "ABORTED", own: false } },
    ];
    const anew = (leaves: boolean) =>
      judgedInOrder(([
        [0, many(1, KEY)],
        [0, many(2, "user:43")],
        [10, fetches(1)],
        [10, fetches(2)],
        [98, call(3, terms)],
        [98, ask(31, { operation: "acquire", owner: owner(3), ttl: TTL })],
        [98, answer(31, { is: "Follower", lease: "another", remaining: TTL })],
        ...leaves ? left(1).map((each) => [100, each] as const) : [],
        [103, fetch(3)],
        [104, fetched(3)],
        [104, returned(3, "MISS-FOLLOWER-FALLBACK")],
      ] as const).map(([at, happening]): Event => ({ ...happening, at, process: 1 }))).filter((
        what,
      ) => what.includes("beside"));
    assert.deepEqual(anew(true), []);
    assert.deepEqual(anew(false), ["call 3 fetched beside another fetch of its process"]);
  });
});
