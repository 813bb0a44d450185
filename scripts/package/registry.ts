/** A registry like JSR's, of one package, on this machine. */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { manifest } from "../project.ts";

/** A registry that runs. */
export interface Registry {
  /** Where it is, as `JSR_URL` has it. */
  readonly url: string;
  /** What it was asked for, as paths. */
  readonly requests: readonly string[];
  /** Stops it. */
  stop(): void;
}

/** Starts a registry that takes what `deno publish` sends, keeps it in a folder, and serves it to who imports it. */
export async function startRegistry(folder: string): Promise<Registry> {
  const requests: string[] = [];
  const { version, exports } = manifest;
  const name = `/${manifest.name}`;
  const upload = `/api/scopes/${manifest.name.slice(1).replace("/", "/packages/")}`;

  const receive = async (request: IncomingMessage): Promise<string> => {
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    const input = await buffer(request);
    const { status, stderr } = spawnSync("tar", ["-xzf", "-", "-C", folder], { input });
    if (status !== 0) throw new Error(`Cannot unpack what was published: ${stderr}`);
    return JSON.stringify({ id: "1", status: "success" });
  };
  const answer = (path: string): string | Buffer | undefined => {
    if (path === upload) return "{}";
    if (path === `${name}/meta.json`) return JSON.stringify({ versions: { [version]: {} } });
    if (path === `${name}/${version}_meta.json`) {
      return JSON.stringify({ manifest: manifestOf(folder), exports });
    }
    const file = path.split(`${name}/${version}/`)[1];
    return file && readFileSync(join(folder, file));
  };

  const server = createServer(async (request, response) => {
    const path = request.url!.split("?")[0]!;
    requests.push(path);
    try {
      const body = request.method === "POST" ? await receive(request) : answer(path);
      response.statusCode = body === undefined ? 404 : 200;
      response.end(body ?? "{}");
    } catch (error) {
      response.statusCode = 500;
      response.end(String(error));
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}/`, requests, stop: () => server.close() };
}

/** The files of a folder, as JSR lists them. */
function manifestOf(folder: string): Record<string, { size: number; checksum: string }> {
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((path) => statSync(join(folder, path)).isFile());
  return Object.fromEntries(files.map((path) => {
    const bytes = readFileSync(join(folder, path));
    const checksum = createHash("sha256").update(bytes).digest("hex");
    return [`/${path}`, { size: bytes.length, checksum: `sha256-${checksum}` }];
  }));
}
