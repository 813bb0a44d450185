import { join } from "node:path";
import { freePort, startServer } from "../../tests/servers/server.ts";
import { must } from "../shell.ts";
import type { Description } from "./description.ts";
import { fetched } from "./fetched.ts";

const version = "v2.5.0";
const module = `github.com/Shopify/toxiproxy/v2/cmd/server@${version}`;

/** Breaks the network between a suite and its servers. */
export const toxiproxy: Description = {
  backend: "toxiproxy",
  async start() {
    const folder = await fetched(
      `toxiproxy-${version}`,
      (folder) => must("go", ["install", module], { env: { GOBIN: folder } }),
    );
    const port = await freePort();
    const url = `http://127.0.0.1:${port}`;
    const { stop } = await startServer({
      command: join(folder, "server"),
      args: () => ["-host", "127.0.0.1", "-port", String(port)],
      ready: async () => (await fetch(`${url}/version`)).ok,
    });
    return { version: `Toxiproxy ${version}`, url, stop };
  },
};
