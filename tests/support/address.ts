import process from "node:process";

interface Permissions {
  querySync(
    permission: { readonly name: "env"; readonly variable: string } | {
      readonly name: "write" | "run";
    },
  ): { readonly state: string };
}

function stateOf(permission: Parameters<Permissions["querySync"]>[0]): string {
  const { Deno } = globalThis as { Deno?: { permissions?: Permissions } };
  return Deno?.permissions?.querySync(permission).state ?? "granted";
}

/** Whether this process may write files. */
export function mayWrite(): boolean {
  return stateOf({ name: "write" }) === "granted";
}

/** Whether this process may start others. */
export function mayRun(): boolean {
  return stateOf({ name: "run" }) === "granted";
}

/** A variable that tells of a server; undefined as well where this process may not look, which it must not ask for. */
export function variable(name: string): string | undefined {
  const granted = stateOf({ name: "env", variable: name }) === "granted";
  return granted ? process.env[name] || undefined : undefined;
}

/** Why a suite is skipped without its server. */
export function withoutServer(name: string): string {
  return `no server: \`${name}\` is not set; \`deno task test\` starts one`;
}

/** Why a suite is skipped that needs these variables; false if all are set. */
export function skipWithout(...names: readonly string[]): string | false {
  const missing = names.find((name) => variable(name) === undefined);
  return missing === undefined ? false : withoutServer(missing);
}
