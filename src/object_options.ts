import { describe } from "./describe.ts";

/** Throws a `TypeError` for options that are no object. */
export function checkObject(options: unknown): asserts options is object {
  if (typeof options === "object" && options !== null) return;
  throw new TypeError(`\`options\` must be an object, and is ${describe(options)}`);
}
