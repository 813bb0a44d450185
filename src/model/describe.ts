/** A value in an error message, short enough for one line. */
export function describe(value: unknown): string {
  if (typeof value === "string") {
    return JSON.stringify(value.length > 80 ? `${value.slice(0, 80)}…` : value);
  }
  if (typeof value === "bigint") return `${value}n`;
  if (typeof value === "function") return "a function";
  if (Array.isArray(value)) return "an array";
  if (value instanceof Promise) return "a promise";
  if (typeof value === "object" && value !== null) return "an object";
  return String(value);
}

/** What kind of value it is, in an error message that must not tell a value. */
export function kindOf(value: unknown): string {
  return Object(value) === value || value == null ? describe(value) : `a ${typeof value}`;
}
