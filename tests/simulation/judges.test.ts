import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Answer, Event, Happening, Question } from "./history.ts";
import { termsOf } from "../support/recorded_call.ts";
import { judgeAll, sharedClock, startRecording } from "../support/recording.ts";

const KEY = "user:42";
const TTL = 1000;
const SLACK = 10;
const VALUE = "value of call 1";

/** What happened in a process at a time, in milliseconds. */
type Line = readonly [at: number, process: number, happening: Happening];

const call = (call: number): Happening => ({
  type: "call",
  call,
  key: KEY,
  terms: termsOf({ leaseTtl: TTL, cacheTtl: TTL, onCacheFailure: "bypass" }),
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
  return judgeAll(recording.histories(SLACK)).map(({ what }) => what);
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
});
