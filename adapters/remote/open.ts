import { memoryAdapter } from "../memory.ts";
import { needs } from "./configs.ts";
import { openerOf } from "../../src/face/open_adapter.ts";
import type { OpenAdapter } from "../../src/face/settings.ts";

/** Opens every adapter of the package: memory at once, and the others when they are first used. */
export const open: OpenAdapter = openerOf({ memory: memoryAdapter }, {
  needs,
  load: async (type) => (await import("./load.ts")).loadAdapter(type),
});
