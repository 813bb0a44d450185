import assert from "node:assert/strict";
import { afterEach, describe, it } from "node:test";
import { makeServerClock } from "../../../adapters/kit/server_clock.ts";

const HOUR = 60 * 60 * 1000;
const { now } = Date;
const right = performance;
/** Node 18 has a `performance` that can be replaced as a whole alone. */
const tick = (clock: { now(): number }) =>
  Object.defineProperty(globalThis, "performance", { value: clock, configurable: true });
const began = 1_700_000_000_000;

/** A machine whose wall clock is off, and a server with the right time, whose dates may be of a second before. */
function machine(skew: number, stale = 0) {
  let time = began;
  Date.now = () => time + skew;
  tick({ now: () => time - began });
  const clock = makeServerClock(stale > 0 ? { late: 2000 } : {});
  return {
    clock,
    /** How far the clock is off the server's. */
    off: () => clock.now() - time,
    /** Has the server reply, half of the time that it takes after it was asked. */
    reply(takes = 0) {
      const sent = performance.now();
      time += takes / 2;
      const date = Math.floor((time - stale) / 1000) * 1000;
      time += takes / 2;
      clock.learn(date, sent);
    },
    pass: (millis: number) => time += millis,
    step: (by: number) => Date.now = () => time + skew + by,
    sleep(millis: number) {
      time += millis;
      tick({ now: () => time - began - millis });
    },
  };
}

describe("a server's clock", () => {
  afterEach(() => {
    Date.now = now;
    tick(right);
  });

  it("is this machine's before the first reply, and after a date that can't be read", () => {
    const { clock, off } = machine(HOUR);
    assert.equal(off(), HOUR);
    clock.learn(NaN, 0);
    assert.equal(off(), HOUR);
  });

  for (const stale of [0, 950]) {
    it(`is this machine's to the millisecond where that is right, by dates that are ${stale} ms old`, () => {
      const { off, reply, pass } = machine(0, stale);
      for (let replies = 0; replies < 50; replies++) {
        reply(20);
        pass(73);
        assert.equal(off(), 0);
      }
    });

    for (const skew of [HOUR, -HOUR, 5000, -3500]) {
      it(`is little off by the first reply, and then less, if this machine is ${skew} ms off, by dates that are ${stale} ms old`, () => {
        const { off, reply, pass } = machine(skew, stale);
        pass(400);
        reply(20);
        const most = stale > 0 ? 1000 : 0;
        assert.ok(Math.abs(off()) <= most + 1010, `${off()}`);
        for (let replies = 0; replies < 30; replies++) {
          reply(20);
          pass(73);
        }
        assert.ok(Math.abs(off()) < most + 120, `${off()}`);
      });
    }
  }

  it("is right at once again when this machine's clock was put wrong, or has slept", () => {
    const { off, reply, pass, step, sleep } = machine(0);
    reply();
    step(HOUR);
    assert.ok(Math.abs(off()) <= 1000, `${off()}`);
    pass(HOUR);
    reply();
    assert.ok(Math.abs(off()) <= 1000, `${off()}`);
    sleep(HOUR);
    reply();
    assert.ok(Math.abs(off()) <= 1000, `${off()}`);
  });
});
