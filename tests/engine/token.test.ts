import assert from "node:assert/strict";
import { test } from "node:test";
import { randomToken } from "../../src/model/token.ts";

function withoutCrypto<A>(run: () => A): A {
  const descriptor = Object.getOwnPropertyDescriptor(globalThis, "crypto");
  Object.defineProperty(globalThis, "crypto", { value: undefined, configurable: true });
  try {
    return run();
  } finally {
    if (descriptor === undefined) Reflect.deleteProperty(globalThis, "crypto");
    else Object.defineProperty(globalThis, "crypto", descriptor);
  }
}

test("tokens are UUIDs that differ, with the global crypto and without it", () => {
  const tokens = Array.from({ length: 1000 }, randomToken);
  tokens.push(...withoutCrypto(() => Array.from({ length: 1000 }, randomToken)));
  assert.equal(new Set(tokens).size, 2000);
  for (const token of tokens) assert.match(token, /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
});
