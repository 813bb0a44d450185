import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  type Change,
  type ChangesLine,
  type ChangesOptions,
  makeChanges,
} from "../../../adapters/kit/changes.ts";

/** A line, a clock that is moved by hand, and what a listener is told. */
function world(options: ChangesOptions = {}) {
  let now = 1_000;
  let ticks: { at: number; then: () => void }[] = [];
  let line: ChangesLine | undefined;
  const looks: { aloud: boolean; answer: (last: Change) => Promise<void> }[] = [];
  const told: string[] = [];
  const changes = makeChanges({
    open(opened) {
      line = opened;
      return () => void (line = undefined);
    },
    look: (aloud) =>
      new Promise((resolve) =>
        looks.push({
          aloud,
          async answer(last) {
            resolve(last);
            for (let turn = 0; turn < 5; turn++) await undefined;
          },
        })
      ),
  }, {
    ...options,
    monotonic: () => now,
    after(millis, then) {
      const tick = { at: now + millis, then };
      ticks.push(tick);
      return () => void (ticks = ticks.filter((each) => each !== tick));
    },
  });
  const leave = changes.listen({
    changed: (hash) => told.push(`changed ${hash}`),
    missed: () => told.push("missed"),
    stands: (until) => told.push(until === undefined ? "broken" : `until ${until}`),
    none: () => told.push("none"),
  });
  return {
    line: line!,
    current: () => line,
    leave,
    timers: () => ticks.length,
    told: () => told.splice(0),
    look: () => looks.shift()!,
    pass(millis: number) {
      for (const end = now + millis; now < end;) {
        now = Math.min(end, ...ticks.map(({ at }) => at));
        const due = ticks.filter(({ at }) => at <= now);
        ticks = ticks.filter(({ at }) => at > now);
        for (const { then } of due) then();
      }
    },
  };
}

const last = (number: number, epoch = "e"): Change => ({ epoch, number });

describe("changes", () => {
  /** Those of a line that is heard, and believed until 4,000. */
  const heard = async () => {
    const all = world();
    all.line.stands();
    await all.look().answer(last(0));
    const { aloud, answer } = all.look();
    assert.ok(aloud);
    all.line.heard(last(1));
    await answer(last(1));
    assert.deepEqual(all.told(), ["missed", "broken", "broken", "broken", "missed", "until 4000"]);
    return all;
  };

  it("are told of a line only once it has told of a message of this process", async () => {
    const all = await heard();
    all.line.heard({ ...last(2), hash: 7 });
    assert.deepEqual(all.told(), ["changed 7"]);
    all.leave();
    assert.equal(all.timers(), 0);
  });

  it("are asked for again where there is no line, if there may be one", async () => {
    const never = world();
    never.line.none();
    never.pass(100_000);
    assert.equal(never.current(), undefined);
    const all = world({ again: 5_000 });
    all.line.none();
    assert.deepEqual([all.current(), ...all.told()], [undefined, "none"]);
    all.pass(5_000);
    all.current()!.stands();
    await all.look().answer(last(0));
    all.current()!.heard(last(1));
    await all.look().answer(last(1));
    assert.equal(all.told().at(-1), "until 9000");
    all.current()!.none();
    all.leave();
    assert.equal(all.timers(), 0);
  });

  it("were missed where numbers have a gap, go back or come twice", async () => {
    const all = await heard();
    for (const number of [3, 2, 2]) {
      all.line.heard({ ...last(number), hash: 7 });
      assert.deepEqual(all.told(), ["missed", "changed 7"]);
    }
    all.line.heard({ ...last(3), hash: 8 });
    assert.deepEqual(all.told(), ["changed 8"]);
  });

  it("are believed from when a look began that says that all were heard", async () => {
    const all = await heard();
    all.pass(1_000);
    const { aloud, answer } = all.look();
    assert.ok(!aloud);
    all.pass(500);
    await answer(last(1));
    assert.deepEqual(all.told(), ["until 5000"]);
  });

  it("aren't believed behind a number that was not heard, until it is", async () => {
    const all = await heard();
    all.pass(1_000);
    await all.look().answer(last(2));
    assert.deepEqual(all.told(), []);
    all.line.heard({ ...last(2), hash: 7 });
    assert.deepEqual(all.told(), ["changed 7", "until 5000"]);
  });

  it("have to be heard aloud once they were not believed any more", async () => {
    const all = await heard();
    for (let second = 1; second <= 2; second++) {
      all.pass(1_000);
      await all.look().answer(last(2));
    }
    assert.deepEqual(all.told(), []);
    all.pass(1_000);
    assert.ok(all.look().aloud);
    assert.deepEqual(all.told(), ["broken"]);
  });

  it("begin anew where they are counted anew, or from a number on that was there before", async () => {
    for (const other of [last(1, "another"), last(0)]) {
      const all = await heard();
      all.pass(1_000);
      await all.look().answer(other);
      assert.deepEqual(all.told(), ["missed", "broken", "broken"]);
      // Those of another count are another's.
      all.line.heard({ ...last(5, "third"), hash: 7 });
      assert.deepEqual(all.told(), []);
    }
  });

  it("begin anew where the line is back", async () => {
    const all = await heard();
    all.line.stands();
    assert.deepEqual(all.told(), ["missed", "broken", "broken"]);
  });
});
