import process from "node:process";
import { fileURLToPath } from "node:url";
import { clientOf, createTable, loadSdk } from "../adapters/dynamodb/clients.ts";
import { PASSWORD } from "../conformance/told.ts";
import type { Description } from "./description.ts";
import { type StartedServer, type StartOptions, startServer } from "./server.ts";

/**
 * Starts a server on the loopback by its command, which is JSON; rejects if it doesn't come up. Its tables are gone when it
 * is stopped, unless `args` has a folder for them.
 */
export function startDynamodb(
  program: string,
  { port, args = [] }: StartOptions = {},
): Promise<StartedServer> {
  const [command, ...first]: string[] = JSON.parse(program);
  return startServer({
    command: command!,
    port,
    args: (_, port) => [...first, String(port), ...args],
    ready: async ({ url }) => (await (await fetch(url)).text()).includes("dynamodb"),
  });
}

/** The credentials and the region that the examples find, as their readers' are found. */
const env = {
  AWS_REGION: "local",
  AWS_ACCESS_KEY_ID: "local",
  AWS_SECRET_ACCESS_KEY: PASSWORD,
  // It would print which versions of Node it is going to leave.
  AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: "true",
};

/**
 * dynalite, with a table `cache`. Suites that stop and restart one of their own find its command in `DYNAMODB_SERVER`.
 */
export const dynamodb: Description = {
  backend: "dynamodb",
  find: () => Promise.resolve(),
  async start() {
    const path = (name: string) => fileURLToPath(new URL(name, import.meta.url));
    const lock = `--lock=${path("../../deno.lock")}`;
    const program = JSON.stringify(
      [process.execPath, "run", "-A", "--no-check", lock, path("dynalite.ts")],
    );
    const server = await startDynamodb(program);
    const sdk = await loadSdk();
    const client = clientOf(sdk, server.url);
    await createTable(sdk, client, { table: "cache" });
    client.destroy();
    const { default: { version } } = await import("dynalite/package.json", {
      with: { type: "json" },
    });
    return {
      ...server,
      version: `dynalite ${version}`,
      env: { ...env, DYNAMODB_SERVER: program },
    };
  },
};
