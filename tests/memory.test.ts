import { Effect } from "effect";
import assert from "node:assert/strict";
import { test } from "node:test";
import { memoryAdapter } from "../adapters/memory.ts";
import { conformance } from "./conformance.ts";
import { simulate } from "./support/simulation.ts";

const memory = memoryAdapter();

for (
  const { name, run, skipped = false } of conformance({
    open: Effect.sync(() => ({ ...memory })),
    values: [NaN, 1n, new Date(0), new Uint8Array([0, 255]), new Map([[1, new Set()]])],
    gaps: { clocks: "entries and leases are in one process, which has one clock" },
    run: simulate().runExit,
  })
) {
  test(`memory: ${name}`, { skip: skipped }, run);
}
void assert;
