/**
 * Proves that each file imports only from its own room and from those below, and that no imports run in a circle: those of
 * types count, too.
 */
import { globSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path/posix";
import { readArguments } from "./arguments.ts";
import { root } from "./project.ts";

/** The sources, by their paths from the top of the project. */
type Sources = ReadonlyMap<string, string>;

/** The rooms, from the ground up, each with the rooms that it may import from beside its own. */
const rooms: readonly { readonly path: RegExp; readonly below: readonly string[] }[] = [
  { path: /^src\/effect\//, below: [] },
  { path: /^src\/model\//, below: ["src/effect/"] },
  { path: /^src\/store\//, below: ["src/effect/", "src/model/"] },
  { path: /^src\/engine\//, below: ["src/effect/", "src/model/", "src/store/"] },
  { path: /^src\/metrics\//, below: ["src/effect/", "src/model/"] },
  { path: /^src\/face\//, below: ["src/effect/", "src/model/", "src/store/", "src/engine/"] },
  { path: /^adapters\/kit\//, below: ["src/effect/", "src/model/", "src/store/"] },
  {
    path: /^adapters\/\w+(\.ts$|\/(?<!kit\/|remote\/|workers\/))/,
    below: ["src/effect/", "src/model/", "src/store/", "adapters/kit/"],
  },
  { path: /^adapters\/(remote|workers)\//, below: ["src/", "adapters/"] },
  { path: /^(mod|promise)\.ts$/, below: ["src/", "adapters/"] },
  { path: /^tests\//, below: ["src/", "adapters/", "mod.ts", "promise.ts"] },
  { path: /^scripts\//, below: ["src/", "adapters/", "mod.ts", "promise.ts", "tests/"] },
  {
    path: /^docs\//,
    below: ["src/", "adapters/", "mod.ts", "promise.ts", "tests/", "scripts/"],
  },
];

/** What is wrong with the imports of these files. */
export function importErrors(sources: Sources): string[] {
  const imports = new Map([...sources].map(([file, text]) => [file, importsOf(file, text)]));
  return [
    ...[...imports].flatMap(([file, targets]) => outOfRoom(file, targets)),
    ...circles(imports),
  ];
}

function importsOf(file: string, text: string): string[] {
  const specifiers = text.matchAll(
    /^(?:import\b[^;]*?|export\b[^;"]*\bfrom\s*)"(\.[^"]+)"|\bimport\("(\.[^"]+)"\)/gm,
  );
  return [...specifiers].map(([, fixed, loaded]) => join(dirname(file), fixed ?? loaded!));
}

function outOfRoom(file: string, targets: readonly string[]): string[] {
  const room = rooms.find(({ path }) => path.test(file));
  if (room === undefined) return [`${file} is in no room`];
  // A backend's own room is its file and the folder of the same name.
  const own = /^adapters\/(?!kit|remote|workers)(\w+)/.exec(file)?.[0];
  const top = file.split("/", file.startsWith("src/") || file.startsWith("adapters/") ? 2 : 1).join(
    "/",
  );
  return targets.filter((target) =>
    !room.below.some((below) => target.startsWith(below)) &&
    !(own === undefined ? target.startsWith(`${top}/`) : new RegExp(`^${own}[./]`).test(target))
  ).map((target) => `${file} must not import ${target}`);
}

function circles(imports: ReadonlyMap<string, readonly string[]>): string[] {
  const found: string[] = [];
  const done = new Set<string>();
  const visit = (file: string, path: readonly string[]): void => {
    const start = path.indexOf(file);
    if (start >= 0) found.push(`${[...path.slice(start), file].join(" → ")} is a circle`);
    if (start >= 0 || done.has(file)) return;
    for (const target of imports.get(file) ?? []) visit(target, [...path, file]);
    done.add(file);
  };
  for (const file of imports.keys()) visit(file, []);
  return found;
}

/** Throws, naming each, if an import is in the way; and if a import that is turned round would not be noticed. */
export function checkFloors(): void {
  const files = globSync("{{mod,promise}.ts,{src,adapters,tests,scripts,docs}/**/*.ts}", {
    cwd: root,
  });
  const sources = new Map(files.map((file) => [file, readFileSync(`${root}${file}`, "utf8")]));
  const errors = importErrors(sources);
  if (errors.length > 0) throw new Error(errors.join("\n"));
  for (const [file, text] of sources) {
    if (!file.startsWith("src/") && !file.startsWith("adapters/")) continue;
    const target = importsOf(file, text).find((target) => target !== file && sources.has(target));
    if (target === undefined) continue;
    const path = `${"../".repeat(target.split("/").length - 1)}${file}`;
    const turned = new Map(sources).set(
      target,
      `${sources.get(target)}\nimport type {} from "${path}";`,
    );
    if (importErrors(turned).length === 0) {
      throw new Error(`an import of ${file} in ${target} would not be noticed`);
    }
  }
}

if (import.meta.main) {
  readArguments({
    name: "check:floors",
    does: "Proves that each file imports only from its own room and from those below it.",
  });
  checkFloors();
  console.log(
    "Each file imports only from its own room and from those below, and there is no circle",
  );
}
