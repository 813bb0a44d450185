import { cpSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { must, run } from "../../tests/support/command.ts";
import { cache, deno, manifest, root } from "../project.ts";
import type { Count } from "../result.ts";
import { startRegistry } from "./registry.ts";

const folder = `${cache}jsr/`;

/** Publishes to a registry of this machine, and imports from there in Deno, each time with nothing downloaded before. */
export async function useFromJsr(count: Count): Promise<void> {
  const registry = await startRegistry(`${folder}package`);
  const env = { JSR_URL: registry.url, DENO_DIR: `${folder}deno` };
  try {
    const token = ["--token", "none", "--no-provenance"];
    await must(deno, ["publish", "--allow-dirty", ...token], { env: { JSR_URL: registry.url } });
    for (const [range, major] of [["~3.22", 3], ["4.0.0", 4], ["^4", 4]] as const) {
      const { output, packages } = await use("deno.ts", range, env);
      if (!output.endsWith(`${major} 42\n`)) count.fail(`JSR, Effect ${range}: ${output}`);
      else if (packages.some((name) => /^@aws/.test(name)) || !packages.includes("effect")) {
        count.fail(`JSR, Effect ${range}, memory alone: downloads ${packages.join(", ")}`);
      } else count.pass();
      if (range === "^4") count.note(`from JSR, memory alone: ${packages.length} packages of npm`);
    }
    const { output } = await use("deno_s3.ts", "^4", env);
    const reached = 'CACHE_GET_FAILED Cannot read the entry of "user:42": connect ECONNREFUSED';
    if (output.includes(reached)) count.pass();
    else count.fail(`JSR, the client of S3 by its specifier: ${output}`);
  } finally {
    registry.stop();
  }
}

/** Checks and runs a program with nothing downloaded; answers what it printed, and the npm packages that it needed. */
async function use(
  program: string,
  effect: string,
  env: Readonly<Record<"JSR_URL" | "DENO_DIR", string>>,
): Promise<{ output: string; packages: string[] }> {
  rmSync(env.DENO_DIR, { recursive: true, force: true });
  const imports = {
    effect: `npm:effect@${effect}`,
    "cache-locking": `jsr:${manifest.name}@${manifest.version}`,
  };
  writeFileSync(`${folder}deno.json`, JSON.stringify({ imports, lock: false }));
  cpSync(`${root}tests/package/${program}`, `${folder}${program}`);
  const { output } = await run(deno, ["run", "-A", "--check", program], { cwd: folder, env });
  const [registry] = readdirSync(`${env.DENO_DIR}/npm`).filter((name) => name.includes("."));
  const names = readdirSync(`${env.DENO_DIR}/npm/${registry}`);
  const packages = names.flatMap((name) =>
    name.startsWith("@")
      ? readdirSync(`${env.DENO_DIR}/npm/${registry}/${name}`).map((inner) => `${name}/${inner}`)
      : name
  );
  return { output, packages };
}
