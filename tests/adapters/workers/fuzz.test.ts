import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ask, skip } from "./ask.ts";

const properties: string[] = skip ? [] : JSON.parse(await ask("fuzzes"));

describe("the backends of Workers, fuzzed in workerd", { skip }, () => {
  for (const [index, name] of properties.entries()) {
    it(name, async () => assert.equal(await ask(`fuzz/${index}`), ""));
  }
});

it("workerd runs the properties", { skip }, () => assert.ok(properties.length >= 2));
