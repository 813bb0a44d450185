import { describe } from "../../src/model/describe.ts";

/** Throws the `TypeError` of an option that isn't what it must be. */
export function checkOption(option: string, fits: boolean, must: string, value: unknown): void {
  if (!fits) throw new TypeError(`\`${option}\` must be ${must}, and is ${describe(value)}`);
}

/** Whether a value has all of these methods. So clients are known, of any copy of their library. */
export function hasMethods(value: unknown, ...methods: readonly string[]): boolean {
  const of = value as Readonly<Record<string, unknown>> | null | undefined;
  return methods.every((method) => typeof of?.[method] === "function");
}
