import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { freePort } from "../../tests/support/redis_server.ts";
import { must } from "../shell.ts";
import type { Description } from "./description.ts";

const version = "v2.5.0";
const folder = join(
  process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache"),
  "cache-locking",
  `toxiproxy-${version}`,
);

/** Breaks the network between a suite and its servers. */
export const toxiproxy: Description = {
  backend: "toxiproxy",
  async start() {
    const binary = await install();
    const port = await freePort();
    const url = `http://127.0.0.1:${port}`;
    const server = spawn(binary, ["-host", "127.0.0.1", "-port", String(port)], {
      stdio: "ignore",
    });
    const over = new Promise<void>((resolve) => server.once("close", () => resolve()));
    const stop = () => {
      server.kill();
      return over;
    };
    for (let attempt = 0; attempt < 100; attempt++) {
      const up = await fetch(`${url}/version`).then((reply) => reply.text()).catch(() => undefined);
      if (up !== undefined) return { version: `Toxiproxy ${version}`, url, stop };
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    await stop();
    throw new Error("Toxiproxy did not come up");
  },
};

async function install(): Promise<string> {
  const binary = join(folder, "server");
  if (!existsSync(binary)) {
    await must("go", ["install", `github.com/Shopify/toxiproxy/v2/cmd/server@${version}`], {
      env: { GOBIN: folder },
    }).catch((error) => {
      throw new Error(`it could not be built with Go: ${error.message}`);
    });
  }
  return binary;
}
