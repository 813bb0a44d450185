import { describe } from "../../src/model/describe.ts";

/** Throws the `TypeError` of an option that isn't what it must be. */
export function checkOption(option: string, fits: boolean, must: string, value: unknown): void {
  if (!fits) throw new TypeError(`\`${option}\` must be ${must}, and is ${describe(value)}`);
}

/** Throws the `TypeError` of an option that lacks methods, which it names. */
export function checkMethods(
  option: string,
  methods: readonly string[],
  must: string,
  value: unknown,
): void {
  if (hasMethods(value, ...methods)) return;
  throw new TypeError(`\`${option}\` must be ${must}, and is ${lacking(value, methods)}`);
}

/** Whether a value has all of these methods. So clients are known, of any copy of their library. */
export function hasMethods(value: unknown, ...methods: readonly string[]): boolean {
  const of = value as Readonly<Record<string, unknown>> | null | undefined;
  return methods.every((method) => typeof of?.[method] === "function");
}

/** A value in an error message, with the methods that it lacks, of each library that it may be of. */
export function lacking(value: unknown, ...libraries: readonly (readonly string[])[]): string {
  if (Object(value) !== value) return describe(value);
  const missingOf = (methods: readonly string[]) =>
    methods.filter((method) => !hasMethods(value, method)).map((method) => `\`${method}\``)
      .join(", ");
  return `${describe(value)} without ${libraries.map(missingOf).join(", or without ")}`;
}
