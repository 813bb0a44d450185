import assert from "node:assert/strict";
import process from "node:process";
import { it } from "node:test";
import { machineClock } from "../../src/effect/clock.ts";
import { deadline } from "../../src/effect/deadline.ts";

const HOUR = 3_600_000;

const skip = process.versions["bun"] === undefined
  ? false
  : "Bun's modules don't see that `setTimeout` was replaced";

it("deadlines hold the process until they are called off, with one timer for all", { skip }, () => {
  const { setTimeout } = globalThis;
  const timers: { hasRef(): boolean }[] = [];
  globalThis.setTimeout = ((...args: Parameters<typeof setTimeout>) => {
    const timer = setTimeout(...args);
    timers.push(timer as unknown as typeof timers[0]);
    return timer;
  }) as typeof setTimeout;
  const held = () => timers.map((timer) => timer.hasRef());
  const unexpected = () => assert.fail("it has an hour");
  try {
    const callOff = [HOUR, HOUR].map((millis) => deadline(machineClock, millis, unexpected));
    assert.deepEqual(held(), [true]);
    callOff[0]!();
    assert.deepEqual(held(), [true]);
    callOff[1]!();
    assert.deepEqual(held(), [false]);
    const again = deadline(machineClock, HOUR, unexpected);
    assert.deepEqual(held(), [true]);
    again();
    assert.deepEqual(held(), [false]);
  } finally {
    globalThis.setTimeout = setTimeout;
  }
});

it("deadlines that are not to hold the process don't, beside others that do", { skip }, () => {
  const { setTimeout } = globalThis;
  const timers: { hasRef(): boolean }[] = [];
  globalThis.setTimeout = ((...args: Parameters<typeof setTimeout>) => {
    const timer = setTimeout(...args);
    timers.push(timer as unknown as typeof timers[0]);
    return timer;
  }) as typeof setTimeout;
  const held = () => timers.at(-1)?.hasRef();
  const unexpected = () => assert.fail("it has an hour");
  try {
    // Sooner than what an earlier test may have left.
    const loose = deadline(machineClock, HOUR / 4, unexpected, false);
    assert.equal(held(), false);
    const holding = deadline(machineClock, HOUR / 2, unexpected);
    assert.equal(held(), true);
    const sooner = deadline(machineClock, HOUR / 8, unexpected, false);
    assert.equal(held(), true);
    assert.equal(holding(), true);
    assert.equal(held(), false);
    assert.equal(holding(), false);
    assert.equal(held(), false);
    assert.equal(loose(), true);
    assert.equal(sooner(), true);
    const again = deadline(machineClock, HOUR / 8, unexpected);
    assert.equal(held(), true);
    again();
    assert.equal(held(), false);
  } finally {
    globalThis.setTimeout = setTimeout;
  }
});

it("deadlines expire in their order, but for those that were called off", async () => {
  const expired: number[] = [];
  await new Promise<void>((resolve) => {
    const set = (millis: number) =>
      deadline(machineClock, millis, () => {
        expired.push(millis);
        if (millis === 400) resolve();
      });
    set(200);
    set(400);
    set(1);
    set(100)();
    // Beyond what a timer can be set for.
    set(1e12)();
  });
  assert.deepEqual(expired, [1, 200, 400]);
});

it("deadlines set no timer for a time that is over, of which Node warns", async () => {
  const { setTimeout, performance } = globalThis;
  const delays: number[] = [];
  let reading = performance.now();
  globalThis.setTimeout = ((run: () => void, millis: number) => {
    delays.push(millis);
    return setTimeout(run, millis);
  }) as typeof setTimeout;
  Object.defineProperty(globalThis, "performance", {
    value: { now: () => reading += 5 },
    configurable: true,
  });
  try {
    await new Promise<void>((resolve) => {
      for (const millis of [20, 12, 4]) {
        deadline(machineClock, millis, () => millis === 20 && resolve());
      }
    });
  } finally {
    Object.defineProperty(globalThis, "performance", { value: performance, configurable: true });
    globalThis.setTimeout = setTimeout;
  }
  assert.ok(delays.length > 0 && delays.every((millis) => millis >= 0), String(delays));
});

it("a deadline that is called off by another that expires with it doesn't expire", async () => {
  const expired: string[] = [];
  await new Promise<void>((resolve) => {
    const callOff = ["a", "b"].map((name, index, { length }) =>
      deadline(machineClock, 1, () => {
        expired.push(name);
        callOff[length - 1 - index]!();
        resolve();
      })
    );
  });
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.deepEqual(expired, ["a"]);
});
