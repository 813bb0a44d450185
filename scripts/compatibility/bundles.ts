import { spawn } from "node:child_process";
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { workersOf } from "../../tests/servers/workers.ts";
import { versionOf } from "../bench/machine.ts";
import { must } from "../../tests/support/command.ts";
import { npmInstall } from "../npm_install.ts";
import { bundlers } from "../package/bundles.ts";
import { effectVersions, lockfile, root } from "../project.ts";
import { bundleWorker } from "../worker.ts";
import { fromDebian } from "./packages.ts";
import type { Answer } from "./process.ts";
import type { Family, ProgramRow } from "./row.ts";
import { compiled } from "./runtimes.ts";

/** The bundles of a program that judges the memory adapter, by each bundler, with nothing but Effect installed. */
let bundled: Promise<{ readonly folder: string; readonly lines: readonly Bundled[] }> | undefined;

interface Bundled {
  readonly bundler: string;
  readonly output?: string;
  readonly error?: string;
}

async function bundle(): Promise<Awaited<NonNullable<typeof bundled>>> {
  const run = await compiled();
  const folder = await npmInstall("compatibility-bundled", { effect: effectVersions[4] });
  rmSync(`${folder}run`, { recursive: true, force: true });
  cpSync(run, `${folder}run`, { recursive: true });
  writeFileSync(`${folder}consumer.js`, 'import "./run/scripts/compatibility/consumer.js";\n');
  const tools = await npmInstall("bundlers", bundlers);
  cpSync(`${root}tests/package/bundlers.js`, `${tools}bundlers.js`);
  const output = await must("node", [`${tools}bundlers.js`], { cwd: folder, timeout: 600_000 });
  const lines = output.split("\n").filter((line) => line.startsWith('{"bundler"'))
    .map((line): Bundled => JSON.parse(line));
  return { folder, lines };
}

function bundlerRow([name, version]: readonly [string, string]): ProgramRow {
  return {
    name: name.replace("@rspack/core", "rspack"),
    async judge() {
      const { lines } = await (bundled ??= bundle());
      const bundler = name.replace("@rspack/core", "rspack");
      const line = lines.find((line) => line.bundler === bundler);
      const { output, error = "it printed nothing" } = line ?? { error: "it did not run" };
      const answer: Answer = output ? JSON.parse(output) : { refused: error };
      return { version, answer };
    },
  };
}

/** Has a page judge within itself, in a headless Chromium. */
const chromium: ProgramRow = {
  name: "Chromium, bundled by esbuild",
  async judge() {
    const { path, version } = await fromDebian("chromium");
    const { folder } = await (bundled ??= bundle());
    const files = join(folder, "bundles/esbuild");
    const profile = mkdtempSync(join(tmpdir(), "cache-locking-"));
    const flags = [
      "--headless",
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
    ];
    let browser: ReturnType<typeof spawn> | undefined;
    const server = createServer();
    try {
      const answer = await new Promise<Answer>((resolve, reject) => {
        setTimeout(reject, 120_000, new Error("the page did not answer")).unref();
        server.on("request", async (request, response) => {
          const file = request.url!.slice(1);
          if (file === "answer") {
            let body = "";
            for await (const chunk of request) body += chunk;
            response.end();
            return resolve(JSON.parse(body));
          }
          const script = readdirSync(files).includes(file);
          response.setHeader("content-type", script ? "text/javascript" : "text/html");
          const page = '<!doctype html><script type="module" src="consumer.js"></script>';
          response.end(script ? readFileSync(join(files, file)) : page);
        });
        server.listen(0, "127.0.0.1", () => {
          const { port } = server.address() as { readonly port: number };
          const args = [...flags, `--user-data-dir=${profile}`, `http://127.0.0.1:${port}/`];
          browser = spawn(path, args, { stdio: "ignore" }).on("error", reject);
        });
      });
      return { version, answer };
    } finally {
      if (browser !== undefined) {
        const ended = new Promise((resolve) => browser!.once("close", resolve));
        browser.kill("SIGKILL");
        await ended;
      }
      server.close();
      server.closeAllConnections();
      // Its children write for a moment longer.
      await new Promise((resolve) => setTimeout(resolve, 1000));
      rmSync(profile, { recursive: true, force: true });
    }
  },
};

/** Has a Worker judge an adapter over its own bindings. */
function workerRow(adapter: string): ProgramRow {
  return {
    name: `workerd, \`${adapter}\``,
    async judge() {
      const bundle = () => bundleWorker(4, "scripts/compatibility/worker.ts");
      const { url, stop } = await workersOf(bundle).start();
      try {
        const response = await fetch(`${url}/${adapter}`);
        const version = `Miniflare ${versionOf("miniflare", lockfile)}`;
        return { version, answer: await response.json() };
      } finally {
        await stop();
      }
    },
  };
}

/** Where there is one process, or none but isolates: three players in it, each with flights of its own. */
export const bundlesFamily: Family = {
  name: "bundles",
  client: "",
  rows: [
    ...Object.entries(bundlers).filter(([name]) => !name.includes("plugin")).map(bundlerRow),
    chromium,
    ...["memory", "cloudflare-d1", "cloudflare-kv", "r2"].map(workerRow),
  ],
};
