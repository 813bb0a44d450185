import process from "node:process";
import { parseArgs } from "node:util";

/** An option of a task. */
export type Option =
  | { readonly type: "boolean"; readonly help: string }
  | {
    readonly type: "string";
    /** What stands for the value in the help: `N`. */
    readonly value: string;
    readonly default?: string;
    readonly help: string;
  };

/** Options by their names, without the dashes. */
export type Options = Readonly<Record<string, Option>>;

/** A task of deno.json. */
export interface Task<O extends Options> {
  /** As deno.json has it: `build:npm`. */
  readonly name: string;
  /** What it does: a sentence or more. */
  readonly does: string;
  readonly options?: O;
  /** What its other arguments are, where it takes any. */
  readonly rest?: { readonly value: string; readonly help: string };
  /** The last lines of its help. */
  readonly more?: string;
}

/** What a task was given. */
export interface Given<O extends Options> {
  readonly values: {
    readonly [Name in keyof O]: O[Name]["type"] extends "boolean" ? boolean
      : O[Name] extends { readonly default: string } ? string
      : string | undefined;
  };
  readonly rest: readonly string[];
}

/**
 * Reads the arguments of this process. It prints the help and ends with 0 for `--help`; it ends with 2 for an argument
 * that the task doesn't take.
 */
export function readArguments<const O extends Options = Record<never, never>>(
  task: Task<O>,
): Given<O> {
  const { values, positionals } = orExit(() =>
    parseArgs({
      // Deno passes on the `--` of `deno task demo -- --fail`.
      args: process.argv.slice(2).filter((argument) => argument !== "--"),
      options: { ...task.options, help: { type: "boolean" } },
      allowPositionals: task.rest !== undefined,
    })
  );
  if (values["help"]) {
    console.log(helpOf(task));
    process.exit(0);
  }
  const unset = Object.entries<Option>(task.options ?? {})
    .flatMap(([name, { type }]) => type === "boolean" ? [[name, false]] : []);
  const all = { ...Object.fromEntries(unset), ...values };
  return { values: all as Given<O>["values"], rest: positionals };
}

/** Runs `read`; if it throws, this process prints the message and ends with 2. */
export function orExit<A>(read: () => A): A {
  try {
    return read();
  } catch (error) {
    console.error(`${(error as Error).message}\n\nTry --help`);
    process.exit(2);
  }
}

/** Ends this process with 1: something that it needs is missing, as the message alone says. */
export function giveUp({ message }: Error): never {
  console.error(message);
  process.exit(1);
}

/** Reads a whole number; throws, with the name of its option, where the text isn't one from `least` to `most`. */
export function wholeNumber(option: string, text: string, least: number, most: number): number {
  const number = Number(text);
  if (!/^\d+$/.test(text) || number < least || number > most) {
    throw new Error(
      `Cannot use ${option} ${JSON.stringify(text)}: use a whole number from ${least} to ${most}`,
    );
  }
  return number;
}

function helpOf({ name, does, options = {}, rest, more }: Task<Options>): string {
  const rows = [
    ...rest === undefined ? [] : [[rest.value, rest.help]],
    ...Object.entries(options).map(([name, option]) =>
      option.type === "boolean"
        ? [`--${name}`, option.help]
        : [`--${name} ${option.value}`, `${option.help}${defaultOf(option.default)}`]
    ),
    ["--help", "print this"],
  ].map(([left, right]) => [left!, right!] as const);
  const width = Math.max(...rows.map(([left]) => left.length));
  return [
    does,
    `Usage: deno task ${name} [options]${rest === undefined ? "" : ` [${rest.value} …]`}`,
    rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`).join("\n"),
    ...more === undefined ? [] : [more],
  ].join("\n\n");
}

function defaultOf(value: string | undefined): string {
  return value === undefined ? "" : ` (default ${value})`;
}
