import assert from "node:assert/strict";
import { inspect } from "node:util";
import { formatCacheLockingError, isAdapterError } from "../../src/model/errors.ts";

/** Stands in what tests log in with. */
export const PASSWORD = "p4ssw0rd";

/** Stand in what tests store, and in what they log in with; no error may tell them. */
export const SECRETS: readonly string[] = ["s3cr3t", PASSWORD];

/** What an error of an adapter may have, and the errors below it. */
const fields = [
  ...["name", "message", "stack", "code", "cause"],
  ...["_tag", "operation", "key", "corrupt"],
  // Where Bun saw it thrown.
  ...["line", "column", "sourceURL", "originalLine", "originalColumn"],
];

/**
 * The one function that every error goes through that tests see: throws if the error tells a secret, in whatever way it is
 * printed or walked over, or if an adapter's error carries more than its own fields and texts. What the caller's own code
 * threw stays as it is: the walk leaves `own` out.
 */
export function assertTellsNothing(
  error: unknown,
  own: readonly unknown[] = [],
  secrets: readonly string[] = SECRETS,
): void {
  const seen = new Set<unknown>([...own, ...builtIn]);
  const tells = (path: string, text: string) => {
    for (const secret of secrets) {
      assert.ok(!text.includes(secret), `${path} tells ${secret}: ${text.slice(0, 500)}`);
    }
  };
  const walk = (value: unknown, path: string, within: "adapter" | "any"): void => {
    if (typeof value === "string") return tells(path, value);
    if (typeof value === "symbol") return tells(path, String(value));
    if (Object(value) !== value || seen.has(value)) return;
    seen.add(value);
    if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) {
      return tells(path, new TextDecoder().decode(value));
    }
    const isAdapters = within === "adapter" || isAdapterError(value);
    for (let at: unknown = value; at !== null && !builtIn.has(at); at = Object.getPrototypeOf(at)) {
      for (const field of Reflect.ownKeys(at as object)) {
        const of = `${path}.${String(field)}`;
        tells(of, String(field));
        if (at === value && isAdapters) {
          assert.ok(fields.includes(String(field)), `${of} is more than an error may have`);
        }
        walk(read(value as object, field), of, isAdapters && at === value ? "adapter" : "any");
      }
    }
    if (value instanceof Map || value instanceof Set) walk([...value], `${path} of`, within);
  };
  walk(error, "error", "any");
  if (own.length > 0) return;
  tells("inspect", inspect(error, { depth: Infinity, showHidden: true, getters: true }));
  tells("JSON", JSON.stringify(error) ?? "");
  tells("text", `${error} ${formatCacheLockingError(error)}`);
}

function read(value: object, field: PropertyKey): unknown {
  try {
    return Reflect.get(value, field);
  } catch {
    return undefined;
  }
}

/** Where a walk ends: what every program has. */
const builtIn: ReadonlySet<unknown> = new Set(
  [Object, Function, Array, Error, TypeError, Map, Set, Symbol, globalThis]
    .flatMap((each) => [each, (each as { readonly prototype?: unknown }).prototype]),
);
